"""What a run will do, known before any parameter is read: lengths, windows, padded sizes."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome import Sequences
from basewise.inference.embedding.regions import Region, Tokens, read_bases, tokenize
from basewise.inference.embedding.windows import Window, cut_windows
from basewise.models.language_model import LanguageModel
from basewise.models.request import EmbedRequest

log = logging.getLogger(__name__)

EXACT_SIZES = 8
DEFAULT_OVERLAP = 4  # windows share a quarter


@dataclass(frozen=True)
class Plan:
    """Regions to embed and how.

    Attributes:
        counts: int64 (regions,) tokens of each, CLS included.
        limit: tokens read in one piece at most, CLS included.
        overlap: tokens that neighbouring windows share.
        sizes: tokens of a piece -> tokens it is padded to.
    """

    model: LanguageModel
    sequences: Sequences
    regions: Sequence[Region]
    request: EmbedRequest
    counts: np.ndarray
    limit: int
    overlap: int
    sizes: Mapping[int, int]

    @property
    def longest_tokens(self) -> int:
        """Tokens of the longest region, CLS included."""
        return int(self.counts.max())

    @property
    def longest_bp(self) -> int:
        """Bases of the longest region."""
        return max(region.end - region.start for region in self.regions)

    @property
    def total_bp(self) -> int:
        """Bases of all regions."""
        return sum(region.end - region.start for region in self.regions)

    def read(self, region: Region) -> Tokens:
        """Return a region's tokens."""
        return tokenize(self.model.tokenizer, read_bases(self.sequences, region))

    def windows(self, n_tokens: int) -> list[Window]:
        """Return the windows of a region of ``n_tokens``, CLS included."""
        return cut_windows(n_tokens - 1, self.limit - 1, self.overlap)


def make_plan(
    config: Mapping,
    model: LanguageModel,
    sequences: Sequences,
    regions: Sequence[Region],
    request: EmbedRequest,
) -> Plan:
    """Compare what is asked for with the model and the sequences.

    Args:
        config: the checkpoint's config.json.

    Raises:
        BasewiseError: what the model cannot give or read: layers, heads, logits, too long or
            ambiguous sequences, which are named.
    """
    name = config["name"]
    request.check(
        name, n_layers=model.n_layers, n_heads=model.n_heads, has_logits=model.n_logits > 0
    )
    limit = _limit(config, model, request)
    overlap_bp = request.overlap_bp
    k = model.tokenizer.k
    overlap = (limit - 1) // DEFAULT_OVERLAP if overlap_bp is None else overlap_bp // k
    counts = np.empty(len(regions), np.int64)
    holed = []
    for index, region in enumerate(regions):
        tokens = tokenize(model.tokenizer, read_bases(sequences, region))
        counts[index] = tokens.ids.size
        if k > 1 and not tokens.is_letter[1:].all():
            holed.append((region, int(tokens.starts[1:][~tokens.is_letter[1:]][0])))
    _check_ambiguous(holed, len(regions), k, request)
    too_long = np.flatnonzero(counts > limit)
    if too_long.size:
        _check_long(name, regions[too_long[0]], int(counts[too_long[0]]), limit, request)
        cut_windows(limit, limit - 1, overlap)
    pieces = sorted({int(count) for count in np.minimum(counts, limit)})
    if len(pieces) <= EXACT_SIZES:
        sizes = {count: count for count in pieces}
    else:
        sizes = {count: model.padded_size(count) for count in pieces}
    return Plan(model, sequences, regions, request, counts, limit, overlap, sizes)


def _limit(config: Mapping, model: LanguageModel, request: EmbedRequest) -> int:
    """Return the tokens that are read in one piece at most."""
    if request.max_tokens is not None:
        if model.max_tokens is not None and request.max_tokens > model.max_tokens:
            raise BasewiseError(
                f"{config['name']} cannot read more than {model.max_tokens} tokens, CLS included: "
                "it has learned no positions beyond",
                found=f"max_tokens {request.max_tokens}",
            )
        return request.max_tokens
    spec = config.get("tile_spec") or {}
    context_bp = config.get("context_bp") or spec.get("context_bp") or model.max_bp
    limit = min(context_bp // model.tokenizer.k + 1, model.context_tokens)
    return limit if model.max_tokens is None else min(limit, model.max_tokens)


def _check_long(name: str, region: Region, count: int, limit: int, request: EmbedRequest) -> None:
    if request.long == "refuse":
        raise BasewiseError(
            f"{region} ({region.name}) is too long for {name}, which reads {limit} tokens in one "
            "piece, CLS included",
            found=f"{count} tokens, {region.end - region.start} bp",
            hint="Set long to window to read overlapping windows, or give shorter regions; "
            "max_tokens lets models with rotary positions read on, at a loss.",
        )
    if request.attention:
        raise BasewiseError(
            f"{region} ({region.name}) is read in windows, and attention does not reach from one "
            "to another, so it has no attention map",
            found=f"{count} tokens, {limit} in one piece",
            hint="Ask for attention on regions that fit.",
        )


def _check_ambiguous(holed: list, n_regions: int, k: int, request: EmbedRequest) -> None:
    """Refuse N, or say what a k-mer model does with it."""
    if not holed:
        return
    region, position = holed[0]
    where = f"{region} ({region.name}) has N or an IUPAC code at base {position} as read"
    meaning = (
        f"a {k}-mer model reads N as a token of one base, and the frame of the {k}-mers starts "
        f"anew after it, so tokens no longer lie every {k} bp"
    )
    if request.ambiguous == "refuse":
        raise BasewiseError(
            f"{where}: {meaning}",
            found=f"such sequences: {len(holed)} of {n_regions}",
            hint="Leave them out, or set ambiguous to tokens and go by token_start and token_end.",
        )
    log.warning(
        "%s (such sequences: %d of %d): %s; token_start and token_end say where each lies",
        where,
        len(holed),
        n_regions,
        meaning,
    )
