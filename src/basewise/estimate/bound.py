"""What a model of binding becomes when targets are bound to it, before they are."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from basewise.checkpoints.config import read_config
from basewise.estimate.shipped import find_shipped
from basewise.peaks.proteins import SPECIES, read_proteins
from basewise.targets import read_targets
from basewise.training.binding.describe import describe_bound, number_pairs, sort_into_buckets
from basewise.training.binding.targets import find_proteins


def foresee_bound(source: Path, chapter: Mapping, config: Mapping) -> dict:
    """Return the config.json to be; a protein counts with its residues, whatever encodes it.

    Args:
        source: the checkpoint of binding.
        chapter: of checkpoints, with targets, proteins and step_bp.
        config: the whole configuration.

    Raises:
        BasewiseError: a table, proteins or a checkpoint that are not what they must be.
    """
    schema = yaml.safe_load(find_shipped("workflow/schemas/targets.schema.yaml").read_text())
    rows = read_targets(chapter["targets"], schema)
    species = (config["peaks"] or {}).get("species", SPECIES)
    path = chapter["proteins"]
    chains = find_proteins(rows, read_proteins(path, species) if path else None)
    described = read_config(source)
    adapter, residues = described["architecture"]["adapter"], described["residues"]
    lengths = {
        key: -(-min(sum(map(len, own)), residues["max_residues"] or 1 << 30)
               // residues["residue_stride"])
        for key, own in chains.items()
    }  # fmt: skip
    has_contexts = adapter.get("context_dim") is not None
    _, biotypes, pairs = number_pairs(rows, lengths, has_contexts=has_contexts)
    is_one = adapter.get("condition_film") or adapter.get("condition_squeeze_excite")
    return describe_bound(
        described,
        rows,
        buckets=sort_into_buckets(list(lengths.values()), is_one=bool(is_one)),
        n_contexts=len(biotypes),
        pairs=pairs,
        step_bp=chapter["step_bp"],
    )
