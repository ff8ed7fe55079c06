"""What a configured model is, before its weights are there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from basewise.checkpoints.config import CONFIG_NAME, check_has_tracks, choose_tracks, read_config
from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.sources import find_published, is_remote
from basewise.tiling import TileSpec


@dataclass(frozen=True)
class KnownModel:
    """What is known of a checkpoint.

    Attributes:
        config: its config.json.
        tile_spec: the geometry that the configuration asks of it.
        tracks: those to write.
        download_bytes: of its published files; 0 for a local one, None where nobody says.
    """

    config: Mapping
    tile_spec: TileSpec
    tracks: tuple[str, ...]
    download_bytes: int | None


def find_model(
    model: str, config: Mapping, *, resources: Path | None = Path("resources")
) -> KnownModel:
    """Return what is known of a checkpoint of the configuration that is to annotate.

    Args:
        model: its name there.
        config: the whole configuration.
        resources: where fetched checkpoints are; None to look at none of them.

    Raises:
        BasewiseError: it is yet to be fetched and not in the zoo, or cannot annotate as asked.
    """
    chapter = config["checkpoints"][model]
    if chapter["targets"] is None:
        described, download_bytes = _describe(model, chapter["source"], resources)
    else:
        described, download_bytes = _describe_bound(model, config, resources), 0
    check_has_tracks(described)
    spec = check_fields(TileSpec, described["tile_spec"], "tile_spec")
    tiling = config["tiling"]
    return KnownModel(
        described,
        spec.resized(context_bp=tiling["context_bp"], halo_bp=tiling["halo_bp"]),
        tuple(choose_tracks(described, chapter["tracks"])),
        download_bytes,
    )


def _describe_bound(model: str, config: Mapping, resources: Path | None) -> dict:
    chapter = config["checkpoints"][model]
    bound = None if resources is None else resources / "checkpoints" / model
    if bound is not None and (bound / CONFIG_NAME).is_file():
        return read_config(bound)
    source = Path(chapter["source"])
    is_made = source.parts[:1] in (("results",), ("resources",))
    if is_made or not (source / CONFIG_NAME).is_file():
        raise BasewiseError(
            f"what checkpoint '{model}' is, is not known before {source} is trained or fetched",
            hint=f"Make it first by `snakemake resources/checkpoints/{model}/config.json`.",
        )
    from basewise.estimate.bound import foresee_bound  # JAX only where it is needed

    return foresee_bound(source, chapter, config)


def _describe(model: str, source: str, resources: Path | None) -> tuple[dict, int | None]:
    if not is_remote(source):
        return read_config(source), 0
    published = find_published(source)
    fetched = None if resources is None else resources / "checkpoints" / model
    if fetched is not None and (fetched / CONFIG_NAME).is_file():
        described = read_config(fetched)
    elif published is not None:
        described = published.to_config()
    else:
        raise BasewiseError(
            f"what checkpoint '{model}' is, is not known before it is fetched",
            found=source,
            hint="Fetch it first by `snakemake prefetch`; of hf:// sources, those that `basewise "
            "models` lists are known.",
        )
    sizes = [file.size_bytes for file in published.files[0].weights] if published else [None]
    known = [size for size in sizes if size is not None]
    return described, sum(known) if known else None
