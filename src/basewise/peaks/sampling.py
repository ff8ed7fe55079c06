"""Which windows a model sees, in which order, moved by how much and on which strand.

Every example is a function of the seed and its number, and of nothing before it: training resumes
anywhere, on any number of workers, with the same examples. Balance is by turns, not by chance: of
G targets every one comes once in G examples (in a new order each time), its biotypes take turns
likewise, and so do the windows of both, so none repeats before all others have come.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError, nearest
from basewise.fields import check_fields
from basewise.genome import Sequences, reverse_complement
from basewise.peaks.categories import ROWS_AT_ONCE, read_codes
from basewise.peaks.shuffle import MAX_ITEMS, key_of
from basewise.peaks.turns import Turns, draw_below

BALANCE = ("target", "biotype", "experiment", "kind", "label")
TEXT = ("experiment", "target", "biotype")
NUMBERS = ("label", "score", "n_peaks")


@dataclass(frozen=True)
class SamplerState:
    """Where a sampler stands; as a dict it can be kept in a checkpoint.

    Attributes:
        seed: The sampler's.
        epoch: From 0.
        position: Examples of the epoch that all workers together have had.
        fingerprint: Of the windows and of what the sampler does with them.
    """

    seed: int
    epoch: int
    position: int
    fingerprint: str

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping) -> "SamplerState":
        return check_fields(cls, dict(values), "sampler")


class Examples(NamedTuple):
    """A batch of one worker; (B,) each.

    Attributes:
        row: int64, of the table of windows.
        chrom: text.
        start, end: int64 bp, after the shift.
        is_reversed: bool, whether the other strand is read.
        label: uint8. score: float32, the read value. n_peaks: int64.
        experiment, target, biotype: text.
        state: The sampler's after this batch.
    """

    row: np.ndarray
    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    is_reversed: np.ndarray
    label: np.ndarray
    score: np.ndarray
    n_peaks: np.ndarray
    experiment: np.ndarray
    target: np.ndarray
    biotype: np.ndarray
    state: SamplerState


class Sampler:
    """Batches of windows, for ever; iterate over it.

    Args:
        windows: As `make_windows` writes them, of one width.
        chromsizes: Chrom lengths in bp.
        seed: Of the order and of the augmentation.
        batch_size: Examples per batch of all workers together.
        balance: Columns that take turns, the first one first: ("target", "biotype") shows every
            target equally often, and its biotypes equally often. Without any, an epoch shows
            every window once, in random order.
        kind_weights: kind → whole number: how many of each come together, as {"peak": 1,
            "random": 1, "scoped": 1}. Kinds it does not name do not come. Without it, kinds come
            as often as balance makes them.
        shift_bp: The least and the greatest shift (a, b), both included; a shift that would leave
            the chrom is not drawn, the others stay equally likely.
        reverse_complement: Whether every second example, at random, is read from the other
            strand.
        epoch_size: Examples in an epoch; the number of windows when None.
        drop_last: Leave out what does not fill a batch at the end of an epoch.
        shard: (index, number) of this worker: it gets every number-th example of each batch.

    Raises:
        BasewiseError: Windows that differ in width or leave their chrom, an unknown column or
            kind, a batch that cannot be shared out, an epoch shorter than a batch.
    """

    def __init__(
        self,
        windows: pd.DataFrame,
        *,
        chromsizes: Mapping[str, int],
        seed: int,
        batch_size: int,
        balance: Sequence[str] = (),
        kind_weights: Mapping[str, int] | None = None,
        shift_bp: tuple[int, int] = (0, 0),
        reverse_complement: bool = False,
        epoch_size: int | None = None,
        drop_last: bool = True,
        shard: tuple[int, int] = (0, 1),
    ):
        self.windows = windows.reset_index(drop=True)
        self.seed, self.batch_size, self.drop_last = int(seed), int(batch_size), drop_last
        self.shift_bp = (int(shift_bp[0]), int(shift_bp[1]))
        self.reverse_complement = bool(reverse_complement)
        self.epoch_size = len(windows) if epoch_size is None else int(epoch_size)
        self.shard = (int(shard[0]), int(shard[1]))
        self._is_balanced = bool(balance) or kind_weights is not None
        self._check(balance)
        self._sizes = _sizes_of(self.windows, chromsizes)
        self._turns = Turns.of(self.windows, balance, kind_weights, key_of(seed, "turns"))
        settings = (balance, kind_weights, self.shift_bp, self.reverse_complement, self.epoch_size)
        self._fingerprint = _fingerprint(self.windows, self.batch_size, drop_last, *settings)
        self._state = SamplerState(self.seed, 0, 0, self._fingerprint)

    @property
    def n_batches(self) -> int:
        """Batches in an epoch."""
        full, rest = divmod(self.epoch_size, self.batch_size)
        return full + bool(rest and not self.drop_last)

    @property
    def _numbers_per_epoch(self) -> int:
        """Without balance an epoch begins a permutation; with it, turns go on where they were."""
        if not self._is_balanced:
            return self.epoch_size
        return min(self.epoch_size, self.n_batches * self.batch_size)

    @property
    def state(self) -> SamplerState:
        """Where it stands: what `restore` takes to go on with the next batch."""
        return self._state

    def restore(self, state: SamplerState | Mapping) -> None:
        """Go on where another sampler of the same windows and settings stood.

        The number of workers may differ. Raises BasewiseError when anything else does.
        """
        if not isinstance(state, SamplerState):
            state = SamplerState.from_dict(state)
        if state.seed != self.seed or state.fingerprint != self._fingerprint:
            raise BasewiseError(
                "the state is that of another sampler",
                found=f"seed {state.seed}, fingerprint {state.fingerprint}, not {self.seed} and "
                f"{self._fingerprint}",
                hint="Resume with the windows, seed, batch size and settings of before",
            )
        if state.position % self.batch_size or not 0 <= state.position < self.epoch_size:
            raise BasewiseError("the state is between two batches", found=state.position)
        self._state = state

    def __iter__(self) -> Iterator[Examples]:
        while True:
            yield self.next_batch()

    def next_batch(self) -> Examples:
        """The batch at the sampler's state, which moves on."""
        examples = self.batch(self._state.epoch, self._state.position // self.batch_size)
        self._state = examples.state
        return examples

    def batch(self, epoch: int, number: int) -> Examples:
        """This worker's part of a batch of an epoch, wherever the sampler stands."""
        if not 0 <= number < self.n_batches:
            raise BasewiseError(f"an epoch has {self.n_batches} batches", found=f"batch {number}")
        first, last = number * self.batch_size, (number + 1) * self.batch_size
        positions = np.arange(first, min(last, self.epoch_size))[self.shard[0] :: self.shard[1]]
        is_end = number + 1 == self.n_batches
        after = (epoch + 1, 0) if is_end else (epoch, last)
        state = SamplerState(self.seed, *after, self._fingerprint)
        return self._examples(positions + epoch * self._numbers_per_epoch, state)

    def _examples(self, numbers: np.ndarray, state: SamplerState) -> Examples:
        rows = self._turns.take(numbers)
        chosen = self.windows.iloc[rows]
        start, end = (chosen[name].to_numpy(np.int64) for name in ("start", "end"))
        least = np.maximum(self.shift_bp[0], -start)
        most = np.minimum(self.shift_bp[1], self._sizes[rows] - end)
        shift = least + draw_below(key_of(self.seed, "shift"), numbers, most - least + 1)
        is_reversed = np.zeros(len(rows), dtype=bool)
        if self.reverse_complement:
            coins = draw_below(key_of(self.seed, "strand"), numbers, np.full(len(rows), 2))
            is_reversed = coins.astype(bool)
        return Examples(
            rows,
            chosen["chrom"].to_numpy(object),
            start + shift,
            end + shift,
            is_reversed,
            *(chosen[name].to_numpy() for name in NUMBERS),
            *(chosen[name].to_numpy(object) for name in TEXT),
            state,
        )

    def _check(self, balance: Sequence[str]) -> None:
        needed = ("chrom", "start", "end", "kind", *NUMBERS, *TEXT)
        missing = [name for name in needed if name not in self.windows]
        if missing:
            raise BasewiseError("the table of windows lacks columns", found=", ".join(missing))
        for name in balance:
            if name not in BALANCE:
                raise BasewiseError(
                    f"windows cannot be balanced by {name!r}", hint=nearest(name, BALANCE)
                )
        if not 0 < len(self.windows) < MAX_ITEMS:
            raise BasewiseError("there are no windows to sample", found=f"{len(self.windows)}")
        index, number = self.shard
        if not 0 <= index < number or self.batch_size < 1 or self.batch_size % number:
            raise BasewiseError(
                f"a batch of {self.batch_size} cannot be shared out to worker {index} of {number}",
                hint="Workers count from 0, and batch_size is a multiple of their number",
            )
        if self.n_batches < 1:
            raise BasewiseError(
                "an epoch is shorter than a batch",
                found=f"{self.epoch_size} windows for a batch of {self.batch_size}",
                hint="Choose a smaller batch_size, or set drop_last to false",
            )
        if not self.shift_bp[0] <= 0 <= self.shift_bp[1]:
            raise BasewiseError(
                "shift_bp is the least and the greatest shift, and holds 0", found=self.shift_bp
            )


def read_bases(examples: Examples, sequences: Sequences) -> np.ndarray:
    """The bases of a batch, on the strand that each is read from: uint8 ASCII (B, width)."""
    width = int(examples.end[0] - examples.start[0])
    bases = np.empty((len(examples.row), width), dtype=np.uint8)
    places = zip(examples.chrom, examples.start, examples.end, examples.is_reversed, strict=True)
    for i, (chrom, start, end, is_reversed) in enumerate(places):
        window = sequences.read(chrom, int(start), int(end))
        bases[i] = reverse_complement(window) if is_reversed else window
    return bases


def _sizes_of(windows: pd.DataFrame, chromsizes: Mapping[str, int]) -> np.ndarray:
    """The length of every window's chrom, int (n,), after checking that windows fit in them."""
    codes, names = read_codes(windows["chrom"])
    sizes = np.array([chromsizes.get(name, -1) for name in names], dtype=np.int64)
    is_short = sizes.max(initial=0) <= np.iinfo(np.int32).max
    sizes = sizes.astype(np.int32 if is_short else np.int64)[codes]
    start, end = (windows[name].to_numpy() for name in ("start", "end"))
    bad = np.flatnonzero((start < 0) | (end > sizes) | (end - start != end[0] - start[0]))
    if len(bad):
        i = bad[0]
        raise BasewiseError(
            f"{len(bad)} windows leave their chrom or differ in width from the first",
            found=f"{names[codes[i]]}:{start[i]}-{end[i]}",
            hint="Make them with `make_windows`, for this assembly",
        )
    return sizes


def _fingerprint(windows: pd.DataFrame, *settings: object) -> str:
    columns = ["chrom", "start", "end", "kind", *NUMBERS, *TEXT]
    digest = hashlib.sha256()
    for first in range(0, len(windows), ROWS_AT_ONCE):
        rows = windows[columns].iloc[first : first + ROWS_AT_ONCE]
        hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
        digest.update(np.ascontiguousarray(hashes, "<u8").data)
    digest.update(repr([dict(s) if isinstance(s, Mapping) else s for s in settings]).encode())
    return digest.hexdigest()[:16]
