"""From loci and binned bigWigs to the batches of a step: all pairs of a locus share its trunk.

Shapes: A micro-batches, B loci of each, T pairs, n bins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import jax
import numpy as np
import pandas as pd

from basewise.errors import BasewiseError, nearest
from basewise.genome import Sequences
from basewise.models.binding.model import BindingModel
from basewise.models.binding.trunks import DnaTrunk
from basewise.peaks.sampling import Sampler, read_bases
from basewise.peaks.signal.loci import read_loci
from basewise.peaks.signal.targets import SignalTargets
from basewise.training.binding.examples import PairBatch, Sampling, draw_phases
from basewise.training.binding.metrics import TrackSums
from basewise.training.binding.objective import predict_all
from basewise.training.binding.pairs import Pair, PairTable
from basewise.training.binding.settings import SignalData

VALIDATED = 256  # loci, at most, where no number is given


@dataclass(frozen=True)
class SignalExamples:
    """Loci by split, and the signals that train; `of` makes them examples of a model.

    Attributes:
        signals: rows of the table of signals that train.
        loci, valid: tables of chrom, start, end.
    """

    data: SignalData
    sequences: Sequences
    table: pd.DataFrame
    signals: tuple[int, ...]
    loci: pd.DataFrame
    valid: pd.DataFrame
    trunk: DnaTrunk | None = None
    pairs: PairTable | None = None
    targets: SignalTargets | None = None
    sampler: Sampler | None = None
    batch: tuple[int, int] = (1, 1)
    seed: int = 0

    @classmethod
    def open(cls, data: SignalData, sequences: Sequences) -> "SignalExamples":
        """Read the tables.

        Raises:
            BasewiseError: files that are missing or broken, a held-out target that there is not,
                no signal left to learn, an empty split.
        """
        targets = SignalTargets(data.table, missing=data.missing)
        names = targets.table["target"]
        for name in data.held_out_targets:
            if name not in set(names):
                raise BasewiseError(
                    f"signals/held_out_targets names {name!r}, which no signal is of",
                    hint=nearest(name, names.unique()),
                )
        kept = np.flatnonzero(~names.isin(data.held_out_targets))
        if not len(kept):
            raise BasewiseError(f"no signal of {data.table} is left to train on")
        loci, valid = (
            read_loci(
                data.loci, sequences.chromsizes, resolution_bp=targets.resolution_bp, split=split
            )
            for split in (data.train_split, data.valid_split)
        )
        return cls(data, sequences, targets.table, tuple(map(int, kept)), loci, valid)

    @property
    def all_pairs(self) -> list[Pair]:
        """The pairs of the signals that train."""
        chosen = self.table.iloc[list(self.signals)]
        return [Pair(*row) for row in chosen[["target", "biotype"]].itertuples(index=False)]

    @property
    def width_bp(self) -> int:
        """Width of all loci."""
        widths = {
            int(width)
            for rows in (self.loci, self.valid)
            for width in (rows["end"] - rows["start"]).unique()
        }
        if len(widths) != 1:
            raise BasewiseError("loci must have one width", found=sorted(widths))
        return widths.pop()

    @property
    def summary(self) -> dict:
        """For the checkpoint."""
        return {
            "loci": {"train": len(self.loci), self.data.valid_split: len(self.valid)},
            "targets": sorted({pair.target for pair in self.all_pairs}),
            "biotypes": sorted({pair.biotype for pair in self.all_pairs}),
            "held_out_targets": list(self.data.held_out_targets),
            **self._range,
        }

    @property
    def _range(self) -> dict:
        """The range of what is learned, where the table of signals tells the highest values."""
        highest = pd.to_numeric(self.table.get("max", pd.Series(dtype=float)), errors="coerce")
        highest = highest[highest > 0].max()
        return {"value_range": [0.0, float(highest)]} if highest > 0 else {}

    def of(
        self,
        trunk: DnaTrunk,
        pairs: PairTable,
        *,
        sampling: Sampling,
        batch_size: int,
        accumulate: int = 1,
        seed: int = 0,
    ) -> "SignalExamples":
        """Return them as examples of a trunk and pairs.

        Raises:
            BasewiseError: bins of another width than the trunk's.
        """
        n_bins = trunk.n_bins(self.width_bp)
        targets = SignalTargets(self.data.table, missing=self.data.missing, crop_to_bins=n_bins)
        if targets.resolution_bp != trunk.bp_per_bin:
            raise BasewiseError(
                f"signals are binned to {targets.resolution_bp} bp, and the trunk's bins have "
                f"{trunk.bp_per_bin} bp",
                hint="Bin them anew (peaks/signal/resolution_bp), or choose another trunk.",
            )
        loci = self.loci.assign(
            label=np.uint8(0),
            kind="locus",
            experiment="",
            target="",
            biotype="",
            score=0.0,
            n_peaks=0,
        )
        sampler = Sampler(
            loci,
            chromsizes=self.sequences.chromsizes,
            seed=seed,
            batch_size=batch_size * accumulate,
            shift_bp=sampling.shift_bp,
            reverse_complement=sampling.reverse_complement,
            epoch_size=max(len(loci), batch_size * accumulate),
            balance=() if len(loci) >= batch_size * accumulate else ("kind",),
        )
        return replace(
            self, trunk=trunk, pairs=pairs, targets=targets, sampler=sampler,
            batch=(accumulate, batch_size), seed=seed,
        )  # fmt: skip

    @property
    def fingerprint(self) -> str:
        """Of loci, pairs, and which bins they are learned from."""
        bins = self.table.iloc[list(self.signals)].to_dict("records")
        return f"{self.sampler.state.fingerprint} {self.pairs.fingerprint} {bins} {self.data}"

    def draw(self, step: int) -> PairBatch:
        """Return the micro-batches of a step along a first axis, target (A, T, B, n)."""
        examples = self.sampler.batch(*divmod(step, self.sampler.n_batches))
        chosen = self._choose(step)
        places = pd.DataFrame(
            {"chrom": examples.chrom, "start": examples.start, "end": examples.end}
        )
        values = self.targets.read(places, chosen)  # (A · B, n, T)
        turned = examples.is_reversed
        values[turned] = values[turned, ::-1]
        inputs = self.trunk.encode(read_bases(examples, self.sequences))
        accumulate, size = self.batch
        values = values.reshape(accumulate, size, *values.shape[1:]).transpose(0, 3, 1, 2)
        shared = [
            None if array is None else np.broadcast_to(array, (accumulate, *array.shape))
            for array in self.pairs.take(self._numbers(chosen), draw_phases(self.seed, step))
        ]
        nothing = np.zeros((accumulate, size), np.float32)
        return PairBatch(
            inputs.reshape(accumulate, size, *inputs.shape[1:]),
            *shared,
            nothing.astype(np.int32),
            np.ascontiguousarray(values, np.float32),
            None,
            nothing,
            nothing,
        )

    def judge(
        self, model: BindingModel, most: int | None = None
    ) -> Callable[[dict], Mapping[str, float]]:
        """Return parameters -> Pearson's correlations at validation loci, means over signals."""
        size = self.batch[1]
        loci = self.valid.iloc[: VALIDATED if most is None else most]
        loci = loci.reset_index(drop=True)
        shared = self.pairs.take(self._numbers(self.signals))
        predict = jax.jit(lambda params, batch: predict_all(model, params, batch))

        def judge(params: dict) -> dict[str, float]:
            sums = [TrackSums() for _ in self.signals]
            for first in range(0, len(loci), size):
                rows = loci.iloc[first : first + size]
                truth = self.targets.read(rows, self.signals)
                bases = np.stack(
                    [
                        self.sequences.read(*place)
                        for place in rows[["chrom", "start", "end"]].itertuples(index=False)
                    ]
                )
                bases = np.pad(bases, ((0, size - len(rows)), (0, 0)), mode="edge")
                nothing = np.zeros(size, np.float32)
                batch = PairBatch(
                    self.trunk.encode(bases), *shared, nothing.astype(np.int32), nothing, None,
                    nothing, nothing,
                )  # fmt: skip
                predicted = np.asarray(predict(params, batch))[:, : len(rows)]
                for i, own in enumerate(sums):
                    own.update(predicted[i], truth[:, :, i])
            found = [own.finalize() for own in sums]
            return {name: float(np.nanmean([one[name] for one in found])) for name in found[0]}

        return judge

    def _choose(self, step: int) -> np.ndarray:
        wanted = self.data.pairs_per_step
        if wanted is None or wanted >= len(self.signals):
            return np.array(self.signals)
        rng = np.random.default_rng([self.seed, step])
        return np.sort(rng.choice(self.signals, wanted, replace=False))

    def _numbers(self, signals) -> np.ndarray:
        rows = self.table.iloc[list(signals)]
        return self.pairs.numbers(rows["target"].to_list(), rows["biotype"].to_list())
