"""The arrays of an output file: names, shapes, and what stands where a sequence has ended.

Shapes: n sequences, L tokens of the longest one (CLS first, pads last), D embedding, V vocabulary.
Where a shorter sequence has ended, tokens are the pad id, places are -1, and values are NaN.
"""

import math
from dataclasses import dataclass

import numpy as np

from basewise.errors import BasewiseError
from basewise.inference.embedding.plan import Plan
from basewise.tokenizers import PAD_ID

BLOCK_BYTES = 1 << 28
SEQUENCE_LIMIT_BYTES = 1 << 32
ROWS_AHEAD = 16


@dataclass(frozen=True)
class Field:
    """One array (n, *tail); text has dtype str."""

    name: str
    tail: tuple[int, ...]
    dtype: type
    fill: object = 0

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        itemsize = 16 if self.dtype is str else np.dtype(self.dtype).itemsize
        return math.prod(self.tail) * itemsize


def list_fields(plan: Plan, *, is_summary: bool = False) -> list[Field]:
    """Return the fields of a plan's output.

    ``chrom, start, end, strand, name``; ``n_tokens``, CLS included; ``tokens``, ``token_start``
    and ``token_end`` (n, L), on the chrom; ``embeddings_<layer>`` (n, L, D), or (n, D) if pooled;
    ``attention_<layer>_<head>`` (n, L, L); ``logits`` (n, L, V); ``token_log_likelihood`` (n, L),
    ``base_log_likelihood`` (n, bp) in the direction of reading, ``log_likelihood`` and
    ``n_scored_bp`` (n,).

    Args:
        is_summary: leave out all that is as long as a sequence.
    """
    request, model = plan.request, plan.model
    length, is_pooled = plan.longest_tokens, request.pool != "none"
    fields = [Field("chrom", (), str, ""), Field("start", (), np.int64), Field("end", (), np.int64)]
    fields += [Field("strand", (), str, ""), Field("name", (), str, "")]
    fields.append(Field("n_tokens", (), np.int32))
    if not is_summary:
        fields.append(Field("tokens", (length,), np.int32, PAD_ID))
        fields += [Field(f"token_{side}", (length,), np.int64, -1) for side in ("start", "end")]
    width = (model.embed_dim,) if is_pooled else (length, model.embed_dim)
    fields += [_values(f"embeddings_{layer}", *width) for layer in request.layers]
    fields += [_values(f"attention_{la}_{head}", length, length) for la, head in request.attention]
    if request.logits:
        fields.append(_values("logits", length, model.n_logits))
    if request.likelihood:
        if not is_summary:
            fields.append(_values("token_log_likelihood", length))
            fields.append(_values("base_log_likelihood", plan.longest_bp))
        fields += [_values("log_likelihood"), Field("n_scored_bp", (), np.int64)]
    return fields


def rows_per_block(fields: list[Field], n_rows: int, batch_rows: int) -> int:
    """Return how many rows are held in memory at once: whole batches, by powers of two.

    Raises:
        BasewiseError: one row alone is too large.
    """
    row_bytes = sum(field.row_bytes for field in fields)
    if row_bytes > SEQUENCE_LIMIT_BYTES:
        raise BasewiseError(
            "what is asked for of the longest sequence is too large to be held in memory",
            found=f"{row_bytes / 2**30:.1f} GiB",
            hint="Pool it (mean), ask for fewer layers, or give shorter regions.",
        )
    rows = batch_rows
    while rows < min(n_rows, ROWS_AHEAD * batch_rows) and 2 * rows * row_bytes <= BLOCK_BYTES:
        rows *= 2
    return rows


def empty_arrays(fields: list[Field], n_rows: int) -> dict[str, np.ndarray]:
    """Return arrays by name, each filled with what stands where nothing is."""
    dtypes = [object if field.dtype is str else field.dtype for field in fields]
    return {
        field.name: np.full((n_rows, *field.tail), field.fill, dtype)
        for field, dtype in zip(fields, dtypes, strict=True)
    }


def _values(name: str, *tail: int) -> Field:
    return Field(name, tail, np.float32, np.nan)
