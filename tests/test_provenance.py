"""What made the results, from the records that each step left."""

import json

import numpy as np

from basewise.checkpoints import hash_checkpoint
from basewise.provenance import write_provenance
from basewise.track import Track
from basewise.tracks.shard import ShardWriter


def test_provenance_gathers_every_record(tiny_checkpoint, tmp_path):
    (tmp_path / "genome.json").write_text(json.dumps({"source": "here", "sha256": "abc"}))
    for number, n_devices in enumerate((1, 4)):
        with ShardWriter(
            tmp_path / f"{number}.shard",
            tracks=[Track("exon")],
            dtype="uint8",
            resolution_bp=1,
            metadata={"precision": "float32", "strands": "both"},
            run={"devices": ["cpu"] * n_devices, "jax": "0.10", "bp": 10, "seconds": 0.5},
        ) as writer:
            writer.add(("chr1", 10 * number, 10 * number + 10), np.zeros((1, 10), np.uint8))
    write_provenance(
        tmp_path / "provenance.json",
        config={"tiling": {"shards": 2}},
        genome_record=tmp_path / "genome.json",
        checkpoint=tiny_checkpoint,
        shards=[tmp_path / "0.shard", tmp_path / "1.shard"],
    )
    record = json.loads((tmp_path / "provenance.json").read_text())
    assert record["assembly"] == {"source": "here", "sha256": "abc"}
    assert record["checkpoint"]["sha256"] == hash_checkpoint(tiny_checkpoint)
    assert record["checkpoint"]["licence"] == "MIT"
    assert record["config"] == {"tiling": {"shards": 2}}
    assert record["inference"]["bp"] == 20
    assert record["inference"]["bp_per_s"] == 20, "the rate of a job"
    assert record["inference"]["device_seconds"] == 0.5 + 4 * 0.5
    assert record["inference"]["strands"] == "both"
    assert record["inference"]["devices"] == ["cpu"]
