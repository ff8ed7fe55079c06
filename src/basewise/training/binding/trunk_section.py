"""The section `binding/training/trunk` of a configuration, checked before anything runs.

No JAX here.
"""

from collections.abc import Mapping
from pathlib import Path

from basewise.checkpoints.config import CONFIG_NAME, read_config
from basewise.checkpoints.known import find_published
from basewise.errors import BasewiseError, nearest
from basewise.models.binding.trunk_shapes import TrunkShape, read_shape

WHERE = "config section 'binding/training/trunk'"
COUNTING = ("last", "layer_norms")  # modes that have a use for n_last


def read_trunk(section: Mapping, checkpoints: Mapping[str, Mapping]) -> TrunkShape | None:
    """Return the shape of the trunk; None of a checkpoint that does not tell before it is fetched.

    Args:
        section: binding/training, complete.

    Raises:
        BasewiseError: a trunk that is neither described nor a checkpoint, an unknown family or
            checkpoint, sizes that cannot be, or blocks to train that there are not.
    """
    trunk = section["trunk"]
    is_new = {"family", "architecture"} <= set(trunk)
    if is_new == ("checkpoint" in trunk) or ("checkpoint" in trunk and len(trunk) > 1):
        raise BasewiseError(
            f"{WHERE}: the trunk is either a checkpoint, or a family and an architecture",
            found=", ".join(trunk) or "neither",
        )
    described = trunk if is_new else _describe(trunk["checkpoint"], checkpoints)
    if described is None:
        shape = None
    else:
        try:
            shape = read_shape(described)
        except BasewiseError as error:
            raise BasewiseError(f"{WHERE}: {error}") from None
    _check_mode(section["trunk_mode"], section["n_last"], shape)
    return shape


def _describe(name: str, checkpoints: Mapping[str, Mapping]) -> Mapping | None:
    """What a checkpoint's config.json says of its trunk, as far as that is known."""
    if name not in checkpoints:
        raise BasewiseError(
            f"{WHERE}: the trunk names a checkpoint that is not among the checkpoints",
            found=repr(name),
            hint=nearest(name, checkpoints) if checkpoints else "Name it there.",
        )
    if checkpoints[name]["targets"] is not None:
        raise BasewiseError(
            f"{WHERE}: the trunk names a checkpoint that is bound to targets",
            found=repr(name),
            hint="Name its source among the checkpoints, without targets, and that here.",
        )
    source = checkpoints[name]["source"]
    published = find_published(source)
    if published is not None:
        config = published.to_config()
    elif (Path(source) / CONFIG_NAME).is_file():
        config = read_config(source)
    else:
        return None
    return config["architecture"]["trunk"] if config["family"] == "binding" else config


def _check_mode(mode: str, n_last: int, shape: TrunkShape | None) -> None:
    if (mode == "last" and not n_last) or (mode not in COUNTING and n_last):
        raise BasewiseError(
            f"config key 'binding/training/n_last' does not go with trunk_mode {mode}",
            found=n_last,
            hint="It is the number of blocks in mode last, or besides the layer norms.",
        )
    if shape is not None and n_last > shape.n_blocks:
        raise BasewiseError(
            f"config key 'binding/training/n_last': the trunk has {shape.n_blocks} blocks",
            found=n_last,
        )


def check_bins(shape: TrunkShape, peaks: Mapping, *, is_binary: bool) -> None:
    """Refuse windows, or bins of signals, that a trunk does not read.

    Args:
        peaks: the chapter, complete.

    Raises:
        BasewiseError: windows of a width, or bins of a resolution, that are not the trunk's.
    """
    if is_binary:
        try:
            shape.n_bins(peaks["windows"]["width_bp"])
        except BasewiseError as error:
            raise BasewiseError(
                f"config key 'peaks/windows/width_bp' does not fit the trunk: {error}"
            ) from None
        return
    resolution = peaks["signal"]["resolution_bp"]
    if resolution != shape.bp_per_bin:
        raise BasewiseError(
            "config key 'peaks/signal/resolution_bp' does not fit the trunk that learns signals",
            found=f"{resolution} bp, and bins of {shape.bp_per_bin} bp",
            hint="Bin the signals as the trunk does, or choose another trunk.",
        )
