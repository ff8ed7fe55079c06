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
from basewise.encoders.registry import TABLE
from basewise.errors import BasewiseError
from basewise.genome.checksum import Digest
from basewise.models.binding.geometry import plan_tiles_of
from basewise.models.binding.tracks import build_bound_model
from basewise.peaks.proteins import SPECIES, read_proteins
from basewise.training.binding.checkpoint import (
    BindingCheckpoint,
    choose_texts,
    load_binding,
)
from basewise.training.binding.describe import describe_bound, number_pairs, sort_into_buckets
from basewise.training.binding.pairs import PairArrays, thin_residues
from basewise.training.binding.targets import (
    BoundTarget,
    check_biotypes,
    check_targets,
    find_proteins,
)

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
    batch_size: int | None = None,
    checksum: str | None = None,
) -> None:
    """Write a checkpoint with one track per row, ready to annotate with.

    Args:
        checkpoint: directory of a model of binding.
        proteins: folder of FASTA files or one FASTA (`read_proteins`), where rows that name no
            FASTA of their own are looked up.
        out: directory of the checkpoint to write.
        name: of it; None for that of the checkpoint with "_tracks".
        step_bp: bp per value of a model of windows; None for a bin of its trunk.
        texts: what is read for a biotype, where that is more than its name (`read_biotypes`); the
            encoder "table" reads names alone.
        species: whose proteins count, the best first.
        platform, batch_size: where encoders with weights compute, and how many chains or texts at
            once; None as they choose.
        checksum: "sha256:…" or "md5:…" of the checkpoint's params.safetensors.

    Raises:
        BasewiseError: a checkpoint of another family or checksum, whose trunk and adapter do not
            match, or whose encoders, or texts of biotypes, are not those of its training; and what
            `check_targets`, `find_proteins` and `check_biotypes` refuse, with file and line.
    """
    check_targets(targets)
    parameters = Path(checkpoint) / PARAMS_NAME
    if checksum is not None:
        Digest(checksum).update_file(parameters).check(os.fspath(parameters))
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
    is_closed = sides.get("contexts", {}).get("encoder") == TABLE
    check_biotypes(targets, config, is_closed=is_closed)
    plan_tiles_of(loaded.model, loaded.window_bp, step_bp)
    texts = {} if is_closed else texts or {}  # a table has rows of names
    speed = {"platform": platform, "batch_size": batch_size}
    bound = _encode(loaded, targets, chains, texts, speed)
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
    speed: Mapping,
) -> _Encoded:
    config = loaded.model.config
    encoder = loaded.build_encoder("proteins", **speed)
    _check_width(loaded, "proteins", encoder.dim, config.protein_dim)
    embedded = dict(zip(chains, encoder.encode(list(chains.values())), strict=True))
    settings = {"stride": loaded.residues["residue_stride"]}
    settings["max_residues"] = loaded.residues["max_residues"]
    thin = {key: thin_residues(vectors, **settings) for key, vectors in embedded.items()}
    residues = {key: len(vectors) for key, vectors in thin.items()}
    order, biotypes, pairs = number_pairs(
        targets, residues, has_contexts=config.context_dim is not None
    )
    contexts = np.zeros((0, config.context_dim or 0), np.float32)
    if biotypes:
        reader = loaded.build_encoder("contexts", **speed)
        _check_width(loaded, "contexts", reader.dim, config.context_dim)
        read = {biotype: texts.get(biotype, biotype) for biotype in biotypes}
        noted = loaded.config["encoders"]["contexts"].get("keys", {})
        read = choose_texts(read, reader, noted)
        contexts = np.stack(reader.encode(list(read.values())))
    lengths = [residues[key] for key in order]
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
