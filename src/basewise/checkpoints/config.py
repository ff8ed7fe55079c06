"""A checkpoint's config.json: family, architecture, geometry, tracks, origin. No JAX here."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.tiling import TileSpec

FORMAT = 1
CONFIG_NAME, PARAMS_NAME = "config.json", "params.safetensors"
HUB = "hf://"  # how the source of published weights begins
REQUIRED = (
    "format",
    "name",
    "family",
    "revision",
    "source",
    "licence",
    "species",
    "architecture",
    "tile_spec",
    "tracks",
)


def read_config(checkpoint: str | os.PathLike) -> dict:
    """Return the config of a checkpoint directory.

    Raises:
        BasewiseError: no such directory or file, broken JSON (with its line), a missing key, or a
            format this version does not read.
    """
    path = Path(checkpoint) / CONFIG_NAME
    if not path.is_file():
        raise BasewiseError(
            f"{checkpoint} is not a checkpoint",
            found=f"no {CONFIG_NAME} in it",
            hint=f"A checkpoint is a directory with {CONFIG_NAME} and {PARAMS_NAME}.",
        )
    try:
        config = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise BasewiseError(f"{path} line {error.lineno} is not JSON", found=error.msg) from None
    missing = [key for key in REQUIRED if key not in config]
    if missing:
        raise BasewiseError(f"{path} lacks keys", found=f"no {', '.join(missing)}")
    if config["format"] != FORMAT:
        raise BasewiseError(
            f"{path} has a format this version does not read",
            found=config["format"],
            hint=f"This version reads format {FORMAT}; update basewise.",
        )
    return config


def write_config(checkpoint: str | os.PathLike, config: dict) -> None:
    """Write the config of a checkpoint directory."""
    with atomic_path(Path(checkpoint) / CONFIG_NAME) as temporary:
        temporary.write_text(json.dumps({"format": FORMAT, **config}, indent=2) + "\n")


def read_tile_spec(
    checkpoint: str | os.PathLike, *, context_bp: int | None = None, halo_bp: int | None = None
) -> TileSpec:
    """Return a checkpoint's tile geometry, with another context or halo where given.

    Raises:
        BasewiseError: a language model, which has none; or a geometry the model cannot have.
    """
    config = read_config(checkpoint)
    check_has_tracks(config)
    spec = check_fields(TileSpec, config["tile_spec"], "tile_spec")
    return spec.resized(context_bp=context_bp, halo_bp=halo_bp)


def check_has_tracks(config: dict) -> None:
    """Raise BasewiseError for a checkpoint of a language model or encoder, which annotates none."""
    if is_encoder(config):
        raise BasewiseError(
            f"{config['name']} has no tracks",
            found=f"an encoder of {config['architecture']['kind']}",
            hint="Encoders serve the chapter binding.",
        )
    if config["family"] == "binding":
        raise BasewiseError(
            f"{config['name']} is a model of binding that knows no targets",
            hint="Bind some by basewise checkpoint bind.",
        )
    if config["tile_spec"] is None or not config["tracks"]:
        raise BasewiseError(
            f"{config['name']} is a language model and has no tracks",
            hint="Use basewise embed, or a model whose tracks basewise models counts.",
        )


def is_encoder(config: dict) -> bool:
    """Whether a checkpoint's config is that of an encoder of proteins or text."""
    return "kind" in config["architecture"] and "vocabulary" in config["architecture"]


def choose_tracks(config: dict, tracks: Sequence[str] | None = None) -> list[str]:
    """Return the tracks to write, in order: those asked for, or all that were trained.

    Args:
        config: a checkpoint's config.json; its ``untrained_tracks`` are channels that the
            architecture has and nobody trained.

    Raises:
        BasewiseError: a language model, a track the checkpoint does not have, or an untrained one.
    """
    check_has_tracks(config)
    untrained = config.get("untrained_tracks", [])
    names = [track["name"] for track in config["tracks"]]
    trained = [name for name in names if name not in untrained]
    for track in tracks or ():
        if track not in names:
            raise BasewiseError(
                f"checkpoint {config['name']} has no track {track!r}",
                hint=f"It has {', '.join(trained)}.",
            )
        if track in untrained:
            raise BasewiseError(
                f"track {track} of {config['name']} was never trained: its values are noise",
                hint=f"Its trained tracks are {', '.join(trained)}.",
            )
    return trained if tracks is None else list(tracks)


def hash_checkpoint(checkpoint: str | os.PathLike) -> str:
    """Return the sha256 of a checkpoint's parameter file."""
    with (Path(checkpoint) / PARAMS_NAME).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
