"""Published checkpoints in small: joblib files written opcode by opcode, without joblib."""

import bz2
import gzip
import json
import lzma
import zlib
from pathlib import Path

import numpy as np
import pytest

COMPRESSIONS = {
    "plain": bytes,
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}


def text(word: str) -> bytes:
    return b"X" + len(word.encode()).to_bytes(4, "little") + word.encode()


def integer(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def dtype_code(dtype: np.dtype) -> bytes:
    call = name("numpy", "dtype") + text(dtype.str[1:]) + b"\x89\x88\x87R"
    order = "<" if dtype.byteorder == "=" else dtype.byteorder
    return call + b"(" + integer(3) + text(order) + b"NNN" + integer(-1) * 2 + integer(0) + b"tb"


def wrapper_code(array: np.ndarray, alignment: int | None, dtype: bytes | None = None) -> bytes:
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    state = {
        "subclass": name("numpy", "ndarray"),
        "shape": b"(" + b"".join(map(integer, array.shape)) + b"t",
        "order": text(order),
        "dtype": dtype or dtype_code(array.dtype),
        "allow_mmap": b"\x88",
    }
    if alignment:
        state["numpy_array_alignment_bytes"] = integer(alignment)
    fields = b"".join(text(key) + value for key, value in state.items())
    return name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}(" + fields + b"ub"


class JoblibWriter:
    """Opcodes in frames, as protocol 4 has them, and the bytes of arrays between the frames."""

    def __init__(self, alignment: int | None = 16):
        self.alignment = alignment
        self.data, self.frame = b"\x80\x04", b""

    def commit(self) -> None:
        if self.frame:
            self.data += b"\x95" + len(self.frame).to_bytes(8, "little") + self.frame
        self.frame = b""

    def add_array(self, array: np.ndarray) -> None:
        self.frame += wrapper_code(array, self.alignment)
        self.commit()
        if self.alignment:
            padding = self.alignment - (len(self.data) + 1) % self.alignment
            self.data += bytes([padding]) + b"\xff" * padding
        self.data += array.tobytes("A")

    def add(self, value) -> None:
        if isinstance(value, np.ndarray):
            self.add_array(value)
            return
        self.frame += b"}("
        for key, item in value.items():
            self.frame += text(key)
            self.add(item)
        self.frame += b"u"


def dump_joblib(tree: dict, alignment: int | None = 16) -> bytes:
    writer = JoblibWriter(alignment)
    writer.add(tree)
    writer.frame += b"."
    writer.commit()
    return writer.data


@pytest.fixture(scope="session")
def joblib_bytes():
    """A function (tree, compression="plain", alignment=16) -> bytes of a joblib file."""

    def write(tree: dict, compression: str = "plain", alignment: int | None = 16) -> bytes:
        return COMPRESSIONS[compression](dump_joblib(tree, alignment))

    return write


@pytest.fixture(scope="session")
def object_array_bytes():
    """A joblib file whose one array is said to hold Python objects."""
    call = name("numpy", "dtype") + text("O8") + b"\x89\x88\x87R"
    return b"\x80\x04}" + text("a") + wrapper_code(np.zeros(1), 16, call) + b"s."


def publish(
    folder: Path, arrays: dict, hyperparams: dict, compression="plain", alignment=16
) -> Path:
    """Write arrays ``{module|name: array}`` as a snapshot of a published repository."""
    tree = {}
    for published, array in arrays.items():
        module, _, leaf = published.partition("|")
        tree.setdefault(module, {})[leaf] = array
    inner = folder / "jax_model"
    inner.mkdir(parents=True, exist_ok=True)
    (inner / "pytree_ckpt.joblib").write_bytes(
        COMPRESSIONS[compression](dump_joblib(tree, alignment))
    )
    (inner / "hyperparams.json").write_text(json.dumps(hyperparams))
    return folder


@pytest.fixture(scope="session", name="publish")
def publish_fixture():
    """The function that writes a snapshot of a published repository."""
    return publish


HYPERPARAMS = {
    "k_for_kmers": 6,
    "embed_scale": 1.0,
    "emb_layer_norm_before": False,
    "token_dropout": False,
    "masking_ratio": 0.0,
    "masking_prob": 0.0,
    "add_bias_ffn": False,
    "ffn_activation_name": "swish",
    "use_glu_in_ffn": True,
    "add_bias_kv": False,
    "use_rotary_embedding": True,
    "positional_embedding": None,
    "alphabet_size": 4107,
    "pad_token_id": 1,
}
OWN = ("max_positions", "embed_dim", "attention_heads", "ffn_embed_dim", "num_layers")


def rename(name: str, trunk: str, head: str) -> str:
    """Put another prefix before a name; `trunk` and `head` are the ones it may have."""
    for own, published in ((trunk, "dcnuc_v2_500M_multi_species"), (head, "u_net_head")):
        if name.startswith(f"{own}/"):
            return published + name.removeprefix(own)
    raise ValueError(name)


@pytest.fixture
def golden(shared):
    """A small SegmentNT as its publishers name things: arrays, hyperparameters, tokens, logits."""
    with np.load(shared / "goldens" / "golden_nt_segment.npz") as archive:
        stored = dict(archive)
    manifest = json.loads((shared / "goldens" / "golden_nt_manifest.json").read_text())
    config = manifest["cases"]["segment"]["config"]
    own = "nucleotide_transformer_tiny_segment"
    return {
        "arrays": {
            rename(key.removeprefix("p:"), own, f"{own}_1"): value
            for key, value in stored.items()
            if key.startswith("p:")
        },
        "hyperparams": HYPERPARAMS
        | {key: config[key] for key in (*OWN, "rescaling_factor", "features")},
        "tokens": stored["i:tokens"],
        "logits": stored["o:logits"],
    }


@pytest.fixture
def published(draw_params):
    """A smaller one that needs no reference material: arrays and hyperparameters."""
    from basewise.models.families import build_track_model
    from basewise.models.parameters import flatten
    from basewise.models.zoo import ZOO

    sizes = dict(zip(OWN, (64, 8, 2, 12, 2), strict=True))
    config = ZOO["segment_nt"].to_config()
    config["architecture"]["trunk"] |= {**sizes, "key_size": None}
    params = flatten(draw_params(build_track_model(config).init))
    return {
        "arrays": {
            rename(name, "nucleotide_transformer", "segmentation_head"): np.asarray(leaf)
            for name, leaf in params.items()
        },
        "hyperparams": HYPERPARAMS
        | sizes
        | {"rescaling_factor": 2.44140625, "features": config["architecture"]["features"]},
    }
