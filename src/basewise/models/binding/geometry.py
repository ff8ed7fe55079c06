"""How a binding model's tracks are cut into tiles."""

from basewise.errors import BasewiseError
from basewise.models.binding.model import BindingModel
from basewise.tiling import TileSpec, keep_centre, slide_windows


def plan_tiles_of(model: BindingModel, window_bp: int, step_bp: int | None = None) -> TileSpec:
    """Return the geometry of a binding model's tracks.

    Args:
        window_bp: width of the windows that it was trained on.
        step_bp: bp per value of a model of windows; None for a bin of its trunk.

    Raises:
        BasewiseError: a width that the trunk does not read, or a step of a model of tracks, whose
            values are those of the trunk's bins.
    """
    trunk = model.trunk
    n_bins = trunk.n_bins(window_bp)
    alphabet = {"alphabet": trunk.alphabet, "k": trunk.k}
    if model.config.binary_target:
        step_bp = trunk.bp_per_bin if step_bp is None else step_bp
        return slide_windows(window_bp, step_bp=step_bp, **alphabet)
    if step_bp not in (None, trunk.bp_per_bin):
        raise BasewiseError(
            f"step_bp of a model that predicts tracks is {trunk.bp_per_bin}, a bin of its trunk",
            found=step_bp,
            hint="Leave it out.",
        )
    predicted_bp = n_bins * trunk.bp_per_bin
    return keep_centre(
        window_bp, predicted_bp=predicted_bp, resolution_bp=trunk.bp_per_bin, **alphabet
    )


def check_centre(model: BindingModel, spec: TileSpec, window_bp: int) -> None:
    """Raise BasewiseError for a geometry that a model of tracks cannot have."""
    if spec.context_bp != window_bp and spec.alphabet == "onehot":
        raise BasewiseError(
            f"context_bp of this model of tracks is {window_bp}, the width of its windows",
            found=spec.context_bp,
        )
    predicted_bp = model.trunk.n_bins(spec.context_bp) * model.trunk.bp_per_bin
    if spec.predicted_bp() != predicted_bp:
        raise BasewiseError(
            f"tile_spec/margin_bp must leave the {predicted_bp} bp that the model predicts",
            found=f"context_bp={spec.context_bp}, margin_bp={spec.margin_bp}",
        )
