"""Tables of targets whose tracks a model of binding draws, and the checkpoints that have one."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from basewise.assemblies import read_rows
from basewise.checkpoints.config import CONFIG_NAME, choose_tracks, read_config
from basewise.config import fill_defaults, read_numbers, validate
from basewise.encoders.registry import TABLE
from basewise.errors import BasewiseError, nearest
from basewise.peaks.proteins import SPECIES, read_proteins
from basewise.sources import is_remote
from basewise.training.binding.chapter import SIGNALS
from basewise.training.binding.targets import (
    BoundTarget,
    check_biotypes,
    check_targets,
    find_proteins,
)

BINDING = "binding"  # family of the checkpoints that may be bound, and kind of their tracks
WORDS = {"yes": "true", "no": "false"}


def list_made(assemblies: Mapping[str, Mapping], config: Mapping) -> set[str]:
    """Return the directories of checkpoints that the workflow itself makes."""
    made = {f"resources/checkpoints/{name}" for name in config["checkpoints"]}
    training = (config["binding"] or {}).get("training")
    if training is not None:
        told = ("peaks", "signals") if training["learn"] == SIGNALS else ("peaks",)
        for assembly, row in assemblies.items():
            if any(row[column] for column in told):
                made.add(f"results/{assembly}/binding/model")
    return made


def read_bound(
    config: Mapping, schema: dict, *, made: Collection[str] = (), is_thorough: bool = True
) -> dict[str, list[BoundTarget]]:
    """Return the rows of each checkpoint that names targets, and note their tracks in the config.

    Args:
        config: complete.
        schema: of a table of targets.
        made: directories of checkpoints that the workflow makes; others must be there.
        is_thorough: whether all proteins are read too.

    Raises:
        BasewiseError: a table, a source or proteins that are not what they must be, tracks that
            no row makes, targets without a protein, biotypes that a model was not trained on.
    """
    bound = {}
    for name, checkpoint in config["checkpoints"].items():
        if checkpoint.get("targets") is None:
            _check_unbound(name, checkpoint)
            continue
        where = f"config key 'checkpoints/{name}"
        rows = read_targets(checkpoint["targets"], schema)
        _check_source(checkpoint["source"], rows, made, where)
        if checkpoint["step_bp"] is not None:
            _check_step(checkpoint, config, where)
        if is_thorough:
            species = (config["peaks"] or {}).get("species", SPECIES)
            path = checkpoint["proteins"]
            find_proteins(rows, read_proteins(path, species) if path else None)
        tracks = [row.track for row in rows]
        for track in checkpoint["tracks"] or ():
            if track not in tracks:
                raise BasewiseError(
                    f"{where}/tracks' names a track that no row of {checkpoint['targets']} makes",
                    found=repr(track),
                    hint=nearest(track, tracks),
                )
        checkpoint["tracks"] = checkpoint["tracks"] or tracks
        bound[name] = rows
    _check_calling(config)
    return bound


def _check_calling(config: Mapping) -> None:
    calling = (config["binding"] or {}).get("calling", {})
    if all(numbers.keys() <= {"default"} for numbers in calling.values()):
        return
    checkpoints = [each for each in config["checkpoints"].values() if is_binding(each)]
    legal = ["default", *dict.fromkeys(track for each in checkpoints for track in each["tracks"])]
    for key, numbers in calling.items():
        for track in numbers:
            if track not in legal:
                raise BasewiseError(
                    f"config key 'binding/calling/{key}' names a track that no model draws",
                    found=repr(track),
                    hint=nearest(track, legal),
                )


def is_binding(checkpoint: Mapping) -> bool:
    """Whether a checkpoint's tracks are of binding, as far as that is known before it is fetched.

    Args:
        checkpoint: of the configuration.
    """
    if checkpoint.get("targets") is not None:
        return True
    source = Path(checkpoint["source"])
    if is_remote(checkpoint["source"]) or not (source / CONFIG_NAME).is_file():
        return False
    config = read_config(source)
    kept = choose_tracks(config) if config["tracks"] else []
    kinds = {track["kind"] for track in config["tracks"] if track["name"] in kept}
    return kinds == {BINDING}


def _check_unbound(name: str, checkpoint: Mapping) -> None:
    for key in ("proteins", "step_bp"):
        if checkpoint.get(key) is not None:
            raise BasewiseError(
                f"config key 'checkpoints/{name}/{key}' goes with 'checkpoints/{name}/targets'",
                found="no targets",
                hint="Name a table of targets whose tracks a model of binding is to draw.",
            )


def _check_source(source: str, rows: list[BoundTarget], made: Collection[str], where: str) -> None:
    if is_remote(source):
        raise BasewiseError(
            f"{where}/source' of a checkpoint with targets must be a directory",
            found=source,
            hint="Give it an entry of its own without targets, and name here what that becomes, "
            "resources/checkpoints/NAME.",
        )
    if source.rstrip("/") in made:
        return
    config = read_config(source)
    if config["family"] != BINDING:
        raise BasewiseError(
            f"{where}/source' has targets and is no checkpoint of binding",
            found=f"{config['name']}, a {config['family']}",
        )
    encoder = config.get("encoders", {}).get("contexts", {}).get("encoder")
    check_biotypes(rows, config, is_closed=encoder == TABLE)


def _check_step(checkpoint: Mapping, config: Mapping, where: str) -> None:
    """Refuse a step of a model of tracks, whose values are those of the trunk's bins."""
    source = Path(checkpoint["source"])
    training = (config["binding"] or {}).get("training")
    if training is not None and source.parts[0] == "results":
        is_tracks = training.get("learn") == SIGNALS  # whatever an earlier run left there
    elif (source / CONFIG_NAME).is_file():
        adapter = read_config(source)["architecture"].get("adapter")
        is_tracks = adapter is not None and not adapter.get("binary_target")
    else:
        is_tracks = False
    if is_tracks:
        raise BasewiseError(
            f"{where}/step_bp' goes with a model of windows, and this is one of signals",
            found=checkpoint["step_bp"],
            hint="Leave it out: its values are those of the trunk's bins.",
        )


def read_targets(path: str | os.PathLike, schema: dict) -> list[BoundTarget]:
    """Rows of a tab-separated table of targets, typed and completed by the schema.

    Raises:
        BasewiseError: no such file, a column or a cell that the schema refuses, a protein's FASTA
            that does not exist, a pair or a name that comes twice; names file, line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(
            f"the table of targets {path} does not exist",
            hint=f"Paths are relative to the working directory, {Path.cwd()}.",
        )
    targets = []
    for line, cells in read_rows(path, list(schema["properties"])):
        told = {name: text for name, text in cells.items() if text}
        if "unseen_biotype" in told:
            text = told["unseen_biotype"].lower()
            told["unseen_biotype"] = WORDS.get(text, text)
        row = read_numbers(told, schema)
        where = f"{path} line {line}"
        validate(row, schema, what=f"{where}: column")
        row = fill_defaults(row, schema)
        if row["protein"] and not Path(row["protein"]).is_file():
            raise BasewiseError(
                f"{where}: column 'protein' names no file", found=repr(row["protein"])
            )
        targets.append(BoundTarget(**row, where=where))
    if not targets:
        raise BasewiseError(f"{path} lists no target", hint="Add one row per track.")
    check_targets(targets)
    return targets
