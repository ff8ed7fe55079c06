"""What the source of a checkpoint tells by itself: the published model, the tracks to write."""

import json

import pytest

from basewise.checkpoints.known import default_tracks, find_published
from basewise.errors import BasewiseError
from basewise.labels import ELEMENT_NAMES

GENIC = ["protein_coding_gene", "exon", "intron", "splice_donor", "splice_acceptor"]
GENIC += ["5UTR", "3UTR"]


@pytest.mark.parametrize(
    ("source", "tracks"),
    [
        ("hf://InstaDeepAI/segment_nt", list(ELEMENT_NAMES)),
        ("hf://InstaDeepAI/segment_nt_multi_species@main", GENIC),
        ("hf://InstaDeepAI/nucleotide-transformer-v2-50m-multi-species", None),
        ("hf://somebody/else", list(ELEMENT_NAMES)),
        ("https://host/checkpoint", list(ELEMENT_NAMES)),
        ("no/such/directory", list(ELEMENT_NAMES)),
    ],
)
def test_what_is_written_of_a_model_that_is_not_there(source, tracks):
    assert default_tracks(source) == tracks


def test_a_local_checkpoint_says_what_was_trained(tmp_path, tiny_config):
    def default_of(**changes):
        config = {"format": 1, **tiny_config, **changes}
        (tmp_path / "config.json").write_text(json.dumps(config))
        return default_tracks(str(tmp_path))

    assert default_of() == ["exon", "intron", "splice_donor"]
    assert default_of(untrained_tracks=["intron"]) == ["exon", "splice_donor"]
    assert default_of(tile_spec=None, tracks=[]) is None
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BasewiseError, match="line 1 is not JSON"):
        default_tracks(str(tmp_path))


def test_a_published_model_is_known_by_its_repository():
    known = find_published("hf://instadeepai/Segment_NT_multi_species/@abc")
    assert known.name == "segment_nt_multi_species"
    assert find_published("InstaDeepAI/segment_nt") is None
