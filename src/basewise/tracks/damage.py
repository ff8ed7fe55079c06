"""What becomes of a shard that proves damaged when it is merged."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from basewise.errors import BasewiseError
from basewise.tracks.shard_format import DamagedShardError


def aside_path(shard: Path) -> Path:
    """Where a damaged shard goes."""
    return shard.with_name(f"{shard.name}.corrupt")


@contextmanager
def set_damaged_aside() -> Iterator[None]:
    """Rename a shard that proves damaged to ``*.corrupt``, then fail.

    Nothing is merged from it, and the next run finds it missing, so that it is computed anew. Of
    jobs that find the same damage the first renames it.

    Raises:
        BasewiseError: A shard is damaged; it tells which, and that the same command is to be run.
    """
    try:
        yield
    except DamagedShardError as error:
        aside = aside_path(error.path)
        with suppress(FileNotFoundError):
            error.path.replace(aside)
        raise BasewiseError(
            f"{error.damage}. It was not merged, and is now {aside.name} beside its place",
            hint="Run the same command again: this shard alone is computed anew. If it happens "
            "again, the disk or the memory of a machine is not sound",
        ) from error
