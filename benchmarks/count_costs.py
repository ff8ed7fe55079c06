"""What a tile of each published model costs, counted from the programs: resources/costs.tsv.

    python benchmarks/count_costs.py [--write]

Nothing is measured and nothing computed; a test compares the table with the programs.
"""

import argparse
from dataclasses import asdict, fields

from basewise.atomic import atomic_path
from basewise.estimate.costs import COSTS, Cost, count_cost
from basewise.estimate.shipped import find_shipped
from basewise.models.zoo import ZOO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"renew {COSTS}")
    options = parser.parse_args()
    lines = [
        "# What one tile of full context and one strand costs: python benchmarks/count_costs.py",
        "\t".join(field.name for field in fields(Cost)),
    ]
    for model in ZOO.values():
        if model.tile_spec is not None:
            cost = count_cost(model.to_config(), model.tile_spec)
            lines.append("\t".join(map(str, asdict(cost).values())))
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if options.write:
        with atomic_path(find_shipped("resources") / "costs.tsv") as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    main()
