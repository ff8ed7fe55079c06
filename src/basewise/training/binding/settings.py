"""What `basewise train binding` is told, checked before anything is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from basewise.errors import BasewiseError, nearest
from basewise.fields import check_fields
from basewise.training.binding.examples import Sampling
from basewise.training.fit import FitSettings
from basewise.training.trainable import MODES


@dataclass(frozen=True)
class SignalData:
    """Bins of bigWigs to learn, instead of windows of peaks.

    Attributes:
        table: signals.tsv, as `bin_signals` writes it.
        loci: BED of windows; the fourth column is the split.
        train_split, valid_split: which loci learn and which judge.
        held_out_targets: targets whose signals do not train and do not choose the best step.
        pairs_per_step: signals read for each window; null for all.
        missing: what a bin without values is, "zero" or "nan".
    """

    table: str
    loci: str
    train_split: str = "train"
    valid_split: str = "valid"
    held_out_targets: tuple[str, ...] = ()
    pairs_per_step: int | None = None
    missing: str = "zero"


@dataclass(frozen=True)
class BindingTraining:
    """What to train, on what.

    Attributes:
        name: the checkpoint's name.
        genome: plain FASTA.
        proteins, contexts: indices of encoded proteins (by target) and contexts (by biotype);
            contexts may be left out where the adapter conditions on nothing.
        trunk: ``family`` and ``architecture`` of a new trunk, or a ``checkpoint`` to begin with.
        adapter: fields of BindingConfig but trunk_dim, protein_dim and context_dim, which follow.
        training: fields of FitSettings.
        windows: directory of Parquet files by split, as `make_windows` writes it.
        signals: fields of SignalData; instead of windows.
        encoders: ``proteins`` and ``contexts``, the ``encoder`` and settings that made the
            embeddings; kept in the checkpoint, so that new proteins can be encoded alike.
        sampling: fields of Sampling.
        trunk_mode, n_last: what of the trunk learns (`choose_trainable`).
        residue_stride, max_residues: which residues are read (`thin_residues`).
        valid_split: which windows choose the best step; valid_windows: of these, how many at
            random; null for all.
        folds: train so many models instead, each validated on other chroms, of the windows that
            train or are of split "valid"; fold: only this one of them, counted from 1.
        initial: a binding checkpoint of the same architecture to go on from.
    """

    name: str
    genome: str
    proteins: str
    trunk: Mapping
    adapter: Mapping
    training: Mapping
    contexts: str | None = None
    windows: str | None = None
    signals: Mapping | None = None
    encoders: Mapping = field(default_factory=dict)
    sampling: Mapping = field(default_factory=dict)
    trunk_mode: str = "all"
    n_last: int = 0
    residue_stride: int = 1
    max_residues: int | None = None
    valid_split: str = "valid"
    valid_windows: int | None = None
    folds: int | None = None
    fold: int | None = None
    initial: str | None = None
    species: str = "unknown"
    licence: str = "as the peaks"
    param_dtype: str = "float32"

    def __post_init__(self):
        if (self.windows is None) == (self.signals is None):
            raise BasewiseError(
                "training config needs either windows (binary) or signals (tracks)",
                found="both" if self.windows else "neither",
            )
        if self.trunk_mode not in MODES:
            raise BasewiseError(
                "unknown training config/trunk_mode",
                found=repr(self.trunk_mode),
                hint=nearest(self.trunk_mode, MODES),
            )
        for name in ("residue_stride", "max_residues", "valid_windows"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BasewiseError(f"training config/{name} must be at least 1", found=value)
        if self.folds is not None and self.folds < 2:
            raise BasewiseError("training config/folds must be at least 2", found=self.folds)
        if self.fold is not None and not 1 <= self.fold <= (self.folds or 0):
            raise BasewiseError(
                "training config/fold must be one of training config/folds",
                found=f"{self.fold} of {self.folds or 'no'} folds",
            )
        if self.folds is not None and self.valid_split != "valid":
            raise BasewiseError(
                "training config/folds takes turns with the chroms of split 'valid'",
                found=f"valid_split {self.valid_split}",
                hint="Leave out one of the two: what is held out otherwise must not train.",
            )
        if self.folds is not None and self.signals is not None:
            raise BasewiseError(
                "training config/folds is for windows", hint="Loci say themselves which split."
            )
        self.fit_settings, self.sampling_settings  # noqa: B018 - checks them
        if self.signals is not None:
            self.signal_data  # noqa: B018

    @classmethod
    def read(cls, settings: Mapping) -> "BindingTraining":
        """The settings of plain values; errors name the key."""
        return check_fields(cls, dict(settings), "training config")

    @property
    def fit_settings(self) -> FitSettings:
        """Those of the loop."""
        return check_fields(FitSettings, dict(self.training), "training config/training")

    @property
    def sampling_settings(self) -> Sampling:
        """Those of the examples."""
        return check_fields(Sampling, dict(self.sampling), "training config/sampling")

    @property
    def signal_data(self) -> SignalData:
        """Those of the tracks."""
        return check_fields(SignalData, dict(self.signals or {}), "training config/signals")

    @property
    def is_binary(self) -> bool:
        """Whether windows have labels."""
        return self.windows is not None
