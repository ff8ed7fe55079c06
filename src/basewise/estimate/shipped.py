"""Where the tables and schemas lie that ship with basewise."""

from pathlib import Path

from basewise.errors import BasewiseError

PACKAGE = Path(__file__).resolve().parents[1]
ROOTS = (PACKAGE / "shipped", PACKAGE.parents[1])  # of an installed package, of a clone


def find_shipped(name: str) -> Path:
    """Return the path of a file or folder, named as from the root of a clone.

    Raises:
        BasewiseError: this installation lacks it.
    """
    for root in ROOTS:
        if (root / name).exists():
            return root / name
    raise BasewiseError(
        f"this installation of basewise lacks {name}", hint="Install it from a clone."
    )
