"""Print the files a run made and the tables that score them; draw a locus."""

import gzip
import json
import sys
from pathlib import Path

import pandas as pd

from basewise.evaluation import format_table
from basewise.intervals import as_intervals, read_bed_records, read_chromsizes
from basewise.labels import ELEMENT_NAMES, read_annotation
from basewise.report.locus_figure import plot_locus

MEAN_OF = ("protein_coding_gene", "exon", "intron", "splice_donor", "splice_acceptor")
INNER = {"tiles", "shards", "seams"}
LOCUS = ("chr1", 30_000, 42_000)
BOUND_LOCUS = ("chr1", 126_000, 138_000)
SITES = Path(__file__).parent / "data/toy_sites.bed"


def draw_locus(folder: Path) -> None:
    """Draw a stretch of the toy genome, if this run had it: tracks, calls, the planted truth."""
    resources = folder.parents[2] / "resources" / folder.parent.name
    sizes = read_chromsizes(resources / "chrom.sizes")
    annotation = resources / "annotation.gtf.gz"
    if LOCUS[0] not in sizes or not annotation.exists():
        return
    paths = {name: folder / "tracks" / f"{name}.bw" for name in ELEMENT_NAMES}
    bigwigs = {name: path for name, path in paths.items() if path.exists()}
    calls: dict[str, dict[str, list]] = {}
    for _, (chrom, start, end, element, *_) in read_bed_records(folder / "elements.bed.gz"):
        calls.setdefault(element, {}).setdefault(chrom, []).append((start, end))
    merged = {e: {c: as_intervals(rows) for c, rows in by.items()} for e, by in calls.items()}
    labels = read_annotation(annotation, list(bigwigs), sizes)
    title = f"{folder.name} on {folder.parent.name}, a genome it has not seen"
    plot_locus(bigwigs, merged, labels, LOCUS, folder / "locus.png", title=title)


def draw_binding(folder: Path) -> None:
    """Draw a stretch with the tracks of factors, their peaks, and the planted sites."""
    config = json.loads(
        (folder.parents[2] / f"resources/checkpoints/{folder.name}/config.json").read_text()
    )
    factors = {pair["track"]: pair["target"].split("-") for pair in config["pairs"]}
    colours = {track["name"]: track["colour"] for track in config["tracks"]}
    bigwigs = {name: folder / "tracks" / f"{name}.bw" for name in factors}
    calls = {name: read_intervals(folder / f"peaks/{name}.narrowPeak.gz") for name in factors}
    sites = {name: read_intervals(SITES, own) for name, own in factors.items()}
    title = f"{folder.name} on {folder.parent.name}, a genome it has not seen; black: planted sites"
    output = folder / "locus.png"
    plot_locus(bigwigs, calls, sites, BOUND_LOCUS, output, title=title, colours=colours)


def read_intervals(path: Path, names: list[str] | None = None) -> dict:
    """The intervals of a BED of any columns, perhaps only those of some names."""
    read = gzip.open if path.suffix == ".gz" else open
    found: dict[str, list] = {}
    with read(path, "rt") as stream:
        for chrom, start, end, own, *_ in (line.split("\t") for line in stream):
            if names is None or own in names:
                found.setdefault(chrom, []).append((int(start), int(end)))
    return {chrom: as_intervals(rows) for chrom, rows in found.items()}


def show_binding(path: Path, results: Path) -> None:
    """Print how well the bins of each track tell where peaks are."""
    assembly, model = path.relative_to(results).parts[:2]
    table = pd.read_csv(path, sep="\t")
    columns = ["track", "split", "n", "n_positive", "prevalence", "auprc", "auroc"]
    print(f"\n{model} on {assembly} (toy factors, a toy genome it has not seen):")
    print(table[columns].round(3).to_string(index=False))
    print(f"Mean AUPRC of {len(table)} tracks, bins of 200 bp: {table['auprc'].mean():.3f}")


def show_results(results: Path) -> None:
    """Print every result but the inner ones, then each evaluation and the means of their scores."""
    for folder in sorted({path.parent for path in results.glob("*/*/peaks.bed.gz")}):
        draw_binding(folder)
    for folder in sorted({path.parent for path in results.glob("*/*/elements.bed.gz")}):
        draw_locus(folder)
    print(f"\nFiles in {results}:")
    for path in sorted(results.rglob("*")):
        if path.is_file() and not INNER & set(path.parts):
            print(f"{path.stat().st_size:>12,}  {path.relative_to(results)}")
    for path in sorted(results.glob("*/*/evaluation/metrics.tsv")):
        assembly, model = path.relative_to(results).parts[:2]
        metrics = pd.read_csv(path, sep="\t")
        mean = metrics.set_index("element").loc[list(MEAN_OF), "mcc"].mean()
        print(f"\n{model} on {assembly} (a toy model, a toy genome):\n{format_table(metrics)}")
        print(f"Mean MCC of gene, exon, intron, donor and acceptor: {mean:.3f}")
    for path in sorted(results.glob("*/*/evaluation/binding.tsv")):
        show_binding(path, results)


if __name__ == "__main__":
    show_results(Path(sys.argv[1]))
