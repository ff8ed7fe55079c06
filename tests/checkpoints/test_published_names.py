"""Published names become ours whatever their prefix and spelling."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.checkpoints.published.names import (
    NAMESPACES,
    guess_family,
    is_left_out,
    normalise_name,
)
from basewise.models.families import build_skeleton
from basewise.models.parameters import flatten
from basewise.models.zoo import ZOO

PREFIX = st.text("abcxyzABC0129_.-", min_size=1, max_size=40)


KMER_PATHS = (
    "~/embed|embeddings",
    "attention_layer_3/~/mha/query|w",
    "~/esm_roberta_lm_head/~/lm_final_fc|b",
)
PATHS = {
    "nucleotide_transformer": KMER_PATHS,
    "segment_nt": KMER_PATHS,
    "segment_enformer": ("~_stem/conv1_d|w", "~_conv_tower/layer_0/conv_block/batch_norm|scale"),
    "segment_borzoi": ("~_unet_conv/u_net_conv_block_0/linear|w",),
}


@pytest.fixture(scope="module")
def trees(shared):
    """{model: [(published name, shape)]} of all parameters and running averages."""
    found = {}
    for path in (shared / "spec").glob("param_tree_*.json"):
        for name, tree in json.loads(path.read_text())["models"].items():
            found[name] = [key for key, *_ in tree["params"] + tree.get("state", [])]
    return found


@pytest.mark.parametrize("model", ZOO)
def test_every_published_name_is_one_of_ours_or_left_out(trees, model):
    family = ZOO[model].family
    ours = set(flatten(build_skeleton(ZOO[model].to_config())))
    names = {key: normalise_name(key, family) for key in trees[model]}
    assert len(set(names.values())) == len(names)
    kept = {n for n in names.values() if not is_left_out(n)}
    assert {n for n in kept if not n.endswith(("|hidden", "|counter"))} == ours
    guessed = guess_family([key.partition("|")[0] for key in names])
    assert NAMESPACES[guessed] == NAMESPACES[family]
    assert {normalise_name(name, family) for name in ours} == ours


@given(prefix=PREFIX, family=st.sampled_from(sorted(NAMESPACES)), data=st.data())
def test_no_prefix_matters(prefix, family, data):
    path = data.draw(st.sampled_from(PATHS[family]))
    assert normalise_name(f"{prefix}/{path}", family) == normalise_name(f"x/{path}", family)
    assert normalise_name(f"{prefix}/~/fc|w", family) == "segmentation_head/~/fc|w"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("attention_layer_11/~/mha/query|w", "attention_layer_11/~/self_attention/query|w"),
        ("attention_layer_1/~/mha|bias_k", "attention_layer_1/~/self_attention|bias_k"),
        (
            "attention_layer_0/~/mha_layer_norm|scale",
            "attention_layer_0/~/self_attention_layer_norm|scale",
        ),
        (
            "attention_layer_0/~/self_attention/mha_output|b",
            "attention_layer_0/~/self_attention/mha_output|b",
        ),
        ("~/esm_roberta_lm_head/~/lm_head_fc_1|w", "~/roberta_lm_head/~/lm_head_fc_1|w"),
        ("~/roberta_lm_head/~/lm_head_fc_1|w", "~/roberta_lm_head/~/lm_head_fc_1|w"),
    ],
)
def test_old_spellings(old, new):
    assert normalise_name(f"esm_transformer/{old}", "segment_nt") == f"nucleotide_transformer/{new}"
