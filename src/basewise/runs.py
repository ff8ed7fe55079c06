"""Who runs the workflow in a directory, so that a second run says more than that it is locked."""

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError

NOTE = Path(".snakemake/basewise.json")
LOCKS = Path(".snakemake/locks")
UNLOCK = "snakemake --unlock, then the same command again: finished files are kept"


@dataclass(frozen=True)
class Run:
    """One `snakemake`.

    Attributes:
        host, pid: Where it runs.
        born: What tells its process from a later one of the same pid; None where nothing does.
        began: Seconds since the epoch.
        jobs: The name that all its cluster jobs bear; None without a cluster.
    """

    host: str
    pid: int
    born: str | None
    began: float
    jobs: str | None = None

    def is_alive(self) -> bool | None:
        """Whether its process is there; None when that cannot be seen from this host."""
        if self.host != socket.gethostname():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return _birth(self.pid) == self.born

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.began))
        return f"process {self.pid} on {self.host}, begun {since}"


def note_run(folder: str | os.PathLike, *, jobs: str | None = None) -> Run:
    """Note that this process runs the workflow in the folder, and return the note."""
    run = Run(socket.gethostname(), os.getpid(), _birth(os.getpid()), time.time(), jobs)
    with atomic_path(Path(folder) / NOTE) as temporary:
        temporary.write_text(json.dumps(asdict(run)))
    return run


def read_run(folder: str | os.PathLike) -> Run | None:
    """The last run noted in the folder; None when there is none that can be read."""
    try:
        return Run(**json.loads((Path(folder) / NOTE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find_other(folder: str | os.PathLike, *, is_locked: bool) -> Run | None:
    """The run of another process that is at work in the folder; None when there is none.

    Args:
        is_locked: Whether the folder was locked when this process began. A run on another host,
            which cannot be seen from here, counts as long as there is a lock.
    """
    run = read_run(folder)
    if run is None or (run.host, run.pid) == (socket.gethostname(), os.getpid()):
        return None
    is_alive = run.is_alive()
    return run if is_alive or (is_alive is None and is_locked) else None


def refuse_beside(other: Run) -> None:
    """Raise, because another run is at work in the same directory."""
    hint = "Wait for it, or end it with Ctrl-C. `snakemake estimate` may run beside it."
    if other.is_alive() is None:
        hint = f"Look there; if it is gone: {UNLOCK}"
    raise BasewiseError("One run at a time in a directory", found=str(other), hint=hint)


def explain_lock(folder: str | os.PathLike) -> str | None:
    """What holds the lock of Snakemake in the folder, and what to do; None when nothing does."""
    locks = Path(folder) / LOCKS
    if not locks.is_dir() or not any(locks.iterdir()):
        return None
    run = read_run(folder)
    where = Path(folder).resolve()
    if run is None:
        return f"{where} is locked by a run that left no note. If none is under way: {UNLOCK}"
    if run.is_alive():
        return f"Another run is at work in {where}: {run}. Wait for it, or end it with Ctrl-C"
    if run.is_alive() is None:
        return f"{where} is locked by {run}. Look there; if it is gone: {UNLOCK}"
    return f"The last run in {where} was killed: {run}. Do this: {UNLOCK}"


def _birth(pid: int) -> str | None:
    """When a process began, in ticks since boot; None without /proc, or if it has ended."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    except (OSError, ValueError, IndexError):
        return None
