"""The table of assemblies: typed and checked rows."""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from basewise.config import check_model, fill_defaults, read_numbers, validate
from basewise.errors import BasewiseError, nearest

ANNOTATION_FORMATS = tuple(
    kind + packing for kind in ("gtf", "gff3", "gff", "bed") for packing in ("", ".gz")
)
RESERVED = ("checkpoints", "chromsizes", "compilation_cache")  # folders of resources/
SIGNAL_COLUMNS = ("signals", "bigwigs", "loci")
LOCAL_COLUMNS = ("aliases", "proteins", "embedding_regions", *SIGNAL_COLUMNS)
LISTS = ("include", "exclude", "evaluation_chroms", "models")


def read_assemblies(path: str | os.PathLike, schema: dict, config: dict) -> dict[str, dict]:
    """Rows of the tab-separated assemblies table by assembly, typed and completed by the schema.

    Comma-separated columns become lists; an empty models cell takes segmentation/models. Raises
    BasewiseError naming file, line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(
            "config key 'assemblies' names no file",
            found=repr(str(path)),
            hint=f"Paths are relative to the working directory, {Path.cwd()}.",
        )
    assemblies: dict[str, dict] = {}
    for line, cells in read_rows(path, list(schema["properties"])):
        row = read_numbers({name: text for name, text in cells.items() if text}, schema)
        validate(row, schema, what=f"{path} line {line}: column")
        row = fill_defaults(row, schema)
        _check_row(row, f"{path} line {line}")
        for column in LISTS:
            row[column] = [part.strip() for part in row[column].split(",") if part.strip()]
        row["models"] = row["models"] or list(config["segmentation"]["models"])
        for model in row["models"]:
            check_model(model, list(config["checkpoints"]), f"{path} line {line}: column 'models'")
        has_peaks = config["peaks"] is not None and (row["peaks"] or row["signals"])
        has_embedding = config.get("embedding") and row["embedding_regions"]
        if not (row["models"] or has_peaks or has_embedding):
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


def check_chroms(chroms: list[str], chromsizes: Mapping[str, int], assembly: str) -> None:
    """Raise BasewiseError for the first chrom of evaluation_chroms that the assembly lacks."""
    for chrom in chroms:
        if chrom not in chromsizes:
            raise BasewiseError(
                f"column 'evaluation_chroms' of assembly '{assembly}' names a chrom it lacks",
                found=repr(chrom),
                hint=nearest(chrom, list(chromsizes)),
            )


def _check_row(row: dict, where: str) -> None:
    """Raise BasewiseError for cells that are well-formed and yet cannot be used."""
    if row["assembly"] in RESERVED:
        raise BasewiseError(
            f"{where}: column 'assembly' must not name a folder that resources/ has anyway",
            found=repr(row["assembly"]),
        )
    for column in LOCAL_COLUMNS:
        if row[column] and "://" in row[column]:
            raise BasewiseError(
                f"{where}: column '{column}' must be a local file",
                found=row[column],
                hint="Download it, and name its path.",
            )
    given = [column for column in SIGNAL_COLUMNS if row[column]]
    if given and len(given) < len(SIGNAL_COLUMNS):
        lacking = next(column for column in SIGNAL_COLUMNS if not row[column])
        raise BasewiseError(
            f"{where}: column '{lacking}' is empty, and the others about signals are not",
            found=", ".join(given),
            hint=f"Signals need {', '.join(SIGNAL_COLUMNS)}.",
        )


def read_rows(path: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, cells by column) of the rows that are neither empty nor comments.

    Raises:
        BasewiseError: an unknown column, or a row with more cells than the header, with its line.
    """
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
