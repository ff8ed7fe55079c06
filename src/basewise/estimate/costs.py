"""What one tile costs: FLOPs and bytes, from the table of published models or from the program."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from basewise.errors import BasewiseError
from basewise.estimate.shipped import find_shipped
from basewise.estimate.tables import read_rows
from basewise.tiling import TileSpec

COSTS = "resources/costs.tsv"
PROGRAM = "counted from the program"


@dataclass(frozen=True)
class Cost:
    """What a model costs, of one tile of full context and one strand.

    Attributes:
        model: name in config.json.
        context_bp: of the tile.
        parameters: scalars, all float32 in memory.
        flops: multiplications and additions of products and convolutions.
        float32_bytes, bfloat16_bytes: of values held at once while it is computed.
    """

    model: str
    context_bp: int
    parameters: int
    flops: int
    float32_bytes: int
    bfloat16_bytes: int

    def tile_bytes(self, precision: str) -> int:
        """Return the bytes held at once for one tile."""
        return {"float32": self.float32_bytes, "bfloat16": self.bfloat16_bytes}[precision]


def find_cost(config: Mapping, spec: TileSpec) -> tuple[Cost, str]:
    """Return what a checkpoint costs with a geometry, and where that is from.

    A published model as published is looked up; the program of others is traced, by a process of
    its own, so that no card is touched here.

    Args:
        config: its config.json.

    Raises:
        BasewiseError: there is no such model.
    """
    listed = look_up_cost(config, spec)
    if listed is not None:
        return listed, COSTS
    asked = json.dumps({"config": dict(config), "tile_spec": spec.to_dict()})
    done = subprocess.run(
        [sys.executable, "-m", "basewise.estimate.costs"],
        input=asked,
        capture_output=True,
        text=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    if done.returncode:
        raise BasewiseError(
            f"what {config['name']} costs cannot be counted",
            found=done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no reason",
        )
    return Cost(**json.loads(done.stdout.splitlines()[-1])), PROGRAM


def look_up_cost(config: Mapping, spec: TileSpec) -> Cost | None:
    """Return what a published model costs, None for one that is not, or not as published."""
    from basewise.models.zoo import ZOO  # tokenizers too, which take a moment to import

    published = ZOO.get(config["name"])
    if published is None or published.to_config()["architecture"] != config["architecture"]:
        return None
    wanted = (config["name"], spec.context_bp)
    rows = read_rows(find_shipped(COSTS), Cost)
    return next((row for row in rows if (row.model, row.context_bp) == wanted), None)


def count_cost(config: Mapping, spec: TileSpec) -> Cost:
    """Return what the program of a checkpoint costs."""
    from basewise.inference.precision import PRECISIONS
    from basewise.models.families import build_skeleton, build_track_model
    from basewise.models.flops import flops_per_tile
    from basewise.models.footprint import bytes_per_tile

    config = {**config, "tile_spec": spec.to_dict()}
    exact, half = (build_track_model(config, PRECISIONS[p]) for p in ("float32", "bfloat16"))
    return Cost(
        model=config["name"],
        context_bp=spec.context_bp,
        parameters=_count_leaves(build_skeleton(config)),
        flops=flops_per_tile(exact),
        float32_bytes=bytes_per_tile(exact),
        bfloat16_bytes=bytes_per_tile(half),
    )


def _count_leaves(tree) -> int:
    if isinstance(tree, Mapping):
        return sum(map(_count_leaves, tree.values()))
    return math.prod(tree.shape)


if __name__ == "__main__":
    request = json.load(sys.stdin)
    counted = count_cost(request["config"], TileSpec(**request["tile_spec"]))
    print(json.dumps(asdict(counted)))
