"""The section `binding/training/signals` of a configuration, held against the files it is about.

No JAX here.
"""

from collections.abc import Mapping

from basewise.errors import BasewiseError, nearest
from basewise.intervals.bed import read_bed_records
from basewise.models.binding.trunk_shapes import TrunkShape

WHERE = "config key 'binding/training/signals"


def check_signals(
    section: Mapping, row: Mapping, *, assembly: str, biotype: str, shape: TrunkShape | None
) -> None:
    """Refuse splits without loci, loci that the trunk does not read, targets that there are not.

    Args:
        section: binding/training/signals, complete.
        row: of the assembly, with signals, bigwigs and loci.
        biotype: as peaks/signal/biotype.
        shape: of the trunk, where it is known.

    Raises:
        BasewiseError: such a key, or files that are broken.
    """
    splits: dict[str, int] = {}
    for _, (_, start, end, *rest) in read_bed_records(row["loci"]):
        splits.setdefault(rest[0].strip() if rest else "", end - start)
    for key in ("train_split", "valid_split"):
        if section[key] not in splits:
            raise BasewiseError(
                f"{WHERE}/{key}': {row['loci']} has no locus of it",
                found=repr(section[key]),
                hint=nearest(section[key], splits) if splits else None,
            )
    if shape is not None:
        try:
            shape.n_bins(splits[section["train_split"]])
        except BasewiseError as error:
            raise BasewiseError(
                f"the loci of {row['loci']} do not fit the trunk: {error}"
            ) from None
    if section["held_out_targets"]:
        _check_targets(section["held_out_targets"], row, assembly, biotype)


def _check_targets(held_out: list[str], row: Mapping, assembly: str, biotype: str) -> None:
    from basewise.peaks.signal.table import read_signals  # slow to import, and few need it

    signals = read_signals(row["signals"], row["bigwigs"], assembly=assembly, biotype=biotype)
    targets = list(dict.fromkeys(signal.target for signal in signals))
    for target in held_out:
        if target not in targets:
            raise BasewiseError(
                f"{WHERE}/held_out_targets' names a target that {row['signals']} lacks",
                found=repr(target),
                hint=nearest(target, targets),
            )
    if set(targets) <= set(held_out):
        raise BasewiseError(f"{WHERE}/held_out_targets' leaves no signal to learn")
