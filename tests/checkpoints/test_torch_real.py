"""What a real PyTorch writes is read; needs torch, which basewise itself does without."""

import re
from collections import OrderedDict

import numpy as np
import pytest

from basewise.checkpoints.torch_file import read_torch_layout, read_torch_values
from basewise.checkpoints.torch_names import map_names
from basewise.checkpoints.torch_tables import CONV_TRANSPOSE
from basewise.errors import BasewiseError

torch = pytest.importorskip("torch", reason="torch is not installed: make parity installs it")

pytestmark = pytest.mark.parity


@pytest.fixture
def state():
    torch.manual_seed(3)
    table, tied = torch.randn(5, 7), torch.randn(3, 4)
    noted = torch.nn.Parameter(torch.randn(2))
    noted.note = "a Python attribute"
    return OrderedDict(
        table=table,
        transposed=table.t(),
        part=table[1:3, 2:6:2],
        tied=tied,
        also_tied=tied,
        parameter=torch.nn.Parameter(torch.randn(3)),
        noted=noted,
        half=torch.randn(9).half(),
        bfloat16=torch.randn(4, 3).bfloat16(),
        bfloat16_transposed=torch.randn(4, 3).bfloat16().t(),
        double=torch.randn(3).double(),
        integer=torch.tensor(7),
        int32=torch.arange(3, dtype=torch.int32),
        bytes=torch.arange(5, dtype=torch.uint8),
        bool=torch.tensor([True, False]),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
    )


def assert_read(path, state):
    layout = read_torch_layout(path)
    assert sorted(layout) == sorted(state)
    values = {id(array): held for array, held in read_torch_values(path, layout.values())}
    for name, tensor in state.items():
        expected = tensor.detach()
        expected = expected.float() if expected.is_floating_point() else expected
        found = values[id(layout[name])]
        assert found.dtype == expected.numpy().dtype
        np.testing.assert_array_equal(found, expected.numpy(), err_msg=name)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("has_checksums", [True, False])
def test_torch_save_is_read(tmp_path, state, protocol, has_checksums):
    torch.serialization.set_crc32_options(has_checksums)
    try:
        torch.save(state, tmp_path / "a.bin", pickle_protocol=protocol)
    finally:
        torch.serialization.set_crc32_options(True)
    assert_read(tmp_path / "a.bin", state)


def test_state_dicts_of_modules_and_safetensors_are_read(tmp_path, state):
    module = torch.nn.Sequential(torch.nn.Conv1d(4, 6, 3), torch.nn.BatchNorm1d(6))
    torch.save(module.state_dict(), tmp_path / "a.bin")
    assert_read(tmp_path / "a.bin", module.state_dict())
    save_file = pytest.importorskip("safetensors.torch").save_file
    whole = {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
    save_file(whole, tmp_path / "a.safetensors")
    assert_read(tmp_path / "a.safetensors", state)


def test_torch_reads_what_these_tests_write(tmp_path, torch_writer):
    state = {
        "float32": np.arange(6, dtype=np.float32).reshape(2, 3),
        "float16": np.arange(3, dtype=np.float16),
        "int64": np.array(4),
    }
    (tmp_path / "a.bin").write_bytes(torch_writer.bin_bytes(state))
    for name, tensor in torch.load(tmp_path / "a.bin", weights_only=True).items():
        np.testing.assert_array_equal(tensor.numpy(), state.pop(name))
    assert not state


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: {"state_dict": {"x": x}}, "state_dict should be a tensor; found dict"),
        (lambda x: torch.nn.Linear(2, 2), r"asks for torch\.nn\.modules\.linear\.Linear"),
        (lambda x: {"x": x.expand(3, 4)}, "larger than its storage"),
        (lambda x: {"x": x.to_sparse()}, r"asks for torch\._utils\._rebuild_sparse_tensor"),
        (lambda x: {"x": x.to(torch.float8_e5m2)}, r"asks for torch\._utils\._rebuild_tensor_v3"),
        (lambda x: {"x": x, "n": 3}, "n should be a tensor; found int"),
        (lambda x: x, "should hold a state dict"),
    ],
)
def test_other_objects_are_refused(tmp_path, make, words):
    torch.save(make(torch.randn(4)), tmp_path / "a.bin")
    with pytest.raises(BasewiseError, match=words):
        read_torch_layout(tmp_path / "a.bin")


def test_the_old_format_is_refused_with_what_to_do(tmp_path, state):
    torch.save(state, tmp_path / "a.bin", _use_new_zipfile_serialization=False)
    with pytest.raises(BasewiseError, match=r"before PyTorch 1\.6.*torch\.save\(torch\.load"):
        read_torch_layout(tmp_path / "a.bin")


def golden(shared, torch_writer, case):
    with np.load(shared / f"goldens/golden_nt_{case}.npz") as npz:
        return torch_writer.flat_names(npz), {key: npz[key] for key in npz if key[0] in "io"}


@pytest.mark.parametrize("case", ["v1", "agro"])
def test_transformers_agrees_with_the_goldens(shared, torch_writer, tmp_path, case):
    transformers = pytest.importorskip("transformers")
    flat, arrays = golden(shared, torch_writer, case)
    rows, embed_dim = flat["nucleotide_transformer/~/embed|embeddings"].shape
    config = transformers.EsmConfig(
        vocab_size=rows,
        mask_token_id=2,
        pad_token_id=1,
        hidden_size=embed_dim,
        num_hidden_layers=3,
        num_attention_heads={"v1": 4, "agro": 2}[case],
        intermediate_size=flat["nucleotide_transformer/attention_layer_0/~/fc1|b"].size,
        max_position_embeddings={"v1": 42, "agro": 32}[case],
        position_embedding_type="absolute",
        token_dropout=case == "v1",
        emb_layer_norm_before=False,
        tie_word_embeddings=False,
        layer_norm_eps=1e-5,  # as the goldens; published files say 1e-12
        attn_implementation="eager",
    )
    model = transformers.EsmForMaskedLM(config).eval()
    state = {name: torch.tensor(held) for name, held in torch_writer.to_torch(flat).items()}
    lack, more = model.load_state_dict(state, strict=False)
    assert not more
    assert {name.split(".")[1] for name in lack} <= {"contact_head"}
    tokens = torch.tensor(arrays["i:tokens"]).long()
    with torch.no_grad():
        logits = model(tokens, attention_mask=(tokens != 1).long()).logits.numpy()
    kept = arrays["i:tokens"] != 1
    expected = arrays["o:logits"][kept]
    assert np.abs(logits[kept] - expected).max() < 2e-5 * max(1, np.abs(expected).max())

    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    model.save_pretrained(tmp_path)  # which calls some weights gamma and beta
    for name in ("pytorch_model.bin", "model.safetensors"):
        assert_mapped(tmp_path / name, "nucleotide_transformer", flat)


def test_enformer_pytorch_agrees_with_the_goldens(shared, torch_writer, tmp_path):
    enformer_pytorch = pytest.importorskip("enformer_pytorch")
    flat, arrays = golden(shared, torch_writer, "enformer")
    flat = {name: held for name, held in flat.items() if name.startswith("Enformer/")}
    model = enformer_pytorch.Enformer.from_hparams(
        dim=48,
        depth=2,
        heads=4,
        output_heads={"human": 7, "mouse": 5},
        target_length=10,
        num_downsamples=4,
        dim_divisible_by=8,
        attn_dim_key=6,
    ).eval()
    state = {name: torch.tensor(held) for name, held in torch_writer.to_torch(flat).items()}
    lack, more = model.load_state_dict(state, strict=False)
    assert not more
    assert all(re.search("_trunk|num_batches_tracked", name) for name in lack)
    one_hot = torch.tensor(np.eye(5, 4, dtype=np.float32)[to_bases(arrays["i:tokens"])])
    with torch.no_grad():
        found = model(one_hot)
    for species in ("human", "mouse"):
        expected = arrays[f"o:{species}_head"]
        assert (
            np.abs(found[species].numpy() - expected).max() < 2e-5 * np.abs(expected).max() + 2e-5
        )

    torch.save(model.state_dict(), tmp_path / "a.bin")
    assert_mapped(tmp_path / "a.bin", "enformer", flat)
    pytest.importorskip("safetensors.torch").save_model(model, tmp_path / "a.safetensors")
    assert_mapped(tmp_path / "a.safetensors", "enformer", flat)


def test_transposed_convolutions_become_correlations():
    torch.manual_seed(11)
    layer = torch.nn.ConvTranspose1d(3, 5, 3, padding=1, bias=False)
    x = torch.randn(1, 3, 9)
    with torch.no_grad():
        expected = layer(x)[0].numpy()
    ours = CONV_TRANSPOSE(layer.weight.detach().numpy())  # k, out, in
    padded = np.pad(x[0].numpy(), ((0, 0), (1, 1)))
    found = sum(ours[tap] @ padded[:, tap : tap + 9] for tap in range(3))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_our_language_model_agrees_with_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    trunk = {"alphabet_size": 4105, "embed_dim": 60, "attention_heads": 5, "ffn_embed_dim": 96}
    trunk |= {"num_layers": 4, "max_positions": 64, "token_dropout": True, "masking_ratio": 0.15}
    torch.manual_seed(8)
    config = transformers.EsmConfig(
        vocab_size=trunk["alphabet_size"],
        mask_token_id=2,
        pad_token_id=1,
        hidden_size=trunk["embed_dim"],
        num_hidden_layers=trunk["num_layers"],
        num_attention_heads=trunk["attention_heads"],
        intermediate_size=trunk["ffn_embed_dim"],
        max_position_embeddings=trunk["max_positions"] + 2,
        position_embedding_type="absolute",
        token_dropout=True,
        emb_layer_norm_before=False,
        tie_word_embeddings=False,
        layer_norm_eps=1e-5,
        initializer_range=0.3,
    )
    model = shake(transformers.EsmForMaskedLM(config)).eval()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    tokens = np.random.default_rng(2).integers(4, 4100, (3, 64))
    tokens[:, 0], tokens[1, 50:], tokens[:, 7] = 3, 1, 2  # <cls>, pads, <mask>
    tokens = torch.tensor(tokens)
    with torch.no_grad():
        expected = model(tokens, attention_mask=(tokens != 1).long()).logits.numpy()

    from basewise.models.language_model import build_language_model

    ours = build_language_model({"tokenizer": "v1_6mer", "trunk": trunk})
    params = import_params(tmp_path / "pytorch_model.bin", "nucleotide_transformer", ours.init)
    logits = np.asarray(
        ours.inspect(params, tokens.numpy().astype(np.int32), logits=True)["logits"]
    )
    kept = tokens.numpy() != 1
    spread = expected[kept].std()
    assert spread > 0.1
    difference = np.abs(logits - expected)[kept].max()
    assert difference < 1e-4 * spread


def test_our_enformer_agrees_with_enformer_pytorch(tmp_path):
    enformer_pytorch = pytest.importorskip("enformer_pytorch")
    torch.manual_seed(9)
    sizes = {"dim_divisible_by": 8, "num_downsamples": 4, "target_length": 20}
    model = enformer_pytorch.Enformer.from_hparams(
        dim=72, depth=3, heads=3, output_heads={"human": 6, "mouse": 4}, attn_dim_key=10, **sizes
    )
    model = shake(model).eval()
    torch.save(model.state_dict(), tmp_path / "a.bin")
    codes = np.random.default_rng(3).integers(0, 5, (2, 16 * 32)).astype(np.uint8)
    one_hot = np.eye(5, 4, dtype=np.float32)[codes]
    with torch.no_grad():
        expected = model(torch.tensor(one_hot))

    from basewise.models.enformer import Enformer
    from basewise.models.one_hot_config import EnformerConfig

    config = EnformerConfig(
        embed_dim=72,
        num_transformer_layers=3,
        num_attention_heads=3,
        attention_dim_key=10,
        final_pointwise=True,
        species_heads=True,
        num_human_output_heads=6,
        num_mouse_output_heads=4,
        **sizes,
    )
    ours = Enformer(config)
    params = import_params(tmp_path / "a.bin", "enformer", ours.init)
    found = ours.species(params, ours.finish(params, ours.embed(params, codes)))
    for species in ("human", "mouse"):
        reference = expected[species].numpy()
        assert reference.std() > 0.02
        difference = np.abs(np.asarray(found[f"{species}_head"]) - reference).max()
        assert difference < 1e-4 * reference.std()


@pytest.mark.slow
def test_our_borzoi_agrees_with_borzoi_pytorch(tmp_path):
    borzoi_pytorch = pytest.importorskip("borzoi_pytorch")
    from borzoi_pytorch.config_borzoi import BorzoiConfig as TheirConfig
    from borzoi_pytorch.pytorch_borzoi_transformer import get_positional_embed

    torch.manual_seed(10)
    their_config = TheirConfig(depth=2, flashed=False, return_center_bins_only=True)
    model = shake(borzoi_pytorch.Borzoi(their_config)).eval()
    state = model.state_dict()
    for name in ("separable0.conv_layer.1.bias", "separable1.conv_layer.1.bias"):
        state.pop(name).zero_()  # which SegmentBorzoi's pointwise convolutions do not have
    torch.save(state, tmp_path / "a.bin")
    codes = np.random.default_rng(4).integers(0, 5, (1, 128 * 40)).astype(np.uint8)
    one_hot = torch.tensor(np.eye(5, 4, dtype=np.float32)[codes].transpose(0, 2, 1))
    model.crop = torch.nn.Identity()
    for block in model.transformer:  # theirs are always those of 4096 bins
        block[0].fn[1].positions = get_positional_embed(40, 40, 32, "cpu")
    with torch.no_grad():
        embedding = model.final_joined_convs(model.get_embs_after_crop(one_hot))
        head = torch.nn.functional.softplus(model.human_head(embedding))

    from basewise.models.borzoi import Borzoi
    from basewise.models.one_hot_config import BorzoiConfig

    config = BorzoiConfig(512, 608, 1536, 2, 8, target_length=4 * 40, species_heads=True)
    ours = Borzoi(config)
    params = import_params(tmp_path / "a.bin", "segment_borzoi", ours.init)
    found = ours.embed(params, codes)
    for values, reference in (
        (found, embedding),
        (ours.species(params, found)["human_head"], head),
    ):
        expected = reference.numpy().transpose(0, 2, 1)
        assert expected.std() > 0.02
        assert np.abs(np.asarray(values) - expected).max() < 1e-4 * expected.std()


def shake(model):
    """Give every parameter and running statistic values that tell it from any other."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dim() <= 1 and tensor.is_floating_point():
                tensor += 0.1 * torch.randn_like(tensor)
                if name.endswith("running_var"):
                    tensor.abs_()
            elif name.endswith("to_out.weight"):  # which starts as zeros
                tensor += 0.1 * torch.randn_like(tensor)
    return model


def import_params(path, family, init):
    """Return our parameter tree of a PyTorch file."""
    import jax

    from basewise.models.parameters import flatten, unflatten

    skeleton = jax.eval_shape(init, jax.random.key(0))
    flat = read_mapped(path, family, flatten(skeleton))
    return unflatten(flat, skeleton)


def to_bases(tokens):
    """A, T, C, G, N (10 to 14) as A, C, G, T, N (0 to 4)."""
    return np.array([0, 3, 1, 2, 4])[tokens - 10]


def assert_mapped(path, family, flat):
    found = read_mapped(path, family, flat)
    assert sorted(found) == sorted(flat)
    for name, values in flat.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def read_mapped(path, family, expected):
    """Return {our name: values} of a PyTorch file."""
    layout = read_torch_layout(path)
    mapped = map_names(layout, family, expected=expected)
    names = {id(layout[name]): to for name, to in mapped.items()}
    found = {}
    for array, values in read_torch_values(path, [layout[name] for name in mapped]):
        ours, transform = names[id(array)]
        found[ours] = transform(values)
    return found
