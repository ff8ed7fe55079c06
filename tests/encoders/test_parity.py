"""Our encoders give what `transformers` gives for the same weights, which PyTorch draws here."""

import numpy as np
import pytest

from basewise.checkpoints.published import import_checkpoint
from basewise.encoders import build_encoder
from basewise.models.zoo.encoders import ESM_VOCABULARY

torch = pytest.importorskip("torch", reason="torch is not installed: make parity installs it")
transformers = pytest.importorskip("transformers", reason="make parity installs transformers")

pytestmark = pytest.mark.parity

PROTEINS = ("MKVLAAGIRQW", "ACDEFGHIKLMNPQRSTVWYXBUZO", "MW")
TEXTS = ("K562 | mesoderm", "Café-au-lait cells, of HeLa's", "unknownword k562")
WORDS = ["k", "##5", "##6", "##2", "k562", "|", "meso", "##derm", "cafe", "-", "au", "lait"]
WORDS += ["cell", "##s", ",", "of", "he", "##la", "'", "s", "0", "##1"]
BERT_VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
ALBERT_VOCABULARY = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
ALBERT_VOCABULARY += [f"▁{letter}" for letter in "ALGVSREDTIPKFQNYMHWCX"]
SIZES = {"num_hidden_layers": 3, "num_attention_heads": 4, "initializer_range": 0.3}
ESM = {"vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1, "token_dropout": True}
ESM |= SIZES | {"hidden_size": 24, "intermediate_size": 40, "layer_norm_eps": 1e-5}
TOLERANCE = 1e-5  # of the greatest value


def shake(model):
    """Give biases and norms values that tell them from any other."""
    with torch.no_grad():
        for tensor in model.parameters():
            if tensor.dim() == 1:
                tensor += 0.2 * torch.randn_like(tensor)
    return model.eval()


def make_esm(positions, is_normed):
    config = transformers.EsmConfig(
        **ESM,
        max_position_embeddings=1026,
        position_embedding_type=positions,
        emb_layer_norm_before=is_normed,
    )
    return shake(transformers.EsmForMaskedLM(config))


def make_bert():
    config = transformers.BertConfig(
        **SIZES,
        vocab_size=len(BERT_VOCABULARY),
        hidden_size=24,
        intermediate_size=40,
        max_position_embeddings=64,
    )
    return shake(transformers.BertForMaskedLM(config))


def make_albert():
    config = transformers.AlbertConfig(
        **SIZES,
        vocab_size=len(ALBERT_VOCABULARY),
        embedding_size=8,
        hidden_size=24,
        intermediate_size=40,
        max_position_embeddings=64,
    )
    return shake(transformers.AlbertForMaskedLM(config))


@pytest.fixture(params=["model.safetensors", "pytorch_model.bin"])
def bring(request, tmp_path):
    """A function (PyTorch model, name in the zoo, vocabulary) -> our checkpoint of it."""

    def run(model, name, vocabulary=None):
        folder = tmp_path / "published"
        model.save_pretrained(folder)
        if request.param.endswith(".bin"):
            (folder / "model.safetensors").unlink()
            torch.save(model.state_dict(), folder / request.param)
        if vocabulary:
            (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
        import_checkpoint(folder, name, tmp_path / "ours")
        return tmp_path / "ours"

    return run


def give(body, ids):
    """The last hidden state of a PyTorch model's body, float32 (L, D)."""
    with torch.no_grad():
        return body(torch.tensor([ids])).last_hidden_state[0].numpy()


def assert_same(found, expected):
    assert found.shape == expected.shape
    assert expected.std() > 0.1
    assert np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize(
    ("name", "positions", "is_normed"),
    [("esm2_t6_8M", "rotary", False), ("esm1b", "absolute", True)],
)
def test_esm(bring, name, positions, is_normed):
    torch.manual_seed(1)
    model = make_esm(positions, is_normed)
    encoder = build_encoder(bring(model, name), kind="protein", batch_size=2)
    ids = {token: i for i, token in enumerate(ESM_VOCABULARY)}
    for protein, found in zip(PROTEINS, encoder.encode(PROTEINS), strict=True):
        tokens = [0, *(ids[letter] for letter in protein), 2]
        assert_same(found, give(model.esm, tokens)[1:-1])


@pytest.mark.parametrize(("n_residues", "n_rows"), [(1022, 1022), (1023, 1023), (1100, 1023)])
def test_long_proteins_are_cut_as_esm_cuts_them(bring, n_residues, n_rows):
    torch.manual_seed(2)
    model = make_esm("absolute", True)
    encoder = build_encoder(bring(model, "esm1b"), batch_size=1)
    letters = np.random.default_rng(1).integers(4, 24, n_residues)
    protein = "".join(ESM_VOCABULARY[i] for i in letters)
    (found,) = encoder.encode([protein])
    tokens = [0, *letters.tolist(), 2][:1024]
    assert len(found) == n_rows
    assert_same(found, give(model.esm, tokens)[1 : 1 + n_rows])


def test_prot_albert(bring):
    torch.manual_seed(3)
    model = make_albert()
    checkpoint = bring(model, "prot_albert", ALBERT_VOCABULARY)
    encoder = build_encoder(checkpoint, kind="protein", batch_size=2, max_tokens=16)
    ids = {token: i for i, token in enumerate(ALBERT_VOCABULARY)}
    for protein, found in zip(PROTEINS, encoder.encode(PROTEINS), strict=True):
        letters = ["X" if letter in "UZOB" else letter for letter in protein[:14]]
        tokens = [2, *(ids[f"▁{letter}"] for letter in letters), 3]
        assert_same(found, give(model.albert, tokens))


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_pubmedbert(bring, tmp_path, pooling):
    torch.manual_seed(4)
    model = make_bert()
    checkpoint = bring(model, "pubmedbert", BERT_VOCABULARY)
    encoder = build_encoder(checkpoint, kind="text", pooling=pooling, max_tokens=12)
    tokenizer = transformers.BertTokenizer(str(tmp_path / "published/vocab.txt"))
    for text, found in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        tokens = tokenizer(text, truncation=True, max_length=12)["input_ids"]
        state = give(model.bert, tokens)
        expected = state[0] if pooling == "cls" else state.mean(axis=0)
        assert_same(found, expected)


@pytest.mark.parametrize(
    "text",
    [
        "K562",
        "  K562\t|\nmesoderm ",
        "Café-AU-lait's cells",
        "heLa,cells.of",
        "k562" * 40,
        "中文 k562 ​ hidden",
        "cafe\N{COMBINING ACUTE ACCENT} ÅΣς İ",
        "K\x00562 \x07 [zzz]",
        "k³562 “he”—la…",
        "",
    ],
)
def test_words_are_split_as_transformers_splits_them(tmp_path, text):
    from basewise.encoders.tokens import Specials, WordPieces

    (tmp_path / "vocab.txt").write_text("\n".join(BERT_VOCABULARY) + "\n")
    tokenizer = transformers.BertTokenizer(str(tmp_path / "vocab.txt"))
    expected = tokenizer(text, add_special_tokens=False)["input_ids"]
    ids = {token: i for i, token in enumerate(BERT_VOCABULARY)}
    assert WordPieces(ids, Specials(2, 3, 0, 1))(text) == expected


def test_layers_before_the_last(bring):
    torch.manual_seed(5)
    model = make_esm("rotary", False)
    encoder = build_encoder(bring(model, "esm2_t6_8M"), layer=2)
    ids = [0, *(ESM_VOCABULARY.index(letter) for letter in PROTEINS[0]), 2]
    with torch.no_grad():
        states = model.esm(torch.tensor([ids]), output_hidden_states=True).hidden_states
    assert_same(encoder.encode([PROTEINS[0]])[0], states[2][0, 1:-1].numpy())
