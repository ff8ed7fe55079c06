"""Who runs the workflow in a directory, so that a second run says more than that it is locked."""

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from basewise.atomic import atomic_path

NOTE = Path(".snakemake/basewise.json")
LOCKS = Path(".snakemake/locks")


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


def explain_lock(folder: str | os.PathLike) -> str | None:
    """What holds the lock of Snakemake in the folder, and what to do; None when nothing does."""
    locks = Path(folder) / LOCKS
    if not locks.is_dir() or not any(locks.iterdir()):
        return None
    run = read_run(folder)
    where = Path(folder).resolve()
    unlock = "snakemake --unlock, then the same command again: finished files are kept"
    if run is None:
        return f"{where} is locked by a run that left no note. If none is under way: {unlock}"
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.began))
    who = f"process {run.pid} on {run.host}, begun {since}"
    if run.is_alive():
        return f"Another run is at work in {where}: {who}. Wait for it, or end it with Ctrl-C"
    if run.is_alive() is None:
        return f"{where} is locked by {who}. Look there; if it is gone: {unlock}"
    return f"The last run in {where} was killed: {who}. Do this: {unlock}"


def _birth(pid: int) -> str | None:
    """When a process began, in ticks since boot; None without /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
