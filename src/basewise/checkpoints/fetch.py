"""Bringing a checkpoint in: from a directory, a URL or a hub, checked before it is used."""

import os
from pathlib import Path

from basewise.checkpoints.config import CONFIG_NAME, HUB, PARAMS_NAME
from basewise.errors import BasewiseError
from basewise.genome.fetch import fetch


def fetch_checkpoint(
    source: str,
    checkpoint: str | os.PathLike,
    *,
    checksum: str | None = None,
    model: str | None = None,
) -> None:
    """Bring a checkpoint into a directory and compare its arrays with its config.

    Args:
        source: a directory, or the URL of one, that holds config.json and params.safetensors; or
            hf://OWNER/NAME[@REVISION] for published weights, which are fetched and imported.
        checksum: "sha256:…" or "md5:…" of params.safetensors, or of the published file.
        model: which published model it is, where the repository does not tell.

    Raises:
        BasewiseError: the source is not a checkpoint, its checksum is another, or its arrays are
            not those of its config; then the directory holds neither file.
    """
    checkpoint = Path(checkpoint)
    try:
        if source.startswith(HUB):
            _import(source, checkpoint, model, checksum)
        else:
            _copy(source, checkpoint, checksum)
        _check(checkpoint)
    except BaseException:
        for name in (CONFIG_NAME, PARAMS_NAME):
            (checkpoint / name).unlink(missing_ok=True)
        raise


def _import(source: str, checkpoint: Path, model: str | None, checksum: str | None) -> None:
    from basewise.checkpoints.hub import fetch_published  # JAX only where it is needed

    fetch_published(source, checkpoint, model_name=model, checksum=checksum)


def _copy(source: str, checkpoint: Path, checksum: str | None) -> None:
    if "://" not in source and not Path(source).is_dir():
        raise BasewiseError(
            f"checkpoint {source} does not exist",
            hint=f"It is a directory with {CONFIG_NAME} and {PARAMS_NAME}.",
        )
    base = source.rstrip("/")
    fetch(f"{base}/{CONFIG_NAME}", checkpoint / CONFIG_NAME)
    fetch(f"{base}/{PARAMS_NAME}", checkpoint / PARAMS_NAME, checksum)


def _check(checkpoint: Path) -> None:
    from basewise.checkpoints.store import check_checkpoint

    check_checkpoint(checkpoint)
