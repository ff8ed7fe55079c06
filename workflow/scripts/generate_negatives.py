"""Draw one kind of negatives for the peaks of one assembly."""

from typing import TYPE_CHECKING

from basewise.peaks import PeakStore
from basewise.peaks.chapter import make_negatives
from basewise.peaks.negatives import generate_negatives
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

peaks = PeakStore(snakemake.input.store)

generate_negatives(
    peaks,
    snakemake.output.negatives,
    settings=make_negatives(
        snakemake.wildcards.kind, snakemake.params.settings, snakemake.params.windows
    ),
    seed=snakemake.params.seed,
    chroms=peaks.chroms,  # a chrom without peaks would tell negatives from them
    blacklist=snakemake.input.get("blacklist") or None,
    gaps=snakemake.input.gaps,
    genome=snakemake.input.genome,
    annotation=snakemake.input.get("annotation") or None,
    aliases=snakemake.input.get("aliases") or None,
)
