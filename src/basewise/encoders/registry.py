"""The encoders by name: those that need no weights, and checkpoints by their directory."""

import inspect
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from basewise.encoders.encoder import PROTEIN, TEXT, Encoder
from basewise.encoders.offline import (
    WINDOW_NEIGHBOURS,
    build_ngrams,
    build_physchem,
    build_table,
)
from basewise.errors import BasewiseError, nearest

TABLE = "table"  # reads names alone: a row for each
OFFLINE: dict[str, tuple[str, Callable[..., Encoder]]] = {
    "physchem": (PROTEIN, build_physchem),
    "physchem_window": (
        PROTEIN,
        partial(build_physchem, "physchem_window", neighbours=WINDOW_NEIGHBOURS),
    ),
    "ngrams": (TEXT, build_ngrams),
    TABLE: (TEXT, build_table),
}


def build_encoder(
    source: str | os.PathLike,
    *,
    kind: str | None = None,
    names: Sequence[str] | None = None,
    batch_size: int | None = None,
    platform: str | None = None,
    threads: int | None = None,
    promised_devices: int | None = None,
    **settings,
) -> Encoder:
    """Return an encoder.

    Args:
        source: a name of OFFLINE, or the directory of an encoder's checkpoint.
        kind: "protein" or "text", where one of them is needed.
        names: all texts that will be encoded, for encoders that are made for them (table).
        batch_size, platform, threads, promised_devices: how fast and where it runs, of those that
            compute; see `transformer.load_encoder`.
        settings: of offline encoders, the keywords of their builders in `offline`; of checkpoints,
            those of `transformer.load_encoder`.

    Raises:
        BasewiseError: neither a name nor a checkpoint, an encoder of another kind, or a setting
            that it does not have.
    """
    name = os.fspath(source)
    if name in OFFLINE:
        build = OFFLINE[name][1]
    elif (Path(source) / "config.json").is_file():
        from basewise.encoders.transformer import load_encoder  # JAX only where it is needed

        build = partial(load_encoder, source)
    elif Path(source).is_dir() or os.sep in name:
        raise BasewiseError(
            f"{name} is not the checkpoint of an encoder",
            found="no config.json in it",
            hint=f"Or use one of {', '.join(OFFLINE)}.",
        )
    else:
        raise BasewiseError("unknown encoder", found=repr(name), hint=nearest(name, OFFLINE))
    known = [
        key
        for key, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    offered = {"names": names, "batch_size": batch_size, "platform": platform}
    offered |= {"threads": threads, "promised_devices": promised_devices}
    chosen = {key: value for key, value in offered.items() if value is not None and key in known}
    known = [key for key in known if key not in offered]
    for key, value in settings.items():
        if key not in known:
            raise BasewiseError(
                f"encoder {name} has no setting {key}",
                found=repr(value),
                hint=f"It has {', '.join(known)}." if known else "It has none.",
            )
    encoder = build(**settings, **chosen)
    if kind is not None:
        encoder.check_kind(kind)
    return encoder
