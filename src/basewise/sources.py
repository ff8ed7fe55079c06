"""What a configuration points at: local files, checkpoints, the directories it writes."""

import difflib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from basewise.checkpoints.config import choose_tracks, read_config, read_tile_spec
from basewise.checkpoints.known import find_published
from basewise.checkpoints.lock import find_difference, read_lock
from basewise.checkpoints.origin import read_origin
from basewise.errors import BasewiseError, nearest
from basewise.models.request import EmbedRequest
from basewise.species import explain_untrained
from basewise.tiling import TileSpec

FILE_COLUMNS = ("fasta", "blacklist", "annotation", "aliases")
FILE_COLUMNS += ("peaks", "experiments", "proteins", "signals", "bigwigs", "loci")
FOLDER_COLUMNS = ("proteins", "bigwigs")  # may, or must, be directories
WHOLE_RECORDS = "records"  # instead of a BED file of regions to embed
REMAP_PREFIX = "remap2022:"


def is_remote(source: str) -> bool:
    """Whether a source is fetched rather than read from the local disk."""
    return "://" in source or source.startswith(REMAP_PREFIX)


def check_sources(
    assemblies: Mapping[str, dict],
    checkpoints: Mapping[str, dict],
    made: Collection[str] = (),
) -> None:
    """Raise BasewiseError for the first local file or directory that is named but absent.

    An assembly whose resources would lie among the checkpoints of `resources/` is refused too.

    Args:
        made: directories of checkpoints that the workflow itself makes, for those with targets.
    """
    for assembly, row in assemblies.items():
        if any(Path("resources", assembly).glob("*/config.json")):
            raise BasewiseError(
                f"assembly '{assembly}' needs another name",
                found=f"checkpoints in 'resources/{assembly}' (from {Path.cwd()})",
            )
        for column in FILE_COLUMNS:
            if not row[column] or is_remote(row[column]):
                continue
            path = Path(row[column])
            if not (path.exists() if column in FOLDER_COLUMNS else path.is_file()):
                what = "is" if column in FOLDER_COLUMNS else "file is"
                raise _absent(f"assembly '{assembly}': the {column} {what} missing", row[column])
    for model, checkpoint in checkpoints.items():
        source = checkpoint["source"]
        if checkpoint.get("targets") and source.rstrip("/") in made:
            continue
        if not is_remote(source) and not (Path(source) / "config.json").is_file():
            lacking = f"{source}/config.json" if Path(source).is_dir() else source
            raise _absent(f"checkpoint '{model}': the directory has no config.json", lacking)


def check_checkpoints(
    assemblies: Mapping[str, dict], checkpoints: Mapping[str, dict], tiling: Mapping
) -> None:
    """Raise BasewiseError for a track or a tile geometry that a model in use cannot have.

    Of a model that is yet to be fetched, the tracks are known where it is published, and else only
    what no model can have.
    """
    context_bp, halo_bp = tiling["context_bp"], tiling["halo_bp"]
    if context_bp is not None and halo_bp is not None:
        try:
            TileSpec(context_bp=context_bp, halo_bp=halo_bp)
        except BasewiseError as error:
            raise BasewiseError(f"config section 'tiling' fits no model: {error}") from None
    used = {model for row in assemblies.values() for model in row["models"]}
    for model in (name for name in checkpoints if name in used):
        if checkpoints[model].get("targets"):
            continue  # basewise.targets
        source, tracks = checkpoints[model]["source"], checkpoints[model]["tracks"]
        published = find_published(source)
        if published is None and is_remote(source):
            continue
        config = published.to_config() if published else read_config(source)
        if config["tile_spec"] is None:
            raise _no_tracks(model, config)
        legal = [track["name"] for track in config["tracks"]]
        for track in tracks:
            if track not in legal:
                raise BasewiseError(
                    f"config key 'checkpoints/{model}/tracks' names a track that {source} lacks",
                    found=repr(track),
                    hint=nearest(track, legal),
                )
        try:
            choose_tracks(config, tracks)
        except BasewiseError as error:
            raise BasewiseError(f"config key 'checkpoints/{model}/tracks': {error}") from None
        if published:
            continue
        try:
            read_tile_spec(source, context_bp=context_bp, halo_bp=halo_bp)
        except BasewiseError as error:
            raise BasewiseError(
                f"config section 'tiling' does not fit checkpoint '{model}': {error}"
            ) from None


def check_gene_starts(assemblies: Mapping[str, Mapping], config: Mapping) -> None:
    """Raise BasewiseError for peaks whose negatives need gene starts that no annotation tells."""
    matched = ((config["peaks"] or {}).get("negatives") or {}).get("matched")
    if matched is None or "tss" not in matched["match"]:
        return
    for assembly, row in assemblies.items():
        if not row["peaks"] or (row["annotation_format"] or "bed").startswith("g"):
            continue
        raise BasewiseError(
            f"config key 'peaks/negatives/matched/match' asks for tss, and the annotation of "
            f"assembly '{assembly}' tells no gene starts",
            found=row["annotation"] or "no annotation",
            hint="Name a GTF or GFF3 in the column 'annotation', or leave out tss.",
        )


def check_embedding(assemblies: Mapping[str, dict], config: Mapping) -> None:
    """Raise BasewiseError for regions that are absent, and for what the model cannot give.

    Of a model that is yet to be fetched, it is known where it is published, and else only what no
    model can give.
    """
    chapter = config["embedding"]
    if chapter is None:
        return
    for assembly, row in assemblies.items():
        path = row["embedding_regions"]
        if path and path != WHOLE_RECORDS and not Path(path).is_file():
            raise _absent(f"assembly '{assembly}': the embedding_regions file is missing", path)
    try:
        request = EmbedRequest.of_chapter(chapter)
        request.check_format(chapter["format"])
        source = config["checkpoints"][chapter["checkpoint"]]["source"]
        published = find_published(source)
        if published or not is_remote(source):
            described = published.to_config() if published else read_config(source)
            if "tokenizer" not in described["architecture"]:
                raise BasewiseError(f"{described['name']} has no language model")
            trunk = described["architecture"]["trunk"]
            request.check(
                described["name"],
                n_layers=trunk["num_layers"],
                n_heads=trunk["attention_heads"],
                has_logits=trunk.get("lm_head", True),
            )
    except BasewiseError as error:
        raise BasewiseError(f"config section 'embedding': {error}") from None


def list_encoders(source: str | os.PathLike) -> list[str]:
    """Return the directories of encoders with weights that a local checkpoint of binding notes."""
    if not (Path(source) / "config.json").is_file():
        return []
    noted = read_config(source).get("encoders", {}).values()
    return [str(side["encoder"]) for side in noted if os.sep in str(side["encoder"])]


def check_lock(checkpoints: Mapping[str, dict]) -> None:
    """Raise BasewiseError for a checkpoint that was fetched and is not what the lock says.

    Where either is of another source than the configuration names, it is about to be renewed.
    """
    lock = Path("resources/checkpoints.lock")
    for model, pinned in read_lock(lock).items():
        folder = Path("resources/checkpoints", model)
        if model not in checkpoints or checkpoints[model]["source"] != pinned.source:
            continue
        origin = read_origin(folder)
        if origin is not None and origin.source == pinned.source and origin != pinned:
            raise BasewiseError(
                f"checkpoint '{model}' in {folder} is not what {lock} says",
                found=find_difference(pinned, origin),
                hint=f"Delete {folder} to fetch what the lock says, or {lock} to have it written "
                "anew, from what is there, by `snakemake prefetch`.",
            )


def explain_species(
    assemblies: Mapping[str, dict],
    checkpoints: Mapping[str, dict],
    embedding: Mapping | None = None,
) -> list[str]:
    """Return one line for each model that was not trained on the species of its assembly.

    An assembly whose species is not given, and a model that does not tell before it is fetched,
    have none.

    Args:
        embedding: the chapter embedding, whose model reads the rows with embedding_regions.
    """
    embedder = [embedding["checkpoint"]] if embedding else []
    return [
        f"assembly '{assembly}': {line}"
        for assembly, row in assemblies.items()
        for model in row["models"] + embedder * bool(row.get("embedding_regions"))
        if row["species"]
        and (line := _explain_species(model, checkpoints[model]["source"], row["species"]))
    ]


def _explain_species(model: str, source: str, species: str) -> str | None:
    published = find_published(source)
    if published:
        trained_on = published.trained_on
        return explain_untrained(model, published.species, species, trained_on=trained_on)
    folder = Path("resources/checkpoints", model) if is_remote(source) else Path(source)
    if not (folder / "config.json").is_file():
        return None
    config = read_config(folder)
    trained_on = config.get("trained_on", "")
    return explain_untrained(model, config["species"], species, trained_on=trained_on)


def _no_tracks(model: str, config: Mapping) -> BasewiseError:
    if config["family"] == "binding":
        return BasewiseError(
            f"checkpoint '{model}' cannot annotate: {config['name']} is a model of binding that "
            "knows no targets",
            hint=f"Name a table of them in checkpoints/{model}/targets.",
        )
    return BasewiseError(
        f"checkpoint '{model}' cannot annotate: {config['name']} is a language model and has no "
        "tracks",
        hint="Take it out of segmentation/models and of the column 'models'.",
    )


def check_writable(*directories: str) -> None:
    """Raise BasewiseError unless files can be made in each directory, existing or not yet."""
    for directory in map(Path, directories):
        existing = directory
        while not existing.exists():
            existing = existing.parent
        if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
            raise BasewiseError(
                f"the output directory '{directory}' cannot be written",
                found=f"no write permission or no directory at '{existing}'",
                hint="Choose another working directory with --directory.",
            )


def _absent(what: str, path: str) -> BasewiseError:
    folder = Path(path).parent
    names = os.listdir(folder) if folder.is_dir() else []
    close = difflib.get_close_matches(Path(path).name, names, n=1)
    hint = f"Did you mean '{folder / close[0]}'?" if close else "Give a URL or an existing path."
    return BasewiseError(what, found=f"nothing at '{path}' (from {Path.cwd()})", hint=hint)
