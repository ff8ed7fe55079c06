"""What a legal configuration is: keys, values and tables checked against schemas, in one line.

The schemas (workflow/schemas/) hold the rules; this file turns their verdicts into errors that
name the key, the value found and the nearest legal one, and fills in defaults.
"""

import copy
import csv
import difflib
import json
import os
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from basewise.errors import BasewiseError

TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


ANNOTATION_FORMATS = tuple(
    kind + packing for kind in ("gtf", "gff3", "gff", "bed") for packing in ("", ".gz")
)


def nearest(name: object, legal: list) -> str:
    """A hint that names the closest legal spelling, else all of them."""
    close = difflib.get_close_matches(str(name), [str(value) for value in legal], n=1, cutoff=0.5)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Use one of: {', '.join(map(str, legal))}."


def validate(values: Any, schema: dict, what: str = "config key") -> None:
    """Raise BasewiseError for the first value that breaks the schema; unknown keys come first."""
    errors = list(Draft202012Validator(schema).iter_errors(values))
    if errors:
        errors.sort(key=lambda error: (error.validator != "additionalProperties", list(error.path)))
        raise _explain(errors[0], what)


def fill_defaults(values: Any, schema: dict) -> Any:
    """A copy of values in which every absent key that has a default holds it, at all depths."""
    if not isinstance(values, dict):
        return copy.deepcopy(values)
    filled = copy.deepcopy(values)
    properties = schema.get("properties", {})
    for key, rules in properties.items():
        if key not in filled and "default" in rules:
            filled[key] = copy.deepcopy(rules["default"])
    others = schema.get("additionalProperties")
    for key, value in filled.items():
        rules = properties.get(key, others)
        if isinstance(rules, dict):
            filled[key] = fill_defaults(value, rules)
    return filled


def read_numbers(values: Any, schema: dict) -> Any:
    """A copy in which text stands for what it spells wherever the schema admits no text.

    `snakemake --config 'tiling={shards: 3}'` hands over the text 3.
    """
    if isinstance(values, dict):
        rules, others = schema.get("properties", {}), schema.get("additionalProperties")
        inner = {key: rules.get(key, others) for key in values}
        return {
            key: read_numbers(value, inner[key] if isinstance(inner[key], dict) else {})
            for key, value in values.items()
        }
    kinds = schema.get("type", "string")
    if isinstance(values, str) and "string" not in kinds:
        try:
            return json.loads(values.lower())
        except ValueError:
            return values
    return copy.deepcopy(values)


def complete_config(config: dict, schema: dict) -> dict:
    """The configuration with defaults, or BasewiseError naming key, value and nearest legal one."""
    config = read_numbers(config, schema)
    validate(config, schema)
    config = fill_defaults(config, schema)
    models = list(config["checkpoints"])
    for model in config["segmentation"]["models"]:
        _check_model(model, models, "config key 'segmentation/models'")
    tracks = list(dict.fromkeys(t for c in config["checkpoints"].values() for t in c["tracks"]))
    for key, numbers in config["segmentation"]["calling"].items():
        for track in numbers:
            if track not in ("default", *tracks):
                raise BasewiseError(
                    f"config key 'segmentation/calling/{key}' names a track no checkpoint writes",
                    found=repr(track),
                    hint=nearest(track, ["default", *tracks]),
                )
    return config


def read_assemblies(path: str | os.PathLike, schema: dict, config: dict) -> dict[str, dict]:
    """Rows of the tab-separated assemblies table by assembly, typed and completed by the schema.

    Comma-separated columns (include, exclude, models) become lists; an empty models cell takes
    segmentation/models. Raises BasewiseError naming file, line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(
            "config key 'assemblies' names no file",
            found=repr(str(path)),
            hint=f"Paths are relative to the working directory, {Path.cwd()}.",
        )
    assemblies: dict[str, dict] = {}
    for line, cells in _read_rows(path, list(schema["properties"])):
        row = read_numbers({name: text for name, text in cells.items() if text}, schema)
        validate(row, schema, what=f"{path} line {line}: column")
        row = fill_defaults(row, schema)
        for column in ("include", "exclude", "models"):
            row[column] = [part.strip() for part in row[column].split(",") if part.strip()]
        row["models"] = row["models"] or list(config["segmentation"]["models"])
        for model in row["models"]:
            _check_model(model, list(config["checkpoints"]), f"{path} line {line}: column 'models'")
        if not row["models"]:
            raise BasewiseError(
                f"{path} line {line}: no model annotates assembly '{row['assembly']}'",
                hint="List checkpoints in segmentation/models or in the column 'models'.",
            )
        if row["assembly"] in assemblies:
            raise BasewiseError(
                f"{path} line {line}: column 'assembly' must be unique",
                found=f"'{row['assembly']}' a second time",
            )
        row["annotation_format"] = _annotation_format(row["annotation"], f"{path} line {line}")
        assemblies[row["assembly"]] = row
    if not assemblies:
        raise BasewiseError(f"{path} lists no assembly", hint="Add one row per genome build.")
    return assemblies


def is_remote(source: str) -> bool:
    """Whether a source is fetched rather than read from the local disk."""
    return "://" in source


def check_sources(assemblies: dict[str, dict], checkpoints: dict[str, dict]) -> None:
    """Raise BasewiseError for the first local file or directory that is named but absent."""
    for assembly, row in assemblies.items():
        for column in ("fasta", "blacklist", "annotation", "aliases"):
            if row[column] and not is_remote(row[column]) and not Path(row[column]).is_file():
                raise _absent(f"assembly '{assembly}': the {column} file is missing", row[column])
    for model, checkpoint in checkpoints.items():
        source = checkpoint["source"]
        if not is_remote(source) and not (Path(source) / "config.json").is_file():
            raise _absent(f"checkpoint '{model}': the directory has no config.json", source)


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


def _explain(error: ValidationError, what: str) -> BasewiseError:
    path = [str(part) for part in error.absolute_path]
    key, value, rules = "/".join(path), error.instance, error.validator_value
    limits = {"minimum": "at least", "maximum": "at most"}
    hint = None
    if error.validator == "additionalProperties":
        legal = list(error.schema.get("properties", {}))
        unknown = next(name for name in value if name not in legal)
        key, value = "/".join([*path, str(unknown)]), value[unknown]
        problem, hint = "is not known", nearest(key, ["/".join([*path, name]) for name in legal])
    elif error.validator == "enum":
        problem, hint = f"must be one of {', '.join(map(str, rules))}", nearest(value, rules)
    elif error.validator == "type":
        kinds = [rules] if isinstance(rules, str) else rules
        problem = f"must be {' or '.join(TYPE_NAMES[kind] for kind in kinds)}"
    elif error.validator == "required":
        missing = next(name for name in rules if name not in value)
        return BasewiseError(f"{what} '{'/'.join([*path, missing])}' is required but missing")
    elif error.validator in limits:
        problem = f"must be {limits[error.validator]} {rules}"
    elif error.validator == "pattern":
        problem = f"must match {rules}"
    else:
        problem = f"breaks the rule {error.validator}: {json.dumps(rules)}"
    if hint is None and error.schema.get("description"):
        hint = error.schema["description"]
    return BasewiseError(f"{what} '{key}' {problem}", found=json.dumps(value), hint=hint)


def _read_rows(path: Path, columns: list[str]):
    """Yield (line number, cells by column) of the rows that are neither empty nor comments."""
    header = None
    with path.open(newline="", encoding="utf-8") as stream:
        for line, cells in enumerate(csv.reader(stream, delimiter="\t"), start=1):
            if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                continue
            cells = [cell.strip() for cell in cells]
            if header is None:
                header = cells
                for name in header:
                    if name not in columns:
                        raise BasewiseError(
                            f"{path} line {line}: column '{name}' is not known",
                            hint=nearest(name, columns),
                        )
                continue
            if len(cells) > len(header):
                raise BasewiseError(
                    f"{path} line {line}: the row has more cells than the header",
                    found=f"{len(cells)} cells, {len(header)} columns",
                    hint="Separate columns by single tabs.",
                )
            yield line, dict(zip(header, cells, strict=False))


def _check_model(model: str, models: list[str], where: str) -> None:
    if model not in models:
        raise BasewiseError(
            f"{where} names a model that checkpoints lacks",
            found=repr(model),
            hint=nearest(model, models),
        )


def _annotation_format(source: str | None, where: str) -> str | None:
    """The suffix that tells how to read an annotation, for example gtf.gz."""
    if source is None:
        return None
    name = source.split("?")[0].split("#")[0].lower()
    for suffix in sorted(ANNOTATION_FORMATS, key=len, reverse=True):
        if name.endswith("." + suffix):
            return suffix
    raise BasewiseError(
        f"{where}: column 'annotation' must end in .gtf, .gff3 or .bed, or one of them with .gz",
        found=repr(source),
    )


def _absent(what: str, path: str) -> BasewiseError:
    folder = Path(path).parent
    names = os.listdir(folder) if folder.is_dir() else []
    close = difflib.get_close_matches(Path(path).name, names, n=1)
    hint = f"Did you mean '{folder / close[0]}'?" if close else "Give a URL or an existing path."
    return BasewiseError(what, found=f"nothing at '{path}' (from {Path.cwd()})", hint=hint)
