"""A FASTA through a language model into a file: everything is compared before it is computed."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import jax

from basewise.checkpoints.config import hash_checkpoint, read_config
from basewise.genome import Genome
from basewise.inference.devices import select_devices
from basewise.inference.embedding.embedder import load_embedder
from basewise.inference.embedding.fields import list_fields, rows_per_block
from basewise.inference.embedding.plan import make_plan
from basewise.inference.embedding.regions import as_regions, read_regions, whole_records
from basewise.inference.embedding.run import run_plan
from basewise.inference.embedding.sinks import check_size, find_format, open_sink
from basewise.inference.precision import check_precision
from basewise.models.families import build_language_model
from basewise.models.request import EmbedRequest

log = logging.getLogger(__name__)


def embed_fasta(
    *,
    checkpoint: str | os.PathLike,
    fasta: str | os.PathLike,
    output: str | os.PathLike,
    request: EmbedRequest,
    regions: Sequence[tuple] | str | os.PathLike | None = None,
    precision: str = "float32",
    **options: Any,
) -> None:
    """Write what is asked for of a FASTA's records or regions as .npz, .zarr or .parquet.

    Everything but the parameters is read and compared first.

    Args:
        output: its suffix tells the format.
        regions: a BED file, or (chrom, start, end[, strand]); None for every record as a whole.
        options: as ``load_embedder``.

    Raises:
        BasewiseError: what was asked for does not fit the model, the sequences or the format, or
            a file is not what it must be.
    """
    form = find_format(output)
    request.check_format(form)
    check_precision(precision)
    select_devices(
        options.get("platform", "auto"),
        threads=options.get("threads"),
        promised=options.get("promised_devices"),
    )
    config = read_config(checkpoint)
    model = build_language_model(config)
    with Genome(fasta) as genome:
        if regions is None:
            wanted = whole_records(genome.chromsizes)
        elif isinstance(regions, str | os.PathLike):
            wanted = read_regions(regions, genome.chromsizes)
        else:
            wanted = as_regions(regions, genome.chromsizes)
        plan = make_plan(config, model, genome, wanted, request)
        fields = list_fields(plan, is_summary=form == "parquet")
        check_size(form, fields, len(wanted))
        embedder = load_embedder(checkpoint, precision=precision, **options)
        programs = embedder.programs
        log.info(
            "%d sequences, %d bp with %s on %s",
            len(wanted),
            plan.total_bp,
            checkpoint,
            ", ".join(device.device_kind for device in programs.devices),
        )
        metadata = describe_run(checkpoint, config, request, precision)
        block_rows = rows_per_block(fields, len(wanted), programs.batch_size)
        with open_sink(output, fields, len(wanted), block_rows, metadata) as write:
            for first, block in run_plan(programs, plan, fields):
                write(first, block)


def describe_run(
    checkpoint: str | os.PathLike, config: Mapping, request: EmbedRequest, precision: str
) -> dict:
    """Return what made a file: model, its origin and licence, what was asked for."""
    return {
        "model": config["name"],
        "checkpoint_sha256": hash_checkpoint(checkpoint),
        **{key: config[key] for key in ("family", "revision", "source", "licence")},
        "tokenizer": config["architecture"]["tokenizer"],
        "precision": precision,
        "jax": jax.__version__,
        **asdict(request),
    }
