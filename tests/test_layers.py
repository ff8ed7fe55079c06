"""The house has floors: a module imports from its own floor or from those below, never upward."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "basewise"
FLOORS = (
    "errors",
    "atomic",
    "colours",
    "fields",
    "intervals",
    "genome",
    "labels",
    "species",
    "track",
    "tiling",
    "tokenizers",
    "models",
    "checkpoints",
    "tracks",
    "inference",
    "calling",
    "peaks",
    "encoders",
    "training",
    "evaluation",
    "report",
    "toy",
    "provenance",
    "config",
    "assemblies",
    "sources",
    "targets",
    "estimate",
    "runs",
    "slurm",
    "plugins",
    "status",
    "smk",
    "cli",
)
NEED_JAX = {"models", "checkpoints", "inference", "encoders", "training", "toy"}
MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))


def floor_of(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def imports_of(module: Path) -> set[str]:
    """Absolute names of what a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse((SOURCE / module).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return names


@pytest.mark.parametrize("module", [m for m in MODULES if len(m.parts) > 1 or m.stem != "__init__"])
def test_imports_point_down(module):
    floor = floor_of(module)
    assert floor in FLOORS, f"{module} is on no floor: give it one, or another place"
    for name in imports_of(module):
        if name.startswith("basewise."):
            below = name.split(".")[1]
            if below == "__version__":
                continue
            assert FLOORS.index(below) <= FLOORS.index(floor), f"{module} imports {name}"
        if name.split(".")[0] in {"jax", "haiku", "optax"}:
            assert floor in NEED_JAX, f"{module} imports {name}"


def test_halos_are_known_to_tiling_alone():
    """Geometry is handed around by name; arithmetic with a halo stays on its floor."""
    for module in MODULES:
        if floor_of(module) == "tiling":
            continue
        for node in ast.walk(ast.parse((SOURCE / module).read_text())):
            if isinstance(node, ast.BinOp):
                names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                names |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                assert not {n for n in names if "halo" in n}, f"{module} line {node.lineno}"
