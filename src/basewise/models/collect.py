"""Scanning a transformer's layers and keeping what is asked for on the way, and nothing else.

Shapes: B sequences, L tokens, S keys, D embedding.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from basewise.models.picks import Head
from basewise.models.stacked import take_block


def collect_layers(
    run_layer: Callable,
    params: dict,
    x: jax.Array,
    n_layers: int,
    *,
    n_keys: int,
    layers: Sequence[int] = (),
    attention: Sequence[Head] = (),
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Run the first ``n_layers``; what is not kept goes to a spare slot, so all are one program.

    Args:
        run_layer: (one layer's parameters, x, head indices) -> x and maps (B, heads, L, S).
        params: the layers' parameters, stacked; or of one that they all are.
        x: float32 (B, L, D).
        layers: 1-based layers whose outputs are kept.
        attention: (1-based layer, 0-based head) of the maps to keep.

    Returns:
        x after the last of them; float32 (layers + 1, B, L, D) and (maps + 1, B, L, S), each with
        its spare slot at the end.
    """
    params = jax.tree.map(jnp.asarray, params)
    batch, length, width = x.shape
    plan, most = _plan(n_layers, layers, attention)
    n_stored = jax.tree.leaves(params)[0].shape[0]
    plan["layer"] = jnp.minimum(plan["layer"], n_stored - 1)
    spare_map = len(attention)

    def step(carry, at):
        x, kept, maps = carry
        layer = take_block(params, at["layer"])
        if most:
            nothing = jnp.zeros((batch, most, length, n_keys), jnp.float32)
            x, given = jax.lax.cond(
                at["map_slots"][0] < spare_map,
                lambda: run_layer(layer, x, at["heads"]),
                lambda: (run_layer(layer, x, ())[0], nothing),
            )
            for number in range(most):
                maps = maps.at[at["map_slots"][number]].set(given[:, number])
        else:
            x, _ = run_layer(layer, x, ())
        if layers:
            kept = kept.at[at["slot"]].set(x)
        return (x, kept, maps), None

    kept = jnp.zeros((len(layers) + 1 if layers else 0, batch, length, width), jnp.float32)
    maps = jnp.zeros((spare_map + 1 if most else 0, batch, length, n_keys), jnp.float32)
    return jax.lax.scan(step, (x, kept, maps), plan)[0]


def _plan(n_layers: int, layers: Sequence[int], attention: Sequence[Head]) -> tuple[dict, int]:
    """Return per layer where its output goes, its heads and where their maps go; most heads."""
    slot = {layer: number for number, layer in enumerate(layers)}
    map_slot = {pick: number for number, pick in enumerate(attention)}
    numbers = range(1, n_layers + 1)
    heads = [[head for layer, head in attention if layer == number] for number in numbers]
    most = max(map(len, heads), default=0)
    map_slots = [
        [map_slot[number, head] for head in row] + [len(attention)] * (most - len(row))
        for number, row in zip(numbers, heads, strict=True)
    ]
    plan = {
        "layer": jnp.arange(n_layers),
        "slot": jnp.array([slot.get(number, len(layers)) for number in numbers], int),
        "heads": jnp.array([row + [0] * (most - len(row)) for row in heads], int),
        "map_slots": jnp.array(map_slots, int),
    }
    return plan, most
