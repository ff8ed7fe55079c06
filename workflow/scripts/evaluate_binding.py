"""Hold a model of binding against motifs, other targets and GC content, on held-out windows."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.encoders import find_chains, read_embeddings
from basewise.evaluation.binding.evaluate import EvaluationSettings, evaluate_binding
from basewise.inference.devices import select_devices, use_compilation_cache
from basewise.peaks import read_proteins
from basewise.report.binding_figure import plot_binding
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

devices = select_devices(
    snakemake.resources.platform,
    threads=snakemake.threads,
    promised=snakemake.resources.devices_per_job,
)
use_compilation_cache(snakemake.resources.compilation_cache, devices)
proteins = read_proteins(snakemake.input.chains, snakemake.params.species)
summary = Path(snakemake.output.summary)

evaluate_binding(
    Path(snakemake.input.config).parent,
    Path(snakemake.input.windows[0]).parent,
    snakemake.input.genome,
    summary.parent,
    proteins=snakemake.input.proteins,
    contexts=snakemake.input.contexts,
    chains=find_chains(read_embeddings(snakemake.input.proteins), proteins),
    settings=EvaluationSettings(**snakemake.params.settings),
    threads=snakemake.threads,
)
plot_binding(summary, summary.with_name("curves.tsv"), snakemake.output.figure)
