"""The genes that the name of a target means: one, or those of a complex, a fusion, a family."""

import re
from collections.abc import Container

RENAMED = {"RXR": "RXRA"}  # ReMap's name of a family whose first member is meant
WHOLE = re.compile(r"NKX\d+-\d+|SS18-SSX")  # names that hold a hyphen


def parse_gene_name(target: str, known: Container[str] | None = None) -> list[str]:
    """The genes that a target's name means, its modification aside.

    The name as a whole comes first, if it is known; then it is cut at hyphens: PAX3-FOXO1 is PAX3
    and FOXO1, and later parts of one letter replace the last letter of the first: NFYA-B is NFYA
    and NFYB.

    Args:
        target: such as ESR1_S118ph; what follows the first underscore is a modification.
        known: the genes that there are; without them, only some names are known to hold a hyphen.
    """
    name = target.partition("_")[0]
    name = RENAMED.get(name, name)
    if "-" not in name or WHOLE.fullmatch(name) or (known is not None and name in known):
        return [name]
    first, *others = name.split("-")
    parts = [first, *(first[:-1] + part if len(part) == 1 else part for part in others)]
    return list(dict.fromkeys(RENAMED.get(part, part) for part in parts if part))
