"""The config.json of a checkpoint of binding with targets bound to it."""

from collections.abc import Mapping, Sequence

from basewise.colours import IN_TURN
from basewise.models.binding.geometry import plan_tiles_of
from basewise.models.binding.model import build_binding_model
from basewise.models.binding.tracks import TRACKS_FAMILY
from basewise.track import Track
from basewise.training.binding.pairs import round_length
from basewise.training.binding.targets import BoundTarget

UNKNOWN_RANGE = (0.0, 100.0)  # of signals whose highest value nobody noted


def describe_bound(
    config: Mapping,
    targets: Sequence[BoundTarget],
    *,
    buckets: Sequence[Sequence[int]],
    n_contexts: int,
    pairs: Sequence[Sequence[int]],
    step_bp: int | None = None,
) -> dict:
    """Return the config.json of rows bound to a checkpoint of binding with this config.json.

    Args:
        buckets, n_contexts, pairs: as in BoundArchitecture.
    """
    model = build_binding_model(config["architecture"])
    kept = ("licence", "species", "revision", "window_bp", "residues", "data", "encoders")
    return {key: config[key] for key in kept if key in config} | {
        "format": config["format"],
        "name": f"{config['name']}_tracks",
        "family": TRACKS_FAMILY,
        "source": config["name"],
        "architecture": {
            **config["architecture"],
            "window_bp": int(config["window_bp"]),
            "buckets": [list(bucket) for bucket in buckets],
            "n_contexts": n_contexts,
            "pairs": [list(pair) for pair in pairs],
        },
        "tile_spec": plan_tiles_of(model, int(config["window_bp"]), step_bp).to_dict(),
        "tracks": [track.to_dict() for track in describe_tracks(targets, config)],
        "pairs": [
            {"track": row.track, "target": row.target, "biotype": row.biotype} for row in targets
        ],
    }


def number_pairs(
    targets: Sequence[BoundTarget], lengths: Mapping[str, int], *, has_contexts: bool
) -> tuple[list[str], list[str], list[list[int]]]:
    """Return the proteins' keys and the biotypes, in order, and the numbers of both for each row.

    Args:
        lengths: ``protein_key`` -> residues that are read; shorter proteins come first.
        has_contexts: whether the adapter conditions on them; without, there are no biotypes.
    """
    keys = sorted(lengths, key=lambda key: (lengths[key], key))
    biotypes = list(dict.fromkeys(row.biotype for row in targets)) if has_contexts else []
    pairs = [
        [keys.index(row.protein_key), biotypes.index(row.biotype) if biotypes else 0]
        for row in targets
    ]
    return keys, biotypes, pairs


def sort_into_buckets(lengths: Sequence[int], *, is_one: bool = False) -> list[list[int]]:
    """Return [how many, residues they are padded to] of proteins with these lengths, ascending.

    Args:
        is_one: in one bucket, whatever their lengths.
    """
    padded = [round_length(length) for length in sorted(lengths)]
    if is_one:
        return [[len(padded), padded[-1]]]
    return [[padded.count(length), length] for length in dict.fromkeys(padded)]


def describe_tracks(targets: Sequence[BoundTarget], config: Mapping) -> list[Track]:
    """Return the track of each row, of a checkpoint with this config.json."""
    is_binary = config["architecture"]["adapter"].get("binary_target", False)
    noted = (config.get("data") or {}).get("value_range", UNKNOWN_RANGE)
    value_range = (0.0, 1.0) if is_binary else noted
    return [
        Track(
            row.track,
            kind="binding",
            value_range=tuple(value_range),
            colour=row.colour or IN_TURN[number % len(IN_TURN)],
            description=f"{row.target} in {row.biotype}",
        )
        for number, row in enumerate(targets)
    ]
