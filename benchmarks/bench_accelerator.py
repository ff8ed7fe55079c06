"""SegmentNT on one accelerator, at its published size with random weights, in windows of 30 kb.

    python benchmarks/bench_accelerator.py [--batches 1 2 4 8] [--seconds 10] [--write]

Three figures of one process: the rate of a bfloat16 product of 8192 x 8192 matrices, which is what
the card can do; basewise in bfloat16 (and float32), a batch at a time; and a plain float32
implementation (whole attention matrices, unrolled layers, a window at a time). ``--quick`` runs a
tiny model wherever JAX runs, to show that the benchmark does; its figures mean nothing.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from machine import describe_machine
from reference.plain_segment_nt import forward

from basewise.models.flops import count_flops
from basewise.models.parameters import flatten
from basewise.models.segment_nt import SegmentNT, SegmentNTConfig
from basewise.models.trunk_config import NucleotideTransformerConfig
from basewise.models.zoo import ZOO

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("jax", "jaxlib", "dm-haiku", "numpy", "basewise")
SIDE = 8192


def rate_of(run: Callable[[], object], seconds: float) -> float:
    """Calls per second, after the first, over at least this long; calls are queued, not awaited."""
    jax.block_until_ready(run())
    calls, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        jax.block_until_ready([run() for _ in range(4)])
        calls += 4
    return calls / elapsed


def measure_matmul(side: int, seconds: float) -> float:
    """FLOP/s of a bfloat16 product of square matrices with float32 accumulation."""
    left, right = (jax.random.normal(jax.random.key(k), (side, side), jnp.bfloat16) for k in (0, 1))
    product = jax.jit(partial(jnp.matmul, preferred_element_type=jnp.bfloat16))
    return 2 * side**3 * rate_of(lambda: product(left, right), seconds)


def windows(model: SegmentNT, n_windows: int, n_tokens: int) -> jax.Array:
    """Random tokens (n_windows, n_tokens) behind a CLS."""
    shape = (n_windows, n_tokens)
    return jax.random.randint(jax.random.key(2), shape, 6, 4102, jnp.int32).at[:, 0].set(3)


def measure(way: str, run: Callable, params, tokens: jax.Array, seconds: float, flops: int) -> dict:
    """One row: compile, then calls per second as windows, bp and FLOP per second."""
    began = time.perf_counter()
    compiled = jax.jit(run).lower(params, tokens).compile()
    compile_s = time.perf_counter() - began
    per_s = rate_of(lambda: compiled(params, tokens), seconds) * len(tokens)
    return {
        "way": way,
        "batch": len(tokens),
        "windows_s": per_s,
        "bp_s": per_s * 6 * (tokens.shape[1] - 1),
        "tflop_s": per_s * flops / 1e12,
        "temporary_gb": compiled.memory_analysis().temp_size_in_bytes / 1e9,
        "compile_s": compile_s,
    }


def measure_models(
    trunk: NucleotideTransformerConfig, n_tokens: int, batches: list[int], seconds: float
) -> list[dict]:
    """Rows of the plain implementation, and of basewise per precision and batch."""
    config = SegmentNTConfig(trunk, ZOO["segment_nt"].features)
    exact = SegmentNT(config)
    params = jax.jit(exact.init)(jax.random.key(0))
    flops = count_flops(exact.probs, params, windows(exact, 1, n_tokens))
    flat = flatten(params)
    plain = partial(forward, layers=trunk.num_layers, heads=trunk.attention_heads)
    rows = []
    with jax.default_matmul_precision("float32"):

        def alone(flat: dict, tokens: jax.Array) -> jax.Array:
            return plain(flat, tokens[0])

        tokens = windows(exact, 1, n_tokens)
        rows.append(measure("plain, float32", alone, flat, tokens, seconds, flops))
        expected = np.asarray(jax.jit(alone)(flat, tokens))
        rows.append(measure("basewise, float32", exact.probs, params, tokens, seconds, flops))
    del flat
    half = SegmentNT(config, jnp.bfloat16)
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    for batch in batches:
        tokens = windows(exact, batch, n_tokens)
        rows.append(measure("basewise, bfloat16", half.probs, params, tokens, seconds, flops))
    found = np.asarray(jax.jit(half.probs)(params, windows(exact, 1, n_tokens)))[0]
    for row in rows:
        row["times_plain"] = row["bp_s"] / rows[0]["bp_s"]
        row["largest_difference"] = float(np.abs(found - expected).max())
    return rows


def as_markdown(rows: list[dict], matmul: float, side: int, machine: dict) -> str:
    """The table, the card and the machine."""
    best = max(row["tflop_s"] for row in rows) * 1e12 / matmul
    lines = [
        "# SegmentNT on an accelerator: 562 M random parameters, windows of 30,000 bp",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        f"A bfloat16 product of {side} x {side} matrices: {matmul / 1e12:,.0f} TFLOP/s. "
        f"The best row reaches {best:.0%} of it.",
        "",
        "| way | windows per call | bp/s | TFLOP/s | share of the product | times plain "
        "| temporary memory, GB | compilation, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['way']} | {row['batch']} | {row['bp_s']:,.0f} | {row['tflop_s']:.1f} "
        f"| {row['tflop_s'] * 1e12 / matmul:.0%} | {row['times_plain']:.2f} "
        f"| {row['temporary_gb']:.2f} | {row['compile_s']:.1f} |"
        for row in rows
    ]
    difference = rows[0]["largest_difference"]
    return "\n".join(
        [*lines, "", f"Largest difference of a probability, bfloat16: {difference:.1e}.", ""]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--quick", action="store_true", help="a tiny model, on any device")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    options = parser.parse_args()
    trunk = NucleotideTransformerConfig(**ZOO["segment_nt"].architecture["trunk"])
    n_tokens, side = 5001, SIDE
    if options.quick:
        trunk = replace(trunk, embed_dim=64, ffn_embed_dim=128, num_layers=2, key_size=4)
        n_tokens, side = 101, 256
    elif jax.default_backend() == "cpu":
        parser.error("JAX sees no accelerator; --quick runs a tiny model on the CPU")
    matmul = measure_matmul(side, options.seconds)
    rows = measure_models(trunk, n_tokens, options.batches, options.seconds)
    machine = {"device": jax.devices()[0].device_kind, **describe_machine(PACKAGES)}
    table = as_markdown(rows, matmul, side, machine)
    print(table)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "bench_accelerator.md").write_text(table, encoding="utf-8")
        record = {"machine": machine, "matmul_flop_s": matmul, "trunk": asdict(trunk), "rows": rows}
        (RESULTS / "bench_accelerator.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
