"""Published encoders become checkpoints: names, settings and vocabularies, or one clear error."""

import json

import numpy as np
import pytest

from basewise.checkpoints.config import is_encoder, read_config
from basewise.checkpoints.hub import choose_files, choose_model
from basewise.checkpoints.published import import_checkpoint
from basewise.checkpoints.published.vocabulary import read_vocabulary
from basewise.checkpoints.repository import Repository
from basewise.checkpoints.store import check_checkpoint, load_parameters
from basewise.cli import main
from basewise.errors import BasewiseError
from basewise.models.families import build_skeleton
from basewise.models.parameters import count_parameters, flatten
from basewise.models.zoo import ENCODERS

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "k", "##5", "##6"]
PIECES = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", *(f"▁{a}" for a in "ACDEFGHIKLX")]
N_LAYERS, D, FFN, NARROW = 2, 8, 12, 6
COMMON = {"num_attention_heads": 2, "num_hidden_layers": N_LAYERS, "intermediate_size": FFN}
COMMON |= {"hidden_size": D}
SETTINGS = {
    "esm2_t6_8M": COMMON
    | {"model_type": "esm", "vocab_size": 33, "max_position_embeddings": 22, "token_dropout": True}
    | {"position_embedding_type": "rotary", "emb_layer_norm_before": False},
    "pubmedbert": COMMON
    | {"model_type": "bert", "vocab_size": len(WORDS), "max_position_embeddings": 20}
    | {"type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12},
    "prot_albert": COMMON
    | {"model_type": "albert", "vocab_size": len(PIECES), "max_position_embeddings": 20}
    | {"type_vocab_size": 2, "embedding_size": NARROW, "hidden_act": "gelu_new"},
}
SETTINGS["esm1b"] = SETTINGS["esm2_t6_8M"] | {
    "position_embedding_type": "absolute",
    "emb_layer_norm_before": True,
}
VOCABULARY = {"pubmedbert": WORDS, "prot_albert": PIECES}


def make_state(name):
    """Arrays by the names that transformers gives them, heads and poolers too."""
    rng = np.random.default_rng(5)
    state = {}

    def add(path, *shape):
        state[path] = rng.normal(size=shape).astype(np.float32)

    def linear(path, n_in, n_out):
        add(f"{path}.weight", n_out, n_in)
        add(f"{path}.bias", n_out)

    def norm(path, size=D):
        add(f"{path}.weight", size)
        add(f"{path}.bias", size)

    said = SETTINGS[name]
    kind = said["model_type"]
    width = said.get("embedding_size", D)
    embeddings = f"{kind}.embeddings"
    add(f"{embeddings}.word_embeddings.weight", said["vocab_size"], width)
    if name != "esm2_t6_8M":
        add(f"{embeddings}.position_embeddings.weight", said["max_position_embeddings"], width)
    if kind == "esm":
        if name == "esm1b":
            norm(f"{embeddings}.layer_norm")
        norm("esm.encoder.emb_layer_norm_after")
        linear("esm.contact_head.regression", 4, 1)
        linear("lm_head.dense", D, D)
        norm("lm_head.layer_norm")
        add("lm_head.decoder.weight", 33, D)
        add("lm_head.bias", 33)
    else:
        add(f"{embeddings}.token_type_embeddings.weight", 2, width)
        norm(f"{embeddings}.LayerNorm", width)
        state[f"{embeddings}.position_ids"] = np.arange(20)[None]
    if kind == "albert":
        linear("albert.encoder.embedding_hidden_mapping_in", NARROW, D)
        group = "albert.encoder.albert_layer_groups.0.albert_layers.0"
        for part in ("query", "key", "value", "dense"):
            linear(f"{group}.attention.{part}", D, D)
        norm(f"{group}.attention.LayerNorm")
        linear(f"{group}.ffn", D, FFN)
        linear(f"{group}.ffn_output", FFN, D)
        norm(f"{group}.full_layer_layer_norm")
        linear("albert.pooler", D, D)
        linear("predictions.dense", D, NARROW)
        return state
    for i in range(N_LAYERS):
        layer = f"{kind}.encoder.layer.{i}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linear(f"{layer}.attention.{part}", D, D)
        linear(f"{layer}.intermediate.dense", D, FFN)
        linear(f"{layer}.output.dense", FFN, D)
        is_esm = kind == "esm"
        norm(f"{layer}.attention.LayerNorm" if is_esm else f"{layer}.attention.output.LayerNorm")
        norm(f"{layer}.LayerNorm" if is_esm else f"{layer}.output.LayerNorm")
    linear(f"{kind}.pooler.dense", D, D)
    if kind == "bert":
        linear("cls.predictions.decoder", D, len(WORDS))
        linear("cls.seq_relationship", D, 2)
    return state


@pytest.fixture
def publish(tmp_path, torch_writer):
    """A function (name, changes to config.json) -> a directory of published files."""

    def write(name, *, kind="safetensors", vocabulary=True, **changes):
        folder = tmp_path / "published"
        folder.mkdir(exist_ok=True)
        if kind == "bin":
            data = torch_writer.bin_bytes(make_state(name))
            (folder / "pytorch_model.bin").write_bytes(data)
        else:
            data = torch_writer.safetensors_bytes(make_state(name))
            (folder / "model.safetensors").write_bytes(data)
        (folder / "config.json").write_text(json.dumps(SETTINGS[name] | changes))
        if vocabulary and name in VOCABULARY:
            (folder / "vocab.txt").write_text("\n".join(VOCABULARY[name]) + "\n")
        return folder

    return write


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_array_finds_its_place(publish, tmp_path, name, kind):
    import_checkpoint(publish(name, kind=kind), name, tmp_path / "ours")
    config = read_config(tmp_path / "ours")
    check_checkpoint(tmp_path / "ours")
    assert is_encoder(config)
    flat, state = flatten(load_parameters(tmp_path / "ours")), make_state(name)
    family = config["family"]
    space = "nucleotide_transformer"
    pairs = {
        f"{space}/~/embed|embeddings": f"{family}.embeddings.word_embeddings.weight",
    }
    block = f"{space}/attention_layer_{{}}/~"
    if family == "albert":
        group = "albert.encoder.albert_layer_groups.0.albert_layers.0"
        pairs[f"{block.format(0)}/self_attention/mha_output|b"] = f"{group}.attention.dense.bias"
        pairs[f"{block.format(0)}/final_layer_norm|scale"] = f"{group}.full_layer_layer_norm.weight"
    else:
        layer = f"{family}.encoder.layer.1"
        second = "LayerNorm" if family == "esm" else "output.LayerNorm"
        pairs[f"{block.format(1)}/self_attention/key|b"] = f"{layer}.attention.self.key.bias"
        pairs[f"{block.format(1)}/final_layer_norm|offset"] = f"{layer}.{second}.bias"
    for ours, theirs in pairs.items():
        np.testing.assert_array_equal(flat[ours], state[theirs], err_msg=ours)
    n_heads = config["architecture"]["trunk"]["attention_heads"]
    assert (n_heads, config["tile_spec"], config["tracks"]) == (2, None, [])


@pytest.mark.parametrize("name", ENCODERS)
def test_sizes_are_those_published(name):
    assert count_parameters(build_skeleton(ENCODERS[name].to_config())) == ENCODERS[name].parameters


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("pubmedbert", {"vocabulary": False}, r"vocabulary of pubmedbert is missing.*vocab\.txt"),
        ("pubmedbert", {"model_type": "roberta"}, "another kind of model than bert"),
        ("pubmedbert", {"vocab_size": 7}, "found 8 tokens, 7 rows"),
        ("pubmedbert", {"hidden_act": "mish"}, "unknown hidden_act; found 'mish'"),
        ("pubmedbert", {"hidden_size": 16}, r"the arrays are not those of its config\.json"),
        ("pubmedbert", {"num_hidden_layers": 3}, "is missing"),
        ("prot_albert", {"num_hidden_groups": 2}, "layers are all one are read"),
        ("esm1b", {"position_embedding_type": "relative"}, "unknown position_embedding_type"),
        ("esm1b", {"hidden_size": "wide"}, "hidden_size has a wrong type"),
    ],
)
def test_what_does_not_fit_is_refused(publish, tmp_path, name, options, words):
    with pytest.raises(BasewiseError, match=words):
        import_checkpoint(publish(name, **options), name, tmp_path / "ours")
    assert not (tmp_path / "ours" / "params.safetensors").exists()


def test_files_of_another_family_are_refused(publish, tmp_path):
    with pytest.raises(BasewiseError, match="not those of a bert"):
        import_checkpoint(publish("esm1b"), "pubmedbert", tmp_path / "ours")


def test_a_vocabulary_of_another_model_is_refused(publish, tmp_path):
    folder = publish("pubmedbert")
    (folder / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(BasewiseError, match=r"no \[CLS\], the start token"):
        import_checkpoint(folder, "pubmedbert", tmp_path / "ours")


def varint(value):
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def piece_bytes(tokens):
    """A SentencePiece model: pieces with scores and kinds, then a message of settings."""
    data = b""
    for token in tokens:
        text = token.encode()
        inner = b"\x0a" + varint(len(text)) + text + b"\x15\0\0\x80\xbf" + b"\x18\x02"
        data += b"\x0a" + varint(len(inner)) + inner
    return data + b"\x12\x04\x08\x01\x10\x02"


def test_vocabularies_are_read_from_three_kinds_of_files(tmp_path):
    (tmp_path / "spiece.model").write_bytes(piece_bytes([*PIECES, "▁" + "x" * 200]))
    assert read_vocabulary(tmp_path / "spiece.model") == [*PIECES, "▁" + "x" * 200]
    unigram = {"model": {"vocab": [[token, -1.0] for token in PIECES]}, "added_tokens": []}
    (tmp_path / "tokenizer.json").write_text(json.dumps(unigram))
    assert read_vocabulary(tmp_path / "tokenizer.json") == PIECES
    pairs = {"model": {"vocab": {token: i for i, token in enumerate(WORDS[:-1])}}}
    pairs["added_tokens"] = [{"id": 7, "content": WORDS[-1]}, {"id": 0, "content": WORDS[0]}]
    (tmp_path / "tokenizer.json").write_text(json.dumps(pairs))
    assert read_vocabulary(tmp_path / "tokenizer.json") == WORDS
    (tmp_path / "vocab.txt").write_bytes("\r\n".join(WORDS).encode() + b"\r\n")
    assert read_vocabulary(tmp_path / "vocab.txt") == WORDS


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("vocab.txt", b"", "no text|no token"),
        ("vocab.txt", b"a\nb\na\n", "a token twice; found 'a'"),
        ("vocab.txt", b"a\n\nb\n", "no text"),
        ("vocab.txt", b"\xff\xfe", "is not text"),
        ("tokenizer.json", b"{}", "with gaps, or holds none"),
        ("tokenizer.json", b'{"model": {"vocab": {"a": 0, "b": 2}}}', "with gaps"),
        ("tokenizer.json", b'{"model": {"vocab": [3, 4]}}', "gaps|no text"),
        ("tokenizer.json", b"[", "not JSON"),
        ("spiece.model", b"", "no token"),
        ("spiece.model", piece_bytes(PIECES)[:-20], "is not a SentencePiece model"),
        ("spiece.model", b"\x80" * 50, "is not a SentencePiece model"),
    ],
)
def test_broken_vocabularies_are_refused(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BasewiseError, match=words):
        read_vocabulary(tmp_path / name)


def test_the_hub_is_asked_for_the_vocabulary_too():
    model = choose_model(Repository.parse(f"{ENCODERS['pubmedbert'].source}"), None)
    assert model.name == "pubmedbert"
    there = {"config.json", "pytorch_model.bin", "vocab.txt", "README.md"}
    assert choose_files(model, there) == ["pytorch_model.bin", "config.json", "vocab.txt"]


def test_encoders_are_listed_and_shown(publish, tmp_path, capsys):
    assert main(["models", "--encoders"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == list(ENCODERS)
    assert "encodes" in header.split()
    out = str(tmp_path / "ours")
    command = ["checkpoint", "import", str(publish("pubmedbert")), "--model", "pubmedbert"]
    assert main([*command, "--out", out]) == 0
    assert main(["checkpoint", "show", out]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["architecture"]["vocabulary"] == "8 tokens"
