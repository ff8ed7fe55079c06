"""A checkpoint of binding and a table of pairs, bound into a checkpoint that draws their tracks.

What comes of it needs neither encoders nor proteins: it is annotated with like any other.
"""

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from basewise.checkpoints.config import CONFIG_NAME, PARAMS_NAME, hash_checkpoint
from basewise.checkpoints.origin import Origin, SourceFile, write_origin
from basewise.checkpoints.store import save_checkpoint
from basewise.errors import BasewiseError
from basewise.models.binding.model import build_binding_model
from basewise.models.binding.tracks import TRACKS_FAMILY, build_bound_model, plan_tiles_of
from basewise.peaks.proteins import SPECIES, read_proteins
from basewise.track import Track
from basewise.training.binding.checkpoint import BindingCheckpoint, load_binding
from basewise.training.binding.pairs import PairArrays, round_length, thin_residues
from basewise.training.binding.targets import (
    COLOURS,
    BoundTarget,
    check_biotypes,
    check_targets,
    find_proteins,
)

UNKNOWN_RANGE = (0.0, 100.0)  # of signals whose highest value nobody noted

log = logging.getLogger(__name__)


def bind_targets(
    checkpoint: str | os.PathLike,
    targets: Sequence[BoundTarget],
    proteins: str | os.PathLike | None,
    out: str | os.PathLike,
    *,
    name: str | None = None,
    step_bp: int | None = None,
    texts: Mapping[str, str] | None = None,
    species: Sequence[str] = SPECIES,
    platform: str | None = None,
) -> None:
    """Write a checkpoint with one track per row, ready to annotate with.

    Args:
        checkpoint: directory of a model of binding.
        proteins: folder of FASTA files or one FASTA (`read_proteins`), where rows that name no
            FASTA of their own are looked up.
        out: directory of the checkpoint to write.
        name: of it; None for that of the checkpoint with "_tracks".
        step_bp: bp per value of a model of windows; None for a bin of its trunk.
        texts: what is read for a biotype, where that is more than its name (`read_biotypes`).
        species: whose proteins count, the best first.
        platform: where encoders with weights compute; None as they choose.

    Raises:
        BasewiseError: a checkpoint of another family, whose trunk and adapter do not match, or
            whose encoders are not those of its training; and what `check_targets`,
            `find_proteins` and `check_biotypes` refuse, with file and line.
    """
    check_targets(targets)
    loaded = load_binding(checkpoint)
    found = read_proteins(proteins, species) if proteins else None
    chains = find_proteins(targets, found)
    config = loaded.config
    if "window_bp" not in config:
        raise BasewiseError(
            f"{checkpoint} does not say how wide its windows are",
            found=f"no window_bp in its {CONFIG_NAME}",
        )
    sides = config.get("encoders", {})
    is_closed = sides.get("contexts", {}).get("encoder") == "table"
    check_biotypes(targets, config, is_closed=is_closed)
    plan_tiles_of(loaded.model, loaded.window_bp, step_bp)
    bound = _encode(loaded, targets, chains, texts or {}, platform)
    described = describe_bound(
        config,
        targets,
        buckets=[list(bucket.mask.shape) for bucket in bound.buckets],
        n_contexts=len(bound.contexts),
        pairs=bound.pairs,
        step_bp=step_bp,
    )
    described |= {
        "name": name or described["name"],
        "source": f"{config['name']}, sha256 {hash_checkpoint(checkpoint)}",
    }
    model = build_bound_model(described["architecture"])
    arrays = [(bucket.protein, bucket.mask) for bucket in bound.buckets]
    params = jax.jit(model.bind)(loaded.params, arrays, bound.contexts)
    save_checkpoint(out, described, jax.tree.map(np.asarray, params))
    _note_origin(checkpoint, Path(out))
    log.info("%s: %d pairs of %d proteins", out, len(targets), len(chains))


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
            colour=row.colour or COLOURS[number % len(COLOURS)],
            description=f"{row.target} in {row.biotype}",
        )
        for number, row in enumerate(targets)
    ]


@dataclass(frozen=True)
class _Encoded:
    """Proteins in buckets, contexts (C, Z), and the numbers of both for each row."""

    buckets: list[PairArrays]
    contexts: np.ndarray
    pairs: list[list[int]]


def _encode(
    loaded: BindingCheckpoint,
    targets: Sequence[BoundTarget],
    chains: Mapping[str, tuple[str, ...]],
    texts: Mapping[str, str],
    platform: str | None,
) -> _Encoded:
    config = loaded.model.config
    encoder = loaded.build_encoder("proteins", platform=platform)
    _check_width(loaded, "proteins", encoder.dim, config.protein_dim)
    embedded = dict(zip(chains, encoder.encode(list(chains.values())), strict=True))
    settings = {"stride": loaded.residues["residue_stride"]}
    settings["max_residues"] = loaded.residues["max_residues"]
    thin = {key: thin_residues(vectors, **settings) for key, vectors in embedded.items()}
    order = sorted(thin, key=lambda key: (len(thin[key]), key))
    biotypes: list[str] = []
    contexts = np.zeros((0, config.context_dim or 0), np.float32)
    if config.context_dim is not None:
        biotypes = list(dict.fromkeys(row.biotype for row in targets))
        reader = loaded.build_encoder("contexts", platform=platform)
        _check_width(loaded, "contexts", reader.dim, config.context_dim)
        contexts = np.stack(reader.encode([texts.get(biotype, biotype) for biotype in biotypes]))
    pairs = [
        [order.index(row.protein_key), biotypes.index(row.biotype) if biotypes else 0]
        for row in targets
    ]
    lengths = [len(thin[key]) for key in order]
    buckets, first = [], 0
    for number, length in sort_into_buckets(lengths, is_one=config.conditions_both_sides):
        own = order[first : first + number]
        buckets.append(_pad([thin[key] for key in own], length))
        first += number
    return _Encoded(buckets, contexts, pairs)


def _pad(proteins: Sequence[np.ndarray], length: int) -> PairArrays:
    padded = np.zeros((len(proteins), length, proteins[0].shape[1]), np.float32)
    mask = np.zeros((len(proteins), length), bool)
    for row, protein in enumerate(proteins):
        padded[row, : len(protein)], mask[row, : len(protein)] = protein, True
    return PairArrays(padded, mask, None)


def _check_width(loaded: BindingCheckpoint, side: str, found: int, needed: int) -> None:
    if found != needed:
        raise BasewiseError(
            f"the encoder of {side} gives other vectors than checkpoint {loaded.config['name']} "
            "was trained with",
            found=f"{found} numbers, not {needed}",
        )


def _note_origin(checkpoint: str | os.PathLike, out: Path) -> None:
    files = []
    for name in (CONFIG_NAME, PARAMS_NAME):
        path = Path(checkpoint) / name
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        files.append(SourceFile(name, path.stat().st_size, sha256))
    write_origin(out, Origin(os.fspath(checkpoint), hash_checkpoint(out), tuple(files)))
