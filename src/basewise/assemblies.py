"""The table of assemblies: typed and checked rows, and the local files they name."""

import csv
import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from basewise.config import check_model, fill_defaults, nearest, read_numbers, validate
from basewise.errors import BasewiseError

ANNOTATION_FORMATS = tuple(
    kind + packing for kind in ("gtf", "gff3", "gff", "bed") for packing in ("", ".gz")
)


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
            check_model(model, list(config["checkpoints"]), f"{path} line {line}: column 'models'")
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


def _read_rows(path: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
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
