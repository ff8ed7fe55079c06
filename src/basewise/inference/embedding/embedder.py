"""A language model with its parameters on devices, for people and for jobs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from basewise.checkpoints.store import load_language_model
from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome, Sequences
from basewise.inference.devices import select_devices, use_compilation_cache
from basewise.inference.embedding.fields import empty_arrays, list_fields
from basewise.inference.embedding.plan import make_plan
from basewise.inference.embedding.programs import Programs, Row
from basewise.inference.embedding.regions import Region, as_regions, whole_records
from basewise.inference.embedding.run import run_plan
from basewise.inference.embedding.sinks import collector
from basewise.inference.precision import set_precision
from basewise.models.request import EmbedRequest


@dataclass(frozen=True)
class Embedder:
    """A language model ready to embed.

    Attributes:
        config: the checkpoint's config.json.
    """

    programs: Programs
    config: Mapping

    def embed(
        self, sequences: str | Sequence[str] | Mapping[str, str], **request: Any
    ) -> dict[str, np.ndarray]:
        """Return arrays by name, as an npz of ``basewise embed`` holds them.

        Args:
            sequences: one or more nucleotide sequences, any case, IUPAC codes read as N.
            request: fields of ``EmbedRequest``: layers, attention, logits, likelihood, pool …

        Returns:
            ``tokens`` (n, L), ``embeddings_<layer>`` (n, L, D) …: see ``fields.list_fields``.
            Values are NaN where a shorter sequence has ended.

        Raises:
            BasewiseError: a letter that is no nucleotide, with its place, an empty sequence, or a
                request that the model cannot answer.
        """
        if isinstance(sequences, str):
            sequences = [sequences]
        if not isinstance(sequences, Mapping):
            sequences = {str(number): bases for number, bases in enumerate(sequences, start=1)}
        genome = MemoryGenome(sequences)
        for name, size in genome.chromsizes.items():
            if not size:
                raise BasewiseError(f"sequence {name} is empty")
        if not genome.chromsizes:
            raise BasewiseError("there is no sequence to embed")
        return self._collect(genome, whole_records(genome.chromsizes), EmbedRequest(**request))

    def embed_regions(
        self, sequences: Sequences, regions: Sequence[tuple], **request: Any
    ) -> dict[str, np.ndarray]:
        """Return the same of regions (chrom, start, end[, strand]) of a genome."""
        regions = as_regions(regions, sequences.chromsizes)
        return self._collect(sequences, regions, EmbedRequest(**request))

    def embed_tokens(
        self,
        tokens: np.ndarray,
        *,
        layers: Sequence[int] = (),
        attention: Sequence[tuple[int, int]] = (),
        logits: bool = False,
    ) -> dict[str, np.ndarray]:
        """Return what the model makes of token ids (n, L), which may hold masks and pads.

        Values at pads are as the model computes them; only logits are 0 there.

        Raises:
            BasewiseError: an id that has no row in the embedding, or more tokens than the model
                can take.
        """
        model, name = self.programs.model, self.config["name"]
        request = EmbedRequest(layers=tuple(layers), attention=tuple(attention), logits=logits)
        request.check(
            name, n_layers=model.n_layers, n_heads=model.n_heads, has_logits=model.n_logits > 0
        )
        tokens = np.asarray(tokens, np.int32)
        if tokens.ndim != 2 or not tokens.size:
            raise BasewiseError("token ids are an array (sequences, tokens)", found=tokens.shape)
        rows = model.tokenizer.embedding_rows
        outside = np.argwhere((tokens < 0) | (tokens >= rows))
        if outside.size:
            place = tuple(outside[0].tolist())
            raise BasewiseError(
                f"a token id of {name} must be from 0 to {rows - 1}, the rows of its embedding",
                found=f"{tokens[place]} at {place}",
            )
        size = tokens.shape[1]
        if model.max_tokens is not None and size > model.max_tokens:
            raise BasewiseError(
                f"{name} reads at most {model.max_tokens} tokens", found=f"{size} tokens"
            )
        inputs = (Row(ids, np.zeros(size, np.float32), None) for ids in tokens)
        results = self.programs.observe(inputs, request, size, is_padded=True)
        given = [values for _, values, _ in results]
        return {key: np.stack([values[key] for values in given]) for key in given[0]}

    def predict(self, *_: Any, **__: Any) -> None:
        """Language models have no tracks: raises BasewiseError."""
        raise BasewiseError(
            f"{self.config['name']} is a language model and has no tracks to predict",
            hint="Use embed, or a segmentation model.",
        )

    predict_regions = predict

    def _collect(
        self, sequences: Sequences, regions: Sequence[Region], request: EmbedRequest
    ) -> dict[str, np.ndarray]:
        plan = make_plan(self.config, self.programs.model, sequences, regions, request)
        fields = list_fields(plan)
        arrays = empty_arrays(fields, len(regions))
        write = collector(arrays)
        for first, block in run_plan(self.programs, plan, fields):
            write(first, block)
        for field in fields:
            if field.dtype is str:
                arrays[field.name] = arrays[field.name].astype(str)
        return arrays


def load_embedder(
    checkpoint: str | os.PathLike,
    *,
    precision: str = "float32",
    platform: str = "auto",
    batch_size: int = 8,
    threads: int | None = None,
    promised_devices: int | None = None,
    compilation_cache: str | os.PathLike | None = None,
) -> Embedder:
    """Return the language model of a checkpoint directory, or the one that is its trunk.

    Args:
        promised_devices: cards or chips that a job asked for; see ``select_devices``.

    Raises:
        BasewiseError: the checkpoint is broken, has no language model, or the device is not there.
    """
    devices = select_devices(platform, threads=threads, promised=promised_devices)
    use_compilation_cache(compilation_cache, devices)
    model, params, config = load_language_model(checkpoint, set_precision(precision))
    return Embedder(Programs(model, params, devices, rows_per_device=batch_size), config)
