"""Elements side by side: one process per element at a time, results in order."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def map_in_processes(
    function: Callable[[Job], Result], jobs: Iterable[Job], processes: int
) -> Iterator[Result]:
    """Yield `function(job)` for each job, in order; in this process when `processes` is 1.

    Processes, because reading a bigWig holds the interpreter's lock. They are forked, so that a
    workflow script without a `__main__` guard may call this.
    """
    if processes == 1:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(function, jobs)
