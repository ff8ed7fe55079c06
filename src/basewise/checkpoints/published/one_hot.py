"""The architecture of a published model that reads one-hot bases, most of it told by its arrays."""

from collections.abc import Mapping
from dataclasses import asdict
from math import gcd
from pathlib import Path

from basewise.checkpoints.published.one_hot_sizes import read_sizes, read_widths
from basewise.checkpoints.published.overrides import Overrides, read_overrides
from basewise.checkpoints.published.told import Told
from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.models.one_hot_config import BorzoiConfig, EnformerConfig
from basewise.models.unet import LEVELS
from basewise.models.zoo import PublishedModel

CONFIGS = {"segment_enformer": EnformerConfig, "segment_borzoi": BorzoiConfig}
BRANCHES = ("final_pointwise", "species_heads")  # nobody's to switch on: they are not imported
HEAD_FIELDS = {"nucl_per_token": int, "head_embed_dimension": int}


def describe_one_hot(
    model: PublishedModel,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    layout: str,
    settings: Path | None,
    overrides: Overrides,
    files: str,
) -> dict:
    """Return the architecture, geometry and ``context_bp`` of files that hold `shapes`.

    Args:
        files: their names, for errors.

    Raises:
        BasewiseError: overrides that contradict the arrays, features that nothing tells, or sizes
            that do not fit each other.
    """
    config_type = CONFIGS[model.family]
    given = read_overrides(overrides, config_type, without=BRANCHES, **HEAD_FIELDS)
    zoo, told = model.architecture, read_sizes(shapes, model.family)
    published = {**zoo["trunk"], "head_embed_dimension": zoo["head_embed_dimension"]}
    values = published | {key: one.value for key, one in told.items()} | given
    features = values.pop("features", None) or list(model.features)
    context_bp = values.pop("context_bp", None) or model.context_bp
    n_outputs = told.pop("len(features) * 2 * nucl_per_token", None)
    values.pop("len(features) * 2 * nucl_per_token", None)
    _check_told(values, told, files)
    head = {key: values.pop(key) for key in HEAD_FIELDS if key in values}
    if "dim_divisible_by" not in given:
        values["dim_divisible_by"] = _find_divisor(config_type, values, shapes, model.family)
    trunk = check_fields(config_type, values, files)
    bp_per_bin = trunk.bp_per_target_bin if model.family == "segment_borzoi" else trunk.bp_per_bin
    head.setdefault("nucl_per_token", bp_per_bin)
    _check_outputs(features, head["nucl_per_token"], n_outputs, files)
    is_cropped = model.tile_spec.margin_bp > 0
    spec = model.tile_spec.rebuilt(
        context_bp=context_bp,
        predicted_bp=trunk.target_length * bp_per_bin if is_cropped else context_bp,
        length_multiple_bp=trunk.bp_per_bin if is_cropped else bp_per_bin * 2**LEVELS,
    )
    architecture = {"trunk": asdict(trunk), "features": features, **head}
    return {"architecture": architecture, "context_bp": context_bp, "tile_spec": spec}


def _check_told(values: Mapping, told: Mapping[str, Told], files: str) -> None:
    for key, (array, value) in told.items():
        if values[key] != value:
            raise BasewiseError(
                f"{files}: configuration and arrays contradict each other: {key} should be "
                f"{values[key]}, but {array} makes it {value}",
                hint="Leave it out of --config, or give the files it belongs to.",
            )


def _check_outputs(features: list, bp_per_bin: int, told: Told | None, files: str) -> None:
    n_outputs = 2 * bp_per_bin * len(features)
    if told and told.value != n_outputs:
        raise BasewiseError(
            f"{files}: {len(features)} features at {bp_per_bin} bp per bin need {n_outputs} "
            "outputs",
            found=f"{told.value} in {told.array}",
            hint='Name its features: --config FILE with {"features": […]}.',
        )


def _find_divisor(config_type: type, values: dict, shapes: Mapping, family: str) -> int:
    """Return what the widths of the tower are multiples of: as published, or else what fits."""
    published, widths = values["dim_divisible_by"], read_widths(shapes, family)
    largest = gcd(*widths) if widths else 0
    smaller = (n for n in range(largest, 0, -1) if largest % n == 0)
    for divisor in (published, *smaller):
        trial = config_type(**values | {"dim_divisible_by": divisor})
        if list(trial.tower_widths()[1:]) == widths:
            return divisor
    return published
