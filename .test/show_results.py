"""Print the files a run made and the tables that score them."""

import sys
from pathlib import Path

import pandas as pd

from basewise.evaluation import format_table

MEAN_OF = ("protein_coding_gene", "exon", "intron", "splice_donor", "splice_acceptor")
INNER = {"tiles", "shards", "seams"}


def show_results(results: Path) -> None:
    """Print every result but the inner ones, then each evaluation and the mean MCC of genes."""
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
