"""From the names of a PyTorch checkpoint to ours.

Prefixes are not relied on, since publishers' differ; what holds no weights of the model is passed
over. Every other name is known, or the checkpoint is refused with a list of differences.
"""

import re
from collections.abc import Collection, Iterable

from basewise.checkpoints.torch_tables import KINDS, TABLES, Transform
from basewise.errors import BasewiseError, nearest

IGNORED = re.compile(
    r"(^|.*\.)(contact_head\..+|rotary_embeddings\.inv_freq|position_ids|num_batches_tracked"
    r"|mouse_head\.(weight|bias)|pooler\..+|cls\.(predictions|seq_relationship)\..+"
    r"|predictions\..+|sop_classifier\..+)"
)
OPTIONAL = re.compile(  # parts that a model need not have, though its checkpoint may
    r".+/(~_heads|~_final_pointwise|esm_learned_positional_embeddings)/.+"
    r"|.+/roberta_lm_head/~/lm_.+"
)
TWICE = re.compile(r"(^|.*\.)_trunk\.(\d+)\.(.+)")  # enformer_pytorch saves its modules twice
TWICE_NAMES = {"1": "stem", "2": "conv_tower", "4": "transformer", "6": "final_pointwise"}
TOWER = "res_tower"  # of borzoi_pytorch
SHOWN = 3


def map_names(
    names: Iterable[str],
    family: str,
    *,
    expected: Collection[str] | None = None,
    where: str = "the checkpoint",
) -> dict[str, tuple[str, Transform]]:
    """Return ``{PyTorch's name: (our flat name, how to turn the array)}``.

    Args:
        names: of all arrays of the checkpoint, below any prefix.
        family: of `torch_tables.TABLES`.
        expected: our flat names of the model, where they are known: then its output heads,
            position embeddings and language-model head are left out if it has none, and names
            that lack are an error.
        where: what the names come from, for errors.

    Raises:
        BasewiseError: an unknown family; names that are unknown, lack, or are there twice.
    """
    if family not in TABLES:
        hint = nearest(family, TABLES)
        raise BasewiseError("unknown family of PyTorch names", found=repr(family), hint=hint)
    canonical_names = {name: _untwice(name) for name in names if not IGNORED.fullmatch(name)}
    once = set(canonical_names.values())
    known = _tabulate(family, once, expected or ())
    mapped, problems, taken = {}, [], {}
    for name, canonical in sorted(canonical_names.items()):
        if canonical != name and canonical in canonical_names:
            continue
        found = _look_up(canonical, known)
        if found is None:
            problems.append(f"{name} is unknown")
        elif expected is not None and found[0] not in expected:
            if not OPTIONAL.fullmatch(found[0]):
                problems.append(f"{name} is not of this model")
        elif found[0] in taken:
            problems.append(f"{name} means the same as {taken[found[0]]}")
        else:
            mapped[name], taken[found[0]] = found, name
    if expected is not None:
        torch_names = {ours: name for name, (ours, _) in known.items()}
        problems += [
            f"{torch_names.get(ours, ours)} is missing" for ours in sorted({*expected} - {*taken})
        ]
    if problems or not mapped:
        more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        raise BasewiseError(
            f"{where}: the names are not those of a {family} in PyTorch: "
            + ("; ".join(problems[:SHOWN]) + more or "none of them is known"),
            hint="It is of another model, or lacks a part of its files.",
        )
    return mapped


def _tabulate(
    family: str, names: Iterable[str], expected: Iterable[str]
) -> dict[str, tuple[str, Transform]]:
    """Return ``{PyTorch's name without prefix: (our flat name, transform)}``.

    There are as many blocks as the names of the checkpoint have, or the expected ones.
    """

    def count(container: str, ours: str) -> int:
        outside = container == TOWER  # one block of ours lies outside of it
        return max(_count(names, f"{container}."), _count(expected, ours) - outside)

    table = {}
    for kind, torch, ours in TABLES[family]:
        container, _, is_counted = torch.partition(".{")
        before = ours.partition("{")[0]
        n_blocks = count(container, before) if is_counted else 1
        last = count(TOWER, before) if "{last}" in ours else 0
        for i in range(n_blocks):
            numbers = {"i": i, "twice": 2 * i, "last": last}
            for leaf, (our_leaf, transform) in KINDS[kind].items():
                name = f"{torch.format(**numbers)}.{leaf}"
                table[name] = (ours.format(**numbers) + our_leaf, transform)
    return table


def _count(names: Iterable[str], before: str) -> int:
    """Return how many different numbers follow a text in names."""
    pattern = re.compile(rf"(?:.*\.)?{re.escape(before)}(\d+)(?:[./|]|$)")
    return len({match[1] for name in names if (match := pattern.match(name))})


def _look_up(name: str, known: dict) -> tuple[str, Transform] | None:
    """Return what is known of a name, or of its longest known end behind a prefix."""
    parts = name.split(".")
    for start, part in enumerate(parts):
        if ".".join(parts[start:]) in known:
            return known[".".join(parts[start:])]
        if part.isdigit():
            return None  # a numbered module is no prefix
    return None


def _untwice(name: str) -> str:
    match = TWICE.fullmatch(name)
    if match is None or match[2] not in TWICE_NAMES:
        return name
    return f"{match[1]}{TWICE_NAMES[match[2]]}.{match[3]}"
