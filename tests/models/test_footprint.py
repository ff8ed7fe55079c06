import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from basewise.models.families import build_track_model
from basewise.models.footprint import bytes_per_tile, count_bytes

TOY = Path(__file__).resolve().parents[2] / "resources/toy/segment_nt_toy/config.json"


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def test_what_is_no_longer_needed_is_not_held():
    def chain(x):
        for _ in range(5):
            x = jnp.sin(x)
        return x

    assert count_bytes(chain, shape(1000)) == 2 * 4000


def test_what_is_needed_later_is_held():
    def fork(x):
        made = [jnp.sin(x + k) for k in range(3)]
        return made[0] * made[1] * made[2]

    assert count_bytes(fork, shape(1000)) == 4 * 4000


def test_what_is_only_broadcast_is_not_held():
    assert count_bytes(lambda x: x + jnp.zeros((100, 100)), shape(100, 100)) == 40_000


def test_a_scan_holds_one_step_and_what_it_stacks():
    def stacked(x):
        return jax.lax.scan(lambda x, _: (jnp.sin(x), x), x, length=7)[1]

    held = count_bytes(stacked, shape(1000))
    assert 8 * 4000 <= held <= 10 * 4000


def test_a_model_holds_about_what_xla_says():
    model = build_track_model(json.loads(TOY.read_text()))
    params = jax.eval_shape(model.init, jax.random.key(0))
    window = model.encode(np.full((1, model.tile_spec.context_bp), ord("A"), np.uint8))
    analysis = jax.jit(model.apply).lower(params, window).compile().memory_analysis()
    held = analysis.temp_size_in_bytes + analysis.output_size_in_bytes
    assert 0.5 * held < bytes_per_tile(model) < 2 * held
