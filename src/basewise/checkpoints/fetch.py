"""Bringing a checkpoint in: from a directory or a URL, checked before it is used."""

import os
from pathlib import Path

from basewise.checkpoints.config import CONFIG_NAME, PARAMS_NAME
from basewise.errors import BasewiseError
from basewise.genome.fetch import fetch

HUB = "hf://"


def fetch_checkpoint(
    source: str, checkpoint: str | os.PathLike, *, checksum: str | None = None
) -> None:
    """Copy a checkpoint into a directory and compare its arrays with its config.

    Args:
        source: a directory, or the URL of one, that holds config.json and params.safetensors.
        checksum: "sha256:…" or "md5:…" of params.safetensors.

    Raises:
        BasewiseError: the source is not a checkpoint, its checksum is another, or its arrays are
            not those of its config; then the directory holds neither file.
    """
    if source.startswith(HUB):
        raise BasewiseError(
            "published checkpoints cannot be imported by this version of basewise",
            found=source,
            hint="Give a directory with config.json and params.safetensors as checkpoints source.",
        )
    checkpoint = Path(checkpoint)
    if "://" not in source and not Path(source).is_dir():
        raise BasewiseError(
            f"checkpoint {source} does not exist",
            hint=f"It is a directory with {CONFIG_NAME} and {PARAMS_NAME}.",
        )
    base = source.rstrip("/")
    try:
        fetch(f"{base}/{CONFIG_NAME}", checkpoint / CONFIG_NAME)
        fetch(f"{base}/{PARAMS_NAME}", checkpoint / PARAMS_NAME, checksum)
        _check(checkpoint)
    except BaseException:
        for name in (CONFIG_NAME, PARAMS_NAME):
            (checkpoint / name).unlink(missing_ok=True)
        raise


def _check(checkpoint: Path) -> None:
    from basewise.checkpoints.store import check_checkpoint  # JAX only where it is needed

    check_checkpoint(checkpoint)
