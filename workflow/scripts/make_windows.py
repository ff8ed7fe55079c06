"""Cut the peaks and negatives of one assembly to windows of one width, by split."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.peaks import read_experiments
from basewise.peaks.splits import SplitRules
from basewise.peaks.windows import make_windows
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

experiments = snakemake.input.get("experiments")

counts = make_windows(
    snakemake.input.store,
    list(snakemake.input.get("negatives", ())),
    Path(snakemake.output.windows[0]).parent,
    rules=SplitRules(**snakemake.params.splits),
    seed=snakemake.params.seed,
    n_peaks=read_experiments(experiments) if experiments else None,
    **snakemake.params.windows,
)
counts.to_csv(snakemake.output.counts, sep="\t", index=False)
