"""What the way a model is built costs: layers scanned or unrolled, blocked attention, bfloat16.

    python benchmarks/bench_models.py [--rounds 5] [--write]

Compilation and memory are XLA's own figures for SegmentNT at its published size (29 layers x 1024,
5,001 tokens), compiled from shapes alone; no parameter exists. Speed and the error of bfloat16 are
measured on 12 layers x 512.
"""

import argparse
import json
import statistics
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from machine import describe_machine
from reference.plain_segment_nt import forward

from basewise.models.parameters import flatten
from basewise.models.segment_nt import SegmentNT, SegmentNTConfig
from basewise.models.trunk_config import NucleotideTransformerConfig
from basewise.models.zoo import ZOO

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("jax", "dm-haiku", "numpy", "basewise")
WAYS = {
    "scanned": "basewise, layers scanned",
    "unrolled": "basewise, layers unrolled",
    "plain": "plain JAX, reference style, unrolled",
}
FEATURES = tuple(f"f{number}" for number in range(14))
PUBLISHED = NucleotideTransformerConfig(**ZOO["segment_nt"].architecture["trunk"])
SMALL = replace(PUBLISHED, embed_dim=512, ffn_embed_dim=2048, num_layers=12, key_size=32)


def segment(config: NucleotideTransformerConfig, dtype=jnp.float32) -> SegmentNT:
    """A SegmentNT of 14 features on this trunk."""
    return SegmentNT(SegmentNTConfig(config, FEATURES), dtype)


@contextmanager
def unrolled_layers():
    """Models built in here copy the block into the program once per layer."""
    scanned = jax.lax.scan
    jax.lax.scan = partial(scanned, unroll=True)
    try:
        yield
    finally:
        jax.lax.scan = scanned


def compile_timed(function, *shapes):
    """Seconds to trace and compile, and the compiled program."""
    began = time.perf_counter()
    compiled = jax.jit(lambda *inputs: function(*inputs)).lower(*shapes).compile()
    return time.perf_counter() - began, compiled


def shapes_of(model: SegmentNT, n_tokens: int):
    """Shapes of a model's parameters and of one sequence's tokens."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    return params, jax.ShapeDtypeStruct((1, n_tokens), jnp.int32)


def plain_of(config: NucleotideTransformerConfig, params):
    """The plain implementation, from flat parameters and the tokens of one sequence."""
    layers, heads = config.num_layers, config.attention_heads

    def apply(flat, tokens):
        return forward(flat, tokens[0], layers=layers, heads=heads)

    return apply, flatten(params)


def measure_compilation(n_layers: int, n_tokens: int) -> list[dict]:
    """Seconds and temporary memory of one, and of all layers: scanned, unrolled, plain."""
    rows = []
    for depth in (1, n_layers):
        model = segment(replace(PUBLISHED, num_layers=depth))
        params, tokens = shapes_of(model, n_tokens)
        plain, flat = plain_of(model.config.trunk, params)
        ways = {"scanned": (model.probs, params), "unrolled": (model.probs, params)}
        for way, (function, values) in {**ways, "plain": (plain, flat)}.items():
            with unrolled_layers() if way == "unrolled" else nullcontext():
                seconds, compiled = compile_timed(function, values, tokens)
            temporary = compiled.memory_analysis().temp_size_in_bytes / 1e6
            rows.append(
                {"way": way, "layers": depth, "compile_s": seconds, "temporary_mb": temporary}
            )
    return rows


def measure_speed(n_tokens: int, rounds: int) -> list[dict]:
    """Median seconds of one sequence through 12 layers x 512, and their ratio to unrolled."""
    model = segment(SMALL)
    params = model.init(jax.random.key(0))
    tokens = jax.random.randint(jax.random.key(1), (1, n_tokens), 6, 4102).at[:, 0].set(3)
    plain, flat = plain_of(SMALL, params)
    runs = {"scanned": partial(compile_timed(model.probs, params, tokens)[1], params)}
    with unrolled_layers():
        runs["unrolled"] = partial(compile_timed(model.probs, params, tokens)[1], params)
    runs["plain"] = partial(compile_timed(plain, flat, tokens)[1], flat)
    taken: dict[str, list[float]] = {way: [] for way in runs}
    for _ in range(rounds):
        for way, run in runs.items():
            began = time.perf_counter()
            jax.block_until_ready(run(tokens))
            taken[way].append(time.perf_counter() - began)
    seconds = {way: statistics.median(times) for way, times in taken.items()}
    return [
        {"way": way, "seconds": value, "times_unrolled": seconds["unrolled"] / value}
        for way, value in seconds.items()
    ]


def measure_bfloat16(n_tokens: int) -> dict:
    """What bfloat16 changes on random parameters: 12 layers x 512."""
    exact, half = segment(SMALL), segment(SMALL, jnp.bfloat16)
    params = exact.init(jax.random.key(0))
    tokens = jax.random.randint(jax.random.key(1), (1, n_tokens), 6, 4102).at[:, 0].set(3)
    logits, rough = (np.asarray(jax.jit(model.logits)(params, tokens)) for model in (exact, half))
    return {
        "tokens": n_tokens,
        "relative_rms": float(np.sqrt(((rough - logits) ** 2).mean() / (logits**2).mean())),
        "same_argmax": float((rough.argmax(-1) == logits.argmax(-1)).mean()),
    }


def as_markdown(
    compilations: list[dict], speeds: list[dict], half: dict, n_tokens: int, machine: dict
) -> str:
    """The tables, and the machine in one line."""
    lines = [
        "# What the way a model is built costs",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        f"SegmentNT at its published width (1024, {n_tokens:,} tokens), compiled from shapes:",
        "",
        "| layers | way | tracing and compilation, s | temporary memory, MB |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['layers']} | {WAYS[row['way']]} | {row['compile_s']:.2f} "
        f"| {row['temporary_mb']:,.0f} |"
        for row in compilations
    ]
    lines += [
        "",
        f"12 layers x 512, {half['tokens']:,} tokens, one sequence:",
        "",
        "| way | s | times unrolled |",
        "|---|---|---|",
    ]
    lines += [
        f"| {WAYS[row['way']]} | {row['seconds']:.2f} | {row['times_unrolled']:.2f} |"
        for row in speeds
    ]
    lines += [
        "",
        f"bfloat16 against float32, the same model with random parameters: relative RMS of the "
        f"logits {half['relative_rms']:.4f}, same class at {half['same_argmax']:.2%} of the "
        "outputs. tests/models/test_goldens.py holds it on the reference cases.",
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=PUBLISHED.num_layers)
    parser.add_argument("--tokens", type=int, default=5001, help="of what is only compiled")
    parser.add_argument("--run-tokens", type=int, default=2001, help="of what is run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    options = parser.parse_args()
    machine = describe_machine(PACKAGES)
    compilations = measure_compilation(options.layers, options.tokens)
    speeds = measure_speed(options.run_tokens, options.rounds)
    half = measure_bfloat16(options.run_tokens)
    table = as_markdown(compilations, speeds, half, options.tokens, machine)
    print(table)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "bench_models.md").write_text(table, encoding="utf-8")
        record = {"machine": machine, "compilation": compilations, "speed": speeds, "half": half}
        (RESULTS / "bench_models.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
