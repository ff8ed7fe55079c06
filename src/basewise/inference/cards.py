"""Which graphics cards of this machine a job may use: those it was given, or free ones it claims.

A scheduler says by CUDA_VISIBLE_DEVICES which are a job's. Without one, every job sees all cards;
each then locks as many as it was promised, for as long as its process lives.
"""

import fcntl
import logging
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from basewise.errors import BasewiseError

VISIBLE = "CUDA_VISIBLE_DEVICES"
log = logging.getLogger(__name__)
_held: list = []  # open files; the locks go when the process does


def claim_cards(n_devices: int, *, folder: Path | None = None) -> None:
    """Narrow CUDA_VISIBLE_DEVICES to ``n_devices`` cards that no other job of ours has.

    Nothing happens where no more are visible than that. Call it before JAX is used.

    Args:
        folder: where the locks are; None for one of this user's in the temporary directory.

    Raises:
        BasewiseError: too few are free.
    """
    visible = list_cards()
    if len(visible) <= n_devices:
        return
    if folder is None:
        folder = Path(tempfile.gettempdir()) / f"basewise-cards-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = []
    for card in visible:
        if len(mine) < n_devices and _lock(folder / f"{card}.lock"):
            mine.append(card)
    if len(mine) < n_devices:
        raise BasewiseError(
            f"a job on {os.uname().nodename} was promised {n_devices} cards and finds too few that "
            "no other job uses",
            found=f"{len(mine)} free of {len(visible)}",
            hint=f"Run fewer such jobs at a time: --resources gpu={len(visible)}.",
        )
    os.environ[VISIBLE] = ",".join(mine)
    log.info("cards %s of %d on this machine", os.environ[VISIBLE], len(visible))


def list_cards(devices: Path = Path("/dev")) -> Sequence[str]:
    """Return the cards this process may see: what the scheduler says, else all there are."""
    if VISIBLE in os.environ:
        return [card.strip() for card in os.environ[VISIBLE].split(",") if card.strip()]
    numbers = (re.fullmatch(r"nvidia(\d+)", path.name) for path in devices.glob("nvidia*"))
    return sorted((match[1] for match in numbers if match), key=int)


def _lock(path: Path) -> bool:
    stream = path.open("a")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        return False
    _held.append(stream)
    return True
