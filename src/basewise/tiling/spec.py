"""What a model reads and what is kept of it."""

import math
from dataclasses import asdict, dataclass, replace

from basewise.errors import BasewiseError

ALPHABETS = ("kmer", "onehot")


@dataclass(frozen=True)
class TileSpec:
    """The geometry of one model's tiles, all in bp.

    Attributes:
        context_bp: bp the model reads per tile.
        halo_bp: bp on each side that are read, then discarded; margin_bp of them at least.
        resolution_bp: bp per output bin.
        length_multiple_bp: every context the model takes is a multiple of this.
        alphabet: "kmer" cannot read N; "onehot" reads N as zeros and may be padded with it.
        k: letters per k-mer (1 for one-hot).
        min_context_bp: shortest context worth reading; shorter stretches stay unscored.
        margin_bp: bp on each side that are read and never predicted. What is predicted of a window
            is context_bp - 2 margin_bp, whatever its context.

    Raises:
        BasewiseError: a combination no model could have, naming the field.
    """

    context_bp: int
    halo_bp: int
    resolution_bp: int = 1
    length_multiple_bp: int = 1
    alphabet: str = "kmer"
    k: int = 6
    min_context_bp: int = 1
    margin_bp: int = 0

    def __post_init__(self):
        if self.alphabet not in ALPHABETS:
            raise BasewiseError(
                "unknown tile alphabet",
                found=repr(self.alphabet),
                hint=f"Known: {', '.join(ALPHABETS)}.",
            )
        for field in ("context_bp", "resolution_bp", "length_multiple_bp", "k", "min_context_bp"):
            if getattr(self, field) < 1:
                raise BasewiseError(f"{field} must be at least 1", found=getattr(self, field))
        if self.is_padded and self.k != 1:
            raise BasewiseError("k must be 1 for a one-hot alphabet", found=self.k)
        if self.margin_bp and self.length_multiple_bp % 2:
            raise BasewiseError(
                "length_multiple_bp must be even where there is a margin_bp, half on each side",
                found=self.length_multiple_bp,
            )
        if self.margin_bp and not self.is_padded:
            raise BasewiseError(
                "margin_bp needs a one-hot alphabet: windows read past the ends of chroms",
                found=self.margin_bp,
            )
        if self.context_bp % self.length_multiple_bp:
            raise BasewiseError(
                f"context_bp must be a multiple of {self.length_multiple_bp} for this model",
                found=self.context_bp,
                hint=f"The nearest below is {self._floor(self.context_bp)}.",
            )
        if self.halo_bp < 0 or 2 * self.halo_bp >= self.context_bp:
            raise BasewiseError(
                "halo_bp must be at least 0 and less than half of context_bp",
                found=f"halo_bp={self.halo_bp}, context_bp={self.context_bp}",
                hint="A tile keeps context_bp - 2 * halo_bp; lower the halo or read more context.",
            )
        if not 0 <= self.margin_bp <= self.halo_bp:
            raise BasewiseError(
                "halo_bp must be at least margin_bp, what this model reads and never predicts",
                found=f"halo_bp={self.halo_bp}, margin_bp={self.margin_bp}",
                hint=f"With this context the least halo_bp is {self.margin_bp}.",
            )
        lengths = (self.length_multiple_bp, self.halo_bp, self.margin_bp)
        if any(length % self.resolution_bp for length in lengths):
            raise BasewiseError(
                "length_multiple_bp, halo_bp and margin_bp must be multiples of resolution_bp",
                found=f"{', '.join(map(str, lengths))} and {self.resolution_bp}",
            )

    @property
    def core_bp(self) -> int:
        """bp kept of a full tile."""
        return self.context_bp - 2 * self.halo_bp

    @property
    def phase_bp(self) -> int:
        """Windows whose starts differ by a multiple of this cut a sequence alike."""
        return math.lcm(self.resolution_bp, self.k)

    @property
    def is_padded(self) -> bool:
        """Whether a window may run past a chrom's end, where it reads N."""
        return self.alphabet == "onehot"

    def contexts(self) -> tuple[int, ...]:
        """Return the length buckets, longest first: the context, its halves, min_context_bp."""
        if self.is_padded:
            return (self.context_bp,)
        shortest = self._floor(self.min_context_bp + self.length_multiple_bp - 1)
        lengths = [self.context_bp]
        while (shorter := self._floor(lengths[-1] // 2)) > shortest:
            lengths.append(shorter)
        if shortest < lengths[-1]:
            lengths.append(shortest)
        return tuple(lengths)

    def bucket(self, stretch_bp: int, *, is_exact: bool = False) -> int | None:
        """Return the context for a stretch of readable bases, None when it is too short.

        Args:
            is_exact: take the longest legal context that fits rather than a bucket: one more
                compiled shape, nothing left unread.
        """
        if self.is_padded:
            return self.context_bp
        if is_exact and self.length_multiple_bp <= stretch_bp:
            return min(self.context_bp, self._floor(stretch_bp))
        return next((length for length in self.contexts() if length <= stretch_bp), None)

    def predicted_bp(self, context_bp: int | None = None) -> int:
        """Return the bp that a window of ``context_bp`` (None for the full one) has values for."""
        context_bp = context_bp or self.context_bp
        return context_bp - 2 * self.margin_of(context_bp)

    def margin_of(self, context_bp: int) -> int:
        """Return the bp per side that a window of ``context_bp`` reads and never predicts."""
        if not self.margin_bp:
            return 0
        return self.margin_bp + (context_bp - self.context_bp) // 2

    def halo_of(self, context_bp: int) -> int:
        """Return the halo of another context.

        In proportion to the context; or with a margin, by as much more as the margin grows.
        """
        if self.margin_bp:
            return self.halo_bp + self.margin_of(context_bp) - self.margin_bp
        halo = self.halo_bp * context_bp // self.context_bp
        return halo - halo % self.resolution_bp

    def keep_bp(self, context_bp: int, wanted_bp: int) -> int:
        """Return the most bp kept of a window: all predicted where wanted whole, else no halo.

        Args:
            wanted_bp: length of what one window could serve: the stretch it lies in, or a core.
        """
        inner = context_bp - 2 * self.halo_of(context_bp)
        predicted = self.predicted_bp(context_bp)
        return predicted if inner < wanted_bp <= predicted else inner

    def resized(self, *, context_bp: int | None = None, halo_bp: int | None = None) -> "TileSpec":
        """Return this geometry with another context or halo (None keeps it).

        Raises:
            BasewiseError: a context that is no multiple of length_multiple_bp, that is shorter
                than what the model predicts, or a halo that does not go with it.
        """
        changes = {}
        if context_bp is not None:
            if self.margin_of(context_bp) < 0:
                raise BasewiseError(
                    f"context_bp must be at least {self.predicted_bp()}, what this model predicts "
                    "of a window",
                    found=context_bp,
                )
            changes = {
                "context_bp": context_bp,
                "halo_bp": self.halo_of(context_bp),
                "margin_bp": self.margin_of(context_bp),
            }
        if halo_bp is not None:
            changes["halo_bp"] = halo_bp
        return replace(self, **changes)

    def rebuilt(self, *, context_bp: int, predicted_bp: int, length_multiple_bp: int) -> "TileSpec":
        """Return the geometry of the same kind of model in another size.

        What is predicted and yet discarded keeps its share.

        Raises:
            BasewiseError: a context that is shorter than what is predicted of it, or that does
                not go with length_multiple_bp.
        """
        if not 0 < predicted_bp <= context_bp or (context_bp - predicted_bp) % 2:
            raise BasewiseError(
                f"context_bp must be {predicted_bp}, what this model predicts of a window, or an "
                "even number of bp more",
                found=context_bp,
            )
        margin_bp = (context_bp - predicted_bp) // 2
        beyond_bp = (self.halo_bp - self.margin_bp) * predicted_bp // self.predicted_bp()
        return replace(
            self,
            context_bp=context_bp,
            halo_bp=margin_bp + beyond_bp - beyond_bp % self.resolution_bp,
            margin_bp=margin_bp,
            length_multiple_bp=length_multiple_bp,
        )

    def to_dict(self) -> dict:
        """Return the fields as plain values."""
        return asdict(self)

    def _floor(self, length_bp: int) -> int:
        return length_bp - length_bp % self.length_multiple_bp
