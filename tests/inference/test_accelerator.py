"""What only an accelerator can show; every test skips, saying so, where JAX sees none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import basewise
from basewise.checkpoints.store import load_checkpoint
from basewise.inference import predict_shard
from basewise.models import attention
from basewise.tiling import Tile, write_tiles
from basewise.tracks.shard import ShardReader

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def accelerator():
    if jax.default_backend() not in ("gpu", "tpu"):
        pytest.skip("JAX sees no accelerator on this machine")


def test_float32_values_equal_those_of_the_cpu(tiny_checkpoint, random_bases):
    text = random_bases(1, 240)
    given = basewise.load(tiny_checkpoint).predict(text)[0]
    model, params, _ = load_checkpoint(tiny_checkpoint)
    with jax.default_device(jax.devices("cpu")[0]):
        inputs = model.encode(np.frombuffer(text.encode(), np.uint8)[None])
        expected = np.asarray(model.apply(params, inputs))[0]
    np.testing.assert_allclose(given, expected, atol=1e-4)


@pytest.mark.parametrize("length", [17, 1251, 5001])
@pytest.mark.parametrize("size", [32, 64])
def test_the_fused_kernel_equals_blocked_attention(length, size):
    if jax.default_backend() != "gpu":
        pytest.skip("cuDNN is NVIDIA's")
    keys = jax.random.split(jax.random.key(0), 3)
    parts = [jax.random.normal(key, (1, length, 4, size), jnp.bfloat16) for key in keys]
    fused = attention.attend(*parts).astype(jnp.float32)
    exact = attention.blocked_attention(*(part.astype(jnp.float32) for part in parts))
    np.testing.assert_allclose(fused, exact, atol=2e-2)


def test_batch_sizes_agree_within_one_step(tiny_checkpoint, random_bases):
    sequences = [random_bases(seed, 700) for seed in range(3)]
    one, many = (
        basewise.load(tiny_checkpoint, batch_size=size).predict(sequences) for size in (1, 16)
    )
    assert np.nanmax(np.abs(one - many)) < 1 / 255


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_shard_is_predicted_and_stored(tiny_checkpoint, random_bases, tmp_path, precision):
    (tmp_path / "genome.fa").write_text(f">c\n{random_bases(2, 240)}\n")
    write_tiles([Tile("c", 0, 240, 0, 240)], tmp_path / "tiles.bed")
    predict_shard(
        tiles=tmp_path / "tiles.bed",
        genome=tmp_path / "genome.fa",
        checkpoint=tiny_checkpoint,
        output=tmp_path / "shard",
        precision=precision,
        platform=jax.default_backend(),
    )
    reader = ShardReader(tmp_path / "shard")
    assert reader.bp == 240
    assert reader.run["devices"] != ["cpu"]
