"""A plan through the model, block by block: rows in, arrays of neighbouring sequences out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from basewise.errors import BasewiseError
from basewise.inference.embedding.fields import Field, empty_arrays, rows_per_block
from basewise.inference.embedding.plan import Plan
from basewise.inference.embedding.programs import Programs, Row
from basewise.inference.embedding.regions import Region, Tokens, locate
from basewise.inference.embedding.windows import Window
from basewise.inference.progress import Progress
from basewise.tokenizers import CLS_ID

Block = dict[str, np.ndarray]


def run_plan(programs: Programs, plan: Plan, fields: list[Field]) -> Iterator[tuple[int, Block]]:
    """Yield the first row of each block of regions, in order, and its arrays.

    Raises:
        BasewiseError: values that are not finite; the region is named.
    """
    request = plan.request
    progress = Progress(plan.total_bp)
    step = rows_per_block(fields, len(plan.regions), programs.batch_size)
    for first in range(0, len(plan.regions), step):
        regions = plan.regions[first : first + step]
        tokens = [plan.read(region) for region in regions]
        block = empty_arrays(fields, len(regions))
        for index, (region, some) in enumerate(zip(regions, tokens, strict=True)):
            _describe(block, index, region, some)
        if request.layers or request.attention or request.logits:
            _observe(programs, plan, block, tokens, regions)
        if request.likelihood:
            _score(programs, plan, block, tokens, regions)
        yield first, block
        progress.advance(sum(region.end - region.start for region in regions))
    progress.report()


def _describe(block: Block, index: int, region: Region, tokens: Tokens) -> None:
    for name, value in zip(Region._fields, region, strict=True):
        block[name][index] = value
    n_tokens = block["n_tokens"][index] = tokens.ids.size
    if "tokens" in block:
        starts, ends = locate(region, tokens)
        block["tokens"][index, :n_tokens] = tokens.ids
        block["token_start"][index, :n_tokens] = starts
        block["token_end"][index, :n_tokens] = ends


def _observe(programs: Programs, plan: Plan, block: Block, tokens: list[Tokens], regions) -> None:
    """Fill in embeddings, attention maps and logits; the CLS of windows is their mean."""
    is_pooled = plan.request.pool != "none"

    def row(index: int, window: Window, n_windows: int) -> Iterator[Row]:
        ids = _piece(tokens[index].ids, window)
        weights = _weights(plan.request.pool, window, n_windows, tokens[index].ids.size - 1)
        yield Row(ids, weights, (index, window, n_windows))

    for size, is_padded, rows in _by_size(plan, tokens, row):
        results = programs.observe(rows, plan.request, size, is_padded=is_padded)
        for (index, window, n_windows), values, is_finite in results:
            _check_finite(is_finite, regions[index])
            for name, value in values.items():
                target = block[name][index]
                is_first = window.own_first == 0
                if name.startswith("attention"):
                    n_tokens = tokens[index].ids.size
                    target[:n_tokens, :n_tokens] = value[:n_tokens, :n_tokens]
                elif is_pooled and name.startswith("embeddings"):
                    target[:] = value if is_first else target + value
                else:
                    shift = 1 - window.first
                    own = slice(1 + window.own_first, 1 + window.own_last)
                    target[own] = value[window.own_first + shift : window.own_last + shift]
                    cls = value[0] / n_windows
                    target[0] = cls if is_first else target[0] + cls


def _score(programs: Programs, plan: Plan, block: Block, tokens: list[Tokens], regions) -> None:
    """Fill in the log-likelihood of tokens, bases and sequences."""
    every = plan.request.mask_every
    scores = [np.full(some.ids.size, np.nan, np.float32) for some in tokens]

    def rows_of(index: int, window: Window, n_windows: int) -> Iterator[Row]:
        ids = _piece(tokens[index].ids, window)
        own = np.arange(window.own_first, window.own_last) + 1
        own = own[tokens[index].is_letter[own]]
        for first in range(min(every or own.size, own.size)):
            positions = own[first :: every or own.size]
            yield Row(ids, (positions - window.first).astype(np.int32), (index, positions))

    for size, is_padded, rows in _by_size(plan, tokens, rows_of):
        n_positions = -(-(size - 1) // every) if every else 1
        for (index, positions), values, is_finite in programs.score(
            rows, size, n_positions, is_padded=is_padded
        ):
            _check_finite(is_finite, regions[index])
            scores[index][positions] = values["log_probs"][: positions.size]
    for index, (given, some) in enumerate(zip(scores, tokens, strict=True)):
        spans = (some.ends - some.starts)[1:]
        is_scored = np.isfinite(given[1:])
        if is_scored.any():
            block["log_likelihood"][index] = given[1:][is_scored].sum(dtype=np.float64)
        block["n_scored_bp"][index] = spans[is_scored].sum()
        if "token_log_likelihood" in block:
            block["token_log_likelihood"][index, : given.size] = given
            block["base_log_likelihood"][index, : spans.sum()] = np.repeat(given[1:] / spans, spans)


def _by_size(
    plan: Plan, tokens: list[Tokens], rows_of: Callable[[int, Window, int], Iterable[Row]]
) -> Iterator[tuple[int, bool, Iterator[Row]]]:
    """Yield each padded size, whether any of its pieces is shorter, and the rows of its pieces."""
    pieces = defaultdict(list)
    for index, some in enumerate(tokens):
        windows = plan.windows(some.ids.size)
        for window in windows:
            length = window.last - window.first + 1
            pieces[plan.sizes[length]].append((length, index, window, len(windows)))
    for size, members in sorted(pieces.items()):
        is_padded = any(plan.sizes[length] != length for length in plan.sizes)
        rows = (row for _, *piece in members for row in rows_of(*piece))
        yield size, is_padded, rows


def _piece(ids: np.ndarray, window: Window) -> np.ndarray:
    """Return the ids of a window, CLS first."""
    return np.concatenate([[np.int32(CLS_ID)], ids[1 + window.first : 1 + window.last]])


def _weights(pool: str, window: Window, n_windows: int, n_tokens: int) -> np.ndarray:
    """Return float32 (tokens,): each token's share in the pooled embedding of the sequence."""
    weights = np.zeros(window.last - window.first + 1, np.float32)
    own = slice(window.own_first - window.first + 1, window.own_last - window.first + 1)
    if pool == "mean":
        weights[own] = 1 / (n_tokens + 1)
        weights[0] = 1 / (n_tokens + 1) / n_windows
    elif pool == "mean_non_special":
        weights[own] = 1 / n_tokens
    elif pool == "cls":
        weights[0] = 1 / n_windows
    return weights


def _check_finite(is_finite: bool, region: Region) -> None:
    if not is_finite:
        raise BasewiseError(
            f"the model's values at {region} are not finite",
            hint="Compute in float32, or check the checkpoint.",
        )
