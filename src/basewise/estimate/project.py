"""A configuration from its files, complete and checked as the workflow does it."""

import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from basewise import sources, targets
from basewise.assemblies import read_assemblies
from basewise.config import complete_config
from basewise.errors import BasewiseError
from basewise.estimate.shipped import find_shipped


def read_project(configs: Sequence[str | os.PathLike]) -> tuple[dict, dict[str, dict]]:
    """Return the complete configuration and the rows of its table of assemblies.

    Args:
        configs: YAML files, each laid over those before it.

    Raises:
        BasewiseError: a file is missing or no YAML; or the configuration is not legal.
    """
    merged: dict = {}
    for path in map(Path, configs):
        if not path.is_file():
            raise BasewiseError("there is no configuration", found=f"nothing at '{path}'")
        try:
            merged = _lay_over(merged, yaml.safe_load(path.read_text()) or {})
        except yaml.YAMLError as error:
            raise BasewiseError(f"{path} is not YAML", found=error) from None
    config = complete_config(merged, _load_schema("config"))
    assemblies = read_assemblies(config["assemblies"], _load_schema("assemblies"), config)
    made = targets.list_made(assemblies, config)
    targets.read_bound(config, _load_schema("targets"), made=made, is_thorough=False)
    sources.check_checkpoints(assemblies, config["checkpoints"], config["tiling"])
    return config, assemblies


def _load_schema(name: str) -> dict:
    return yaml.safe_load(find_shipped(f"workflow/schemas/{name}.schema.yaml").read_text())


def _lay_over(base: dict, over: dict) -> dict:
    both = base | over
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            both[key] = _lay_over(base[key], over[key])
    return both
