"""Bringing a checkpoint in: from a directory, a URL or a hub, checked before it is used."""

import os
from pathlib import Path

from basewise.checkpoints.config import CONFIG_NAME, HUB, PARAMS_NAME
from basewise.checkpoints.lock import Pin, find_pin
from basewise.checkpoints.origin import ORIGIN_NAME, Origin, SourceFile, write_origin
from basewise.errors import BasewiseError
from basewise.genome.fetch import fetch


def fetch_checkpoint(
    source: str,
    checkpoint: str | os.PathLike,
    *,
    checksum: str | None = None,
    model: str | None = None,
    lock: str | os.PathLike | None = None,
) -> Origin:
    """Bring a checkpoint into a directory and compare its arrays with its config.

    Where it came from is written beside it, as origin.json.

    Args:
        source: a directory, or the URL of one, that holds config.json and params.safetensors; or
            hf://OWNER/NAME[@REVISION] for published weights, which are fetched and imported.
        checksum: "sha256:…" or "md5:…" of params.safetensors, or of the published file.
        model: its name in the lock; also which published model it is, where the repository does
            not tell.
        lock: a file that may pin what comes from elsewhere (`basewise.checkpoints.lock`).

    Raises:
        BasewiseError: the source is not a checkpoint, its checksum is another, it is not what the
            lock says, or its arrays are not those of its config; then the directory holds none of
            the files.
    """
    checkpoint = Path(checkpoint)
    pin = find_pin(lock, model, source)
    try:
        if source.startswith(HUB):
            origin = _import(source, checkpoint, model, checksum, pin)
        else:
            origin = _copy(source, checkpoint, checksum, pin)
        if pin:
            pin.check_params(origin.params_sha256)
        _check(checkpoint)
        write_origin(checkpoint, origin)
    except BaseException:
        for name in (CONFIG_NAME, PARAMS_NAME, ORIGIN_NAME):
            (checkpoint / name).unlink(missing_ok=True)
        raise
    return origin


def _import(
    source: str, checkpoint: Path, model: str | None, checksum: str | None, pin: Pin | None
) -> Origin:
    from basewise.checkpoints.hub import fetch_published  # JAX only where it is needed

    return fetch_published(source, checkpoint, model_name=model, checksum=checksum, pin=pin)


def _copy(source: str, checkpoint: Path, checksum: str | None, pin: Pin | None) -> Origin:
    if "://" not in source and not Path(source).is_dir():
        raise BasewiseError(
            f"checkpoint {source} does not exist",
            hint=f"It is a directory with {CONFIG_NAME} and {PARAMS_NAME}.",
        )
    files = []
    for name, expected in ((CONFIG_NAME, None), (PARAMS_NAME, checksum)):
        record = fetch(f"{source.rstrip('/')}/{name}", checkpoint / name, expected)
        files.append(SourceFile(name, record.bytes, record.sha256))
        if pin:
            pin.check_file(files[-1])
    return Origin(source, files[-1].sha256, tuple(files))


def _check(checkpoint: Path) -> None:
    from basewise.checkpoints.store import check_checkpoint

    check_checkpoint(checkpoint)
