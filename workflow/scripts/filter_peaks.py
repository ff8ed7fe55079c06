"""Read, filter and store the catalogue of peaks of one assembly."""

from typing import TYPE_CHECKING

from basewise.intervals import read_bed, read_chromsizes
from basewise.peaks import build_store, read_proteins
from basewise.peaks.chapter import make_columns, make_filters
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

chromsizes = read_chromsizes(snakemake.input.chromsizes)
blacklist = snakemake.input.get("blacklist")
proteins = snakemake.input.get("proteins")

build_store(
    snakemake.input.peaks,
    snakemake.output.store,
    chromsizes=chromsizes,
    columns=make_columns(snakemake.params),
    filters=make_filters(snakemake.params.filters),
    blacklist=read_bed(blacklist, chromsizes) if blacklist else None,
    proteins=read_proteins(proteins, snakemake.params.species) if proteins else None,
    aliases=snakemake.input.get("aliases") or None,
    max_malformed=snakemake.params.max_malformed,
    max_beyond=snakemake.params.max_beyond,
    origin=snakemake.params.source,
    funnel_tsv=snakemake.output.funnel,
)
