"""What looking into a language model costs: layers run, memory held, size of the program."""

import math

import jax
import jax.numpy as jnp
import pytest
from jax.extend import core

from basewise.errors import BasewiseError
from basewise.models.collect import collect_layers
from basewise.models.families import FAMILIES
from basewise.models.language_model import build_language_model
from basewise.models.zoo import ZOO

LENGTH = 4096  # tokens: an L x L matrix of one head is 64 MiB
HEADS = 8


def small(**changes):
    trunk = {
        "alphabet_size": 75,
        "embed_dim": 16,
        "attention_heads": HEADS,
        "ffn_embed_dim": 16,
        "num_layers": 12,
        "max_positions": LENGTH,
        "positional_embedding": None,
        "use_rotary_embedding": True,
    }
    return build_language_model({"tokenizer": "v2_3mer", "trunk": trunk | changes})


def equations(program: core.Jaxpr):
    """Every equation of a program, those of its loops and branches included."""
    for equation in program.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else [value]:
                if isinstance(inner, core.ClosedJaxpr):
                    inner = inner.jaxpr
                if isinstance(inner, core.Jaxpr):
                    yield from equations(inner)


def trace(model, **picks) -> list:
    return list(equations(trace_program(model, **picks)))


def trace_program(model, **picks) -> core.Jaxpr:
    params = jax.eval_shape(model.init, jax.random.key(0))
    tokens = jax.ShapeDtypeStruct((1, LENGTH), jnp.int32)

    def look(params, tokens):
        return model.inspect(params, tokens, is_padded=False, **picks)

    return jax.make_jaxpr(look)(params, tokens).jaxpr


def largest(program) -> int:
    return max(math.prod(out.aval.shape) for eq in program for out in eq.outvars)


def layers_run(model, **picks) -> int:
    """The length of the one loop that is not inside another."""
    program = trace_program(model, **picks)
    return next(eq.params["length"] for eq in program.eqns if eq.primitive.name == "scan")


def test_layers_beyond_the_last_one_asked_for_are_not_run():
    model = small()
    assert layers_run(model, layers=(2, 5), logits=False) == 5
    assert layers_run(model, layers=(2,), attention=((7, 0),), logits=False) == 7
    assert layers_run(model, layers=(2,), logits=True) == 12


def test_the_program_does_not_grow_with_depth():
    picks = {"layers": (2, 5), "attention": ((1, 3), (4, 0)), "logits": True}
    assert len(trace(small(), **picks)) == len(trace(small(num_layers=40), **picks))


def test_no_vocabulary_head_is_computed_unasked():
    model = small()
    shape = (1, LENGTH, 75)
    for logits in (False, True):
        program = trace(model, layers=(12,), logits=logits)
        shapes = [out.aval.shape for eq in program for out in eq.outvars]
        assert (shape in shapes) == logits


def test_only_chosen_heads_have_maps_in_memory():
    model, square = small(), LENGTH**2
    assert largest(trace(model, layers=(1, 12), logits=False)) < square
    picked = trace(model, attention=((3, 2), (9, 7)), logits=False)
    assert largest(picked) == 3 * square, "two maps and a spare place"
    assert largest(picked) < HEADS * square


def test_collecting_equals_running_one_layer_after_another():
    params = {"add": {"b": jnp.arange(1.0, 6.0)[:, None]}}

    def run_layer(layer, x, heads):
        grown = x + layer["add"]["b"]
        heads = jnp.asarray(heads, int)
        maps = jnp.einsum("h,bld->bhl", heads + 10.0 * grown.mean(), grown * 0 + 1)[..., None]
        return grown, jnp.broadcast_to(maps, (*maps.shape[:3], 3))

    x = jnp.zeros((2, 3, 4))
    after, kept, maps = collect_layers(
        run_layer, params, x, 4, n_keys=3, layers=(3, 1), attention=((2, 1), (4, 0), (2, 5))
    )
    assert float(after[0, 0, 0]) == 1 + 2 + 3 + 4
    assert kept[:2, 0, 0, 0].tolist() == [6, 1]
    expected = [4 * (1 + 10 * 3), 4 * 10 * 10, 4 * (5 + 10 * 3)]
    assert maps[:3, 0, 0, 0].tolist() == pytest.approx(expected)


def test_published_language_models_read_what_they_were_trained_on():
    contexts = {}
    for name, published in ZOO.items():
        if FAMILIES[published.family].build_language_model is not None:
            model = build_language_model(published.to_config()["architecture"])
            contexts[name] = (model.context_tokens, model.max_tokens)
    assert contexts["500M_human_ref"] == (1000, 1000)
    assert contexts["1B_agro_nt"] == (1024, 1024)
    assert contexts["50M_multi_species_v2"] == (2048, None)
    assert contexts["codon_nt"] == (2048, None)
    assert contexts["segment_nt"] == (5001, None)


def test_a_missing_head_is_told():
    with pytest.raises(BasewiseError, match="no vocabulary head"):
        trace(small(lm_head=False), logits=True)
