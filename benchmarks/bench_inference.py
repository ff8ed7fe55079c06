"""Inference on CPU against a plain implementation of the same model, in the same run.

    python benchmarks/bench_inference.py [--tiles 3] [--rounds 3] [--write]

The model is a SegmentNT of 12 layers x 512 with 16 heads and random parameters, reading 30,000 bp
(5,001 tokens). Each way runs in a process of its own, turn by turn; times leave out compilation,
peak memory is the whole process's. Both answers are compared. Tokenizers are timed alone too, and
so are many short sequences in one call of the toy model against a call each.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import describe_machine, peak_mb

CONTEXT = 30_000
LAYERS, HEADS = 12, 16
SHORT_BP, SHORT = 600, 400  # bp and number of short sequences
TOY = Path(__file__).resolve().parents[1] / "resources/toy/segment_nt_toy"
RESULTS = Path(__file__).parent / "results"
WAYS = {"plain": "plain JAX, reference style", "basewise": "basewise"}
PACKAGES = ("jax", "dm-haiku", "numpy", "numba", "basewise")
FEATURES = [f"f{number}" for number in range(14)]


def describe() -> dict:
    """The config.json of the model."""
    from basewise.models.describe import describe_segment_nt
    from basewise.tiling import TileSpec

    return describe_segment_nt(
        "bench",
        FEATURES,
        {"embed_dim": 512, "attention_heads": HEADS, "ffn_embed_dim": 2048, "num_layers": LAYERS},
        TileSpec(CONTEXT, halo_bp=0, length_multiple_bp=24),
        species=[],
        source="random",
        licence="MIT",
    )


def make_windows(n_tiles: int) -> np.ndarray:
    """Random bases uint8 (n_tiles, CONTEXT)."""
    letters = np.frombuffer(b"ACGT", np.uint8)
    return np.random.default_rng(0).choice(letters, (n_tiles, CONTEXT))


def prepare(checkpoint: Path) -> None:
    """A checkpoint with random parameters."""
    import jax

    from basewise.checkpoints.store import save_checkpoint
    from basewise.models.families import build_track_model

    config = describe()
    save_checkpoint(checkpoint, config, build_track_model(config).init(jax.random.key(0)))


def run_plain(checkpoint: Path, windows: np.ndarray):
    """A function that annotates window i with the plain implementation."""
    import jax
    from reference.plain_segment_nt import forward, tokenize

    from basewise.checkpoints.store import read_arrays

    params = jax.device_put(read_arrays(checkpoint / "params.safetensors"))
    apply = jax.jit(lambda params, ids: forward(params, ids, layers=LAYERS, heads=HEADS))
    return lambda i: np.asarray(apply(params, np.array(tokenize(windows[i].tobytes().decode()))))


def run_basewise(checkpoint: Path, windows: np.ndarray):
    """A function that annotates window i with basewise."""
    import basewise

    annotator = basewise.load(checkpoint, platform="cpu", batch_size=1)
    return lambda i: annotator.predict(windows[i].tobytes().decode())[0]


def work(way: str, checkpoint: Path, n_tiles: int, output: Path) -> None:
    """One measured run, in this process; prints its numbers as JSON."""
    windows = make_windows(n_tiles)
    run = {"plain": run_plain, "basewise": run_basewise}[way](checkpoint, windows)
    began = time.perf_counter()
    first = run(0)
    compiled = time.perf_counter() - began
    wall, cpu = time.perf_counter(), time.process_time()
    for i in range(n_tiles):
        run(i)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    np.save(output, first)
    print(json.dumps({"first_s": compiled, "wall": wall, "cpu": cpu, "rss_mb": peak_mb()}))


def measure_models(n_tiles: int, rounds: int) -> list[dict]:
    """Medians over the rounds, a row per way."""
    runs: dict[str, list[dict]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        checkpoint = Path(name) / "checkpoint"
        prepare(checkpoint)
        for _ in range(rounds):
            for way in WAYS:
                command = [sys.executable, __file__, "--work", way, name, str(n_tiles)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[way].append(json.loads(done.stdout))
        answers = [np.load(Path(name) / f"{way}.npy") for way in WAYS]
        difference = float(np.abs(answers[0] - answers[1]).max())
    assert difference < 1e-3, difference
    rows = []
    for way, taken in runs.items():
        median = {key: statistics.median(run[key] for run in taken) for key in taken[0]}
        rows.append({"way": way, "tiles": n_tiles, "largest_difference": difference, **median})
    base = rows[0]
    for row in rows:
        row["tiles_s"] = n_tiles / row["wall"]
        row["bp_s"] = n_tiles * CONTEXT / row["wall"]
        row["times_wall"] = base["wall"] / row["wall"]
        row["times_cpu"] = base["cpu"] / row["cpu"]
        row["share_of_memory"] = row["rss_mb"] / base["rss_mb"]
    return rows


def measure_tokenizers(rounds: int) -> list[dict]:
    """Median bp/s of both tokenizers over 100 windows."""
    from reference.plain_segment_nt import tokenize

    from basewise.tokenizers import TOKENIZERS

    windows = make_windows(100)
    texts = [window.tobytes().decode() for window in windows]
    ours = TOKENIZERS["v2_6mer"]
    assert ours.tokenize_batch(windows)[0].tolist() == tokenize(texts[0])
    ways = {
        "Python list": lambda: [np.array(tokenize(text), np.int32) for text in texts],
        "basewise, windows": lambda: ours.tokenize_batch(windows),
        "basewise, any sequence": lambda: [ours.tokenize(window) for window in windows],
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(max(rounds, 3)):
        for way, tokenize_all in ways.items():
            began = time.perf_counter()
            tokenize_all()
            taken[way].append(time.perf_counter() - began)
    rates = {way: windows.size / statistics.median(times) for way, times in taken.items()}
    base = rates["Python list"]
    return [{"way": way, "bp_s": rate, "times": rate / base} for way, rate in rates.items()]


def measure_short(rounds: int) -> list[dict]:
    """Median sequences/s of many short sequences, a call each and in one call; answers alike."""
    import basewise

    annotator = basewise.load(TOY, platform="cpu")
    letters = np.frombuffer(b"ACGT", np.uint8)
    bases = np.random.default_rng(1).choice(letters, (SHORT, SHORT_BP))
    texts = [row.tobytes().decode() for row in bases]
    ways = {
        "a call each": lambda: np.concatenate([annotator.predict(text) for text in texts]),
        "one call": lambda: annotator.predict(texts),
    }
    answers = [run() for run in ways.values()]
    assert np.array_equal(*answers, equal_nan=True)
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(max(rounds, 3)):
        for way, run in ways.items():
            began = time.perf_counter()
            run()
            taken[way].append(time.perf_counter() - began)
    rates = {way: SHORT / statistics.median(times) for way, times in taken.items()}
    base = rates["a call each"]
    return [{"way": way, "per_s": rate, "times": rate / base} for way, rate in rates.items()]


def as_markdown(
    models: list[dict], tokenizers: list[dict], short: list[dict], machine: dict
) -> str:
    """The tables, and the machine in one line."""
    lines = [
        f"# Inference on CPU: SegmentNT, {LAYERS} layers x 512, {HEADS} heads, {CONTEXT:,} bp",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        "| way | tiles/s | bp/s | times plain | times plain, CPU | peak memory, MB "
        "| share of plain | first call with compilation, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {WAYS[row['way']]} | {row['tiles_s']:.3f} | {row['bp_s']:,.0f} "
        f"| {row['times_wall']:.2f} | {row['times_cpu']:.2f} | {row['rss_mb']:,.0f} "
        f"| {row['share_of_memory']:.2f} | {row['first_s']:.1f} |"
        for row in models
    ]
    lines += [
        "",
        f"Largest difference of a probability: {models[0]['largest_difference']:.1e}.",
        "",
        "| tokenizer | Mbp/s | times Python list |",
        "|---|---|---|",
    ]
    lines += [
        f"| {row['way']} | {row['bp_s'] / 1e6:,.0f} | {row['times']:.0f} |" for row in tokenizers
    ]
    lines += [
        "",
        f"{SHORT} sequences of {SHORT_BP} bp, toy model. On a GPU or TPU a call each also fills",
        "its batch up with rows that do not count, which a CPU skips.",
        "",
        "| short sequences | per s | times a call each |",
        "|---|---|---|",
        *(f"| {row['way']} | {row['per_s']:,.0f} | {row['times']:.2f} |" for row in short),
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        way, folder, n_tiles = options.work
        return work(way, Path(folder) / "checkpoint", int(n_tiles), Path(folder) / f"{way}.npy")
    machine = describe_machine(PACKAGES)
    tokenizers = measure_tokenizers(options.rounds)
    models = measure_models(options.tiles, options.rounds)
    short = measure_short(options.rounds)
    table = as_markdown(models, tokenizers, short, machine)
    print(table)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "bench_inference.md").write_text(table, encoding="utf-8")
        record = {"machine": machine, "models": models, "tokenizers": tokenizers, "short": short}
        (RESULTS / "bench_inference.json").write_text(json.dumps(record, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
