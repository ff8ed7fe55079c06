"""When a device runs out of memory: what was not computed is, in batches half as large."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol, TypeVar

import jax

from basewise.errors import BasewiseError

Item = TypeVar("Item")
Result = TypeVar("Result")
SIGNS = ("RESOURCE_EXHAUSTED", "out of memory", "OUT_OF_MEMORY")
log = logging.getLogger(__name__)


class Halvable(Protocol):
    """What computes in batches of a size."""

    rows_per_device: int

    def halve(self) -> None:
        """Take half the size from now on, or raise BasewiseError when it cannot be halved."""


def run_halving(
    runner: Halvable,
    items: Iterable[Item],
    run: Callable[[Iterable[tuple[int, Item]]], Iterator[tuple[list[int], Result]]],
) -> Iterator[tuple[list[int], Result]]:
    """Yield what ``run`` yields of numbered items, places and results.

    Where memory runs out, the runner halves its batches, and what has no result runs once more.

    Raises:
        BasewiseError: one row alone is too much.
    """
    left = enumerate(items)
    taken: dict[int, Item] = {}
    while True:
        waiting = chain(sorted(taken.items(), key=lambda pair: pair[0]), left)
        try:
            for places, results in run(_noting(waiting, taken)):
                for place in places:
                    del taken[place]
                yield places, results
            return
        except jax.errors.JaxRuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0]
        log.warning("batches of %d per device are too large: %s", runner.rows_per_device, reason)
        runner.halve()  # only here, where the traceback no longer holds what is on the device


def halve_rows(runner: Halvable, row: str, hint: str) -> None:
    """Halve the batches of a runner, a frozen dataclass.

    Args:
        row: what one row is, for people.

    Raises:
        BasewiseError: they are of one row.
    """
    if runner.rows_per_device == 1:
        raise BasewiseError(f"the device has no memory for {row}", hint=hint)
    object.__setattr__(runner, "rows_per_device", runner.rows_per_device // 2)
    log.warning("batches of %d per device from now on", runner.rows_per_device)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of XLA says that memory ran out."""
    return any(sign in str(error) for sign in SIGNS)


def _noting(items: Iterator[tuple[int, Item]], taken: dict[int, Item]) -> Iterator:
    for place, item in items:
        taken[place] = item
        yield place, item
