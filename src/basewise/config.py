"""What a legal configuration is: keys and values checked against a schema, in one line.

The schemas (workflow/schemas/) hold the rules; this file turns their verdicts into errors that
name the key, the value found and the nearest legal one, and fills in defaults.
"""

import copy
import json
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from basewise.checkpoints.known import default_tracks
from basewise.errors import BasewiseError, nearest
from basewise.labels.elements import ELEMENT_NAMES

TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def validate(values: Any, schema: dict, what: str = "config key") -> None:
    """Raise BasewiseError for the first value that breaks the schema; unknown keys come first."""
    errors = list(Draft202012Validator(schema).iter_errors(values))
    if errors:
        errors.sort(key=lambda error: (error.validator != "additionalProperties", list(error.path)))
        raise _explain(errors[0], what)


def fill_defaults(values: Any, schema: dict) -> Any:
    """A copy of values in which every absent key that has a default holds it, at all depths."""
    if not isinstance(values, dict):
        return copy.deepcopy(values)
    filled = copy.deepcopy(values)
    properties = schema.get("properties", {})
    for key, rules in properties.items():
        if key not in filled and "default" in rules:
            filled[key] = copy.deepcopy(rules["default"])
    others = schema.get("additionalProperties")
    for key, value in filled.items():
        rules = properties.get(key, others)
        if isinstance(rules, dict):
            filled[key] = fill_defaults(value, rules)
    return filled


def read_numbers(values: Any, schema: dict) -> Any:
    """A copy in which text stands for what it spells wherever the schema admits no text.

    `snakemake --config 'tiling={shards: 3}'` hands over the text 3. Where the schema asks for a
    whole number, 3.0 is 3.
    """
    if isinstance(values, dict):
        rules, others = schema.get("properties", {}), schema.get("additionalProperties")
        inner = {key: rules.get(key, others) for key in values}
        return {
            key: read_numbers(value, inner[key] if isinstance(inner[key], dict) else {})
            for key, value in values.items()
        }
    kinds = schema.get("type", "string")
    if isinstance(values, str) and "string" not in kinds:
        try:
            values = json.loads(values.lower())
        except ValueError:
            return values
    if isinstance(values, float) and values.is_integer() and "integer" in kinds:
        return int(values)
    return copy.deepcopy(values)


def complete_config(config: dict, schema: dict) -> dict:
    """The configuration with defaults, or BasewiseError naming key, value and nearest legal one.

    The default of a checkpoint's tracks is in its config.json, when it is local; of one with a
    table of targets it stays null here (`basewise.targets`).
    """
    config = read_numbers(config, schema)
    validate(config, schema)
    config = fill_defaults(config, schema)
    models = list(config["checkpoints"])
    if not models and config["peaks"] is None:
        raise BasewiseError(
            "config key 'checkpoints' names no model, and there is no chapter 'peaks' either",
            hint="Name a model, or what else is wanted.",
        )
    for model in config["segmentation"]["models"]:
        check_model(model, models, "config key 'segmentation/models'")
    if config["embedding"] is not None:
        check_model(config["embedding"]["checkpoint"], models, "config key 'embedding/checkpoint'")
    for checkpoint in config["checkpoints"].values():
        if checkpoint["tracks"] is None and checkpoint["targets"] is None:
            checkpoint["tracks"] = default_tracks(checkpoint["source"])
    written = (track for c in config["checkpoints"].values() for track in c["tracks"] or ())
    legal = list(dict.fromkeys(("default", *written, *ELEMENT_NAMES)))
    for key, numbers in config["segmentation"]["calling"].items():
        for track in numbers:
            if track not in legal:
                raise BasewiseError(
                    f"config key 'segmentation/calling/{key}' names a track no checkpoint writes",
                    found=repr(track),
                    hint=nearest(track, legal),
                )
    if config["peaks"] is not None:
        from basewise.peaks.chapter import PeaksChapter  # slow to import, and few need it

        PeaksChapter.read(config["peaks"])
    if config["binding"] is not None:
        bins = config["binding"]["evaluation"]
        if bins["bin_bp"] % bins["step_bp"]:
            raise BasewiseError(
                "config key 'binding/evaluation/bin_bp' must be a multiple of "
                "'binding/evaluation/step_bp'",
                found=f"{bins['bin_bp']} and {bins['step_bp']}",
            )
    return config


def _explain(error: ValidationError, what: str) -> BasewiseError:
    path = [str(part) for part in error.absolute_path]
    key, value, rules = "/".join(path), error.instance, error.validator_value
    limits = {"minimum": "at least", "maximum": "at most"}
    hint = None
    if error.validator == "additionalProperties":
        legal = list(error.schema.get("properties", {}))
        unknown = next(name for name in value if name not in legal)
        key, value = "/".join([*path, str(unknown)]), value[unknown]
        problem, hint = "is not known", nearest(key, ["/".join([*path, name]) for name in legal])
    elif error.validator == "enum":
        problem, hint = f"must be one of {', '.join(map(str, rules))}", nearest(value, rules)
    elif error.validator == "type":
        kinds = [rules] if isinstance(rules, str) else rules
        problem = f"must be {' or '.join(TYPE_NAMES[kind] for kind in kinds)}"
    elif error.validator == "required":
        missing = next(name for name in rules if name not in value)
        return BasewiseError(f"{what} '{'/'.join([*path, missing])}' is required but missing")
    elif error.validator in limits:
        problem = f"must be {limits[error.validator]} {rules}"
    elif error.validator == "pattern":
        problem = f"must match {rules}"
    else:
        problem = f"breaks the rule {error.validator}: {json.dumps(rules)}"
    if hint is None and error.schema.get("description"):
        hint = error.schema["description"]
    return BasewiseError(f"{what} '{key}' {problem}", found=json.dumps(value), hint=hint)


def check_model(model: str, models: list[str], where: str) -> None:
    """Raise BasewiseError unless the model is one of the checkpoints."""
    if model not in models:
        raise BasewiseError(
            f"{where} names a model that checkpoints lacks",
            found=repr(model),
            hint=nearest(model, models),
        )
