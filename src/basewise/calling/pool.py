"""Elements side by side: one process per element at a time, results in order.

Processes, because reading a bigWig holds the interpreter's lock. They are fresh interpreters: a
fork of a process that has threads, as JAX starts them, may hang, and multiprocessing's other ways
run the main script anew, which a workflow script without a `__main__` guard does not survive.
"""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from typing import BinaryIO, TypeVar

from basewise.errors import BasewiseError

Job = TypeVar("Job")
Result = TypeVar("Result")

_START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from basewise.calling.pool import serve; serve()"
)


def map_in_processes(
    function: Callable[[Job], Result], jobs: Iterable[Job], processes: int
) -> Iterator[Result]:
    """Yield `function(job)` for each job, in order; in this process when `processes` is 1.

    Function, jobs and results are pickled. The first job that fails raises its error here, once
    those that run have ended.
    """
    jobs = list(jobs)
    if processes == 1:
        yield from map(function, jobs)
        return
    with ExitStack() as stack:
        idle: SimpleQueue[subprocess.Popen] = SimpleQueue()
        for _ in range(min(processes, len(jobs))):
            worker = subprocess.Popen(
                [sys.executable, "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            stack.callback(_end, worker)
            pickle.dump(sys.path, worker.stdin)
            idle.put(worker)
        pool = ThreadPoolExecutor(processes)
        stack.callback(pool.shutdown, cancel_futures=True)
        yield from pool.map(partial(_run, idle, function), jobs)


def serve() -> None:
    """Answer (function, job) by (whether it succeeded, result or error) until the input ends."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what a library prints is no answer
    while (request := _next(sys.stdin.buffer)) is not None:
        function, job = request
        try:
            answer = (True, function(job))
        except Exception as error:
            answer = (False, error)
        pickle.dump(answer, answers)
        answers.flush()


def _run(
    idle: SimpleQueue[subprocess.Popen], function: Callable[[Job], Result], job: Job
) -> Result:
    worker = idle.get()
    try:
        pickle.dump((function, job), worker.stdin)
        worker.stdin.flush()
        answer = _next(worker.stdout)
    except BrokenPipeError:
        answer = None
    finally:
        idle.put(worker)
    if answer is None:
        raise BasewiseError(
            "A process that read tracks has died",
            found=f"exit status {worker.wait()}",
            hint="Was it killed for its memory? Give the job more, or fewer threads",
        )
    succeeded, result = answer
    if not succeeded:
        raise result
    return result


def _next(stream: BinaryIO) -> object | None:
    try:
        return pickle.load(stream)
    except (EOFError, pickle.UnpicklingError):  # it ends, or was cut off
        return None


def _end(worker: subprocess.Popen) -> None:
    worker.kill()
    with worker:  # closes its pipes and waits
        pass
