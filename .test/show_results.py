"""Print the files a run made and the table that scores them."""

import csv
import sys
from pathlib import Path

MEAN_OF = ("protein_coding_gene", "exon", "intron", "splice_donor", "splice_acceptor")


def show_results(results: Path) -> None:
    """Print every result but tiles, shards and seams of single tracks, then the MCC of elements."""
    inner = {"tiles", "shards", "seams"}
    print(f"\nFiles in {results}:")
    for path in sorted(results.rglob("*")):
        if path.is_file() and not inner & set(path.parts):
            print(f"{path.stat().st_size:>12,}  {path.relative_to(results)}")
    for table in sorted(results.glob("*/*/evaluation/metrics.tsv")):
        assembly, model = table.relative_to(results).parts[:2]
        with table.open(newline="") as stream:
            mcc = {row["element"]: float(row["mcc"]) for row in csv.DictReader(stream, delimiter="\t")}
        print(f"\nMatthews correlation per element, {model} on {assembly} (a toy model, a toy genome):")
        for element, value in mcc.items():
            print(f"{value:>12.3f}  {element}")
        mean = sum(mcc[element] for element in MEAN_OF) / len(MEAN_OF)
        print(f"{mean:>12.3f}  mean of gene, exon, intron, donor, acceptor")


if __name__ == "__main__":
    show_results(Path(sys.argv[1]))
