"""Print the files a run made and the tables that score them; draw a locus."""

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


def show_results(results: Path) -> None:
    """Print every result but the inner ones, then each evaluation and the mean MCC of genes."""
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


if __name__ == "__main__":
    show_results(Path(sys.argv[1]))
