"""Call the peaks of one track of binding."""

from typing import TYPE_CHECKING

from basewise.calling import call_peaks
from basewise.intervals import read_chromsizes
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

call_peaks(
    snakemake.wildcards.track,
    snakemake.input.track,
    read_chromsizes(snakemake.input.chromsizes),
    thresholds=snakemake.params.thresholds,
    min_length_bp=snakemake.params.min_length_bp,
    join_gap_bp=snakemake.params.join_gap_bp,
    output=snakemake.output.peaks,
    blacklist=snakemake.input.get("blacklist") or None,
)
