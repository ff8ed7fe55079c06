"""Binding of 252 yeast factors, learned from nothing: how well, beside what needs no model.

    python benchmarks/binding_yeast.py [--write] [--again]

Needs the yeast genome, peaks, genes and proteins that benchmarks/yeast_binding/config names. Runs
the chapters peaks and binding of the workflow: windows of ChIP-exo peaks (Rossi et al. 2021,
10.1038/s41586-021-03314-8), proteins encoded without weights, a small trunk trained from scratch
on chroms I to XIII without ten targets; then judges it on chroms XV and XVI, on the ten targets,
and on both; and draws the tracks of four learned and four unseen targets across the genome. A run
that was stopped goes on; --again starts from nothing.
"""

import argparse
import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import yaml
from machine import describe_machine

FOLDER = Path(__file__).parent
YEAST = FOLDER / "yeast_binding"
RESULTS = YEAST / "results" / "R64-1-1" / "binding"
TRACKS = YEAST / "results" / "R64-1-1" / "factors"
BIN = FOLDER.parent / ".venv" / "bin"
PACKAGES = ("jax", "dm-haiku", "optax", "numpy", "pandas", "snakemake", "basewise")
SPLITS = {
    "test_chrom": "Seen targets on unseen chroms (XV, XVI)",
    "test_target": "Unseen targets on the chroms of training",
    "test_target_chrom": "Unseen targets on unseen chroms",
}
VALIDATED = {
    "valid": "known targets on XIV",
    "valid_target": "targets that neither train nor test",
}
SHOWN = 15
SHARP = 0.75  # AUPRC of a motif on training windows, from which on its factor binds by sequence
NOTES = """What was tried on the way to this configuration, measured once and by hand, is in
[benchmarks/yeast_binding/README.md](../yeast_binding/README.md)."""


def run_workflow(*, is_again: bool) -> None:
    """Run what is not there yet, or all of it."""
    if is_again:
        for made in ("results", "resources", "logs", "benchmarks"):
            shutil.rmtree(YEAST / made, ignore_errors=True)
    command = [BIN / "snakemake", "--cores", "2", "--directory", YEAST]
    subprocess.run([*command, "--resources", "mem_mb=20000"], check=True, cwd=FOLDER.parent)


def as_table(frame: pd.DataFrame, digits: str = ".3f") -> str:
    return frame.to_markdown(index=False, floatfmt=digits, intfmt=",")


def describe_training() -> list[str]:
    """How long it took and what the validations said."""
    rows = pd.DataFrame(
        [json.loads(line) for line in (RESULTS / "model/metrics.jsonl").read_text().splitlines()]
    )
    config = json.loads((RESULTS / "model/config.json").read_text())
    job = pd.read_csv(YEAST / "benchmarks/train_binding/R64-1-1.tsv", sep="\t", na_values="-").iloc[
        0
    ]
    split = next(name for name in config["data"]["windows"] if name != "train")
    shown = rows.iloc[:: max(1, len(rows) // 8)]
    columns = ["step", "minutes", "samples_per_s", "loss", "valid_auprc", "valid_auroc"]
    shown = shown.astype({"step": str})
    last = rows.iloc[-1]
    return [
        f"Training: {last['samples_seen']:,.0f} windows in {last['minutes']:.0f} min "
        f"({job['cpu_time'] / 60:.0f} min of CPU); the best step by validation on "
        f"{VALIDATED[split]}, {config['metrics']['step']:,}, is kept.",
        "",
        as_table(shown[columns]),
        "",
    ]


def describe_split(split: str, title: str) -> list[str]:
    """The predictors on one split; of unseen targets each one."""
    summary = pd.read_csv(RESULTS / "evaluation/summary.tsv", sep="\t")
    targets = pd.read_csv(RESULTS / "evaluation/targets.tsv", sep="\t")
    motifs = pd.read_csv(RESULTS / "evaluation/motifs.tsv", sep="\t").set_index("target")
    own = targets[targets["split"] == split]
    lines = [
        f"{title}:",
        "",
        as_table(summary[summary["split"] == split].drop(columns="split")),
        "",
    ]
    auprc = [name for name in own if name.startswith("auprc_")]
    if split == "test_chrom":
        counted = own[own["n_positive"] >= 10]
        lead = (counted["auprc_model"] - counted["auprc_motif"]).sort_values()
        sharp = counted[counted["target"].map(motifs["train_auprc"]) >= SHARP]
        lines += [
            f"On the {len(sharp)} of these whose motif alone reaches {SHARP} on its training "
            f"windows, the mean AUPRC is {sharp['auprc_model'].mean():.3f} for the model and "
            f"{sharp['auprc_motif'].mean():.3f} for the motif; the model leads on "
            f"{(sharp['auprc_model'] > sharp['auprc_motif']).sum()}.",
            "",
            f"AUPRC of the {SHOWN} targets on which the model leads the motif by most:",
            "",
            as_table(own.loc[lead.index[::-1][:SHOWN], ["target", "n_positive", *auprc]]),
            "",
            f"and of the {SHOWN} on which it trails by most:",
            "",
            as_table(own.loc[lead.index[:SHOWN], ["target", "n_positive", *auprc]]),
            "",
        ]
    else:
        borrowed = motifs["motif_of"]
        table = own[["target", "n", "n_positive", *auprc]]
        lines += [as_table(table.assign(motif_of=table["target"].map(borrowed))), ""]
    return lines


def describe_tracks() -> list[str]:
    """What the tracks say of peaks, bin by bin, and how long they took."""
    table = pd.read_csv(TRACKS / "evaluation/binding.tsv", sep="\t")
    shards = [
        pd.read_csv(path, sep="\t", na_values="-").iloc[0]
        for path in sorted((YEAST / "benchmarks/predict_shard/R64-1-1/factors").glob("*.tsv"))
    ]
    seconds = sum(float(shard["cpu_time"]) for shard in shards)
    counts = {
        path.name.removesuffix(".narrowPeak.gz"): gzip.decompress(path.read_bytes()).count(b"\n")
        for path in (TRACKS / "peaks").glob("*.narrowPeak.gz")
    }
    wanted = ["track", "target_split", "split", "n_positive", "prevalence", "auprc", "auroc"]
    shown = table[wanted].assign(called=table["track"].map(counts))
    return [
        "## Tracks across the genome",
        "",
        f"Every 32 bp of all chroms for eight targets at once, {seconds:.0f} s of CPU; held "
        "against peaks in bins of 200 bp every 50 bp, by the split of the chroms (test: XV and "
        "XVI; valid: XIV). target_split says whether the target was learned, called how many "
        "peaks were called in the whole genome, where the track is 0.5 or more. The figure is "
        "binding_yeast_tracks.png.",
        "",
        as_table(shown),
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the tables and the figure")
    parser.add_argument("--again", action="store_true", help="start from nothing")
    options = parser.parse_args()
    machine = describe_machine(PACKAGES)
    run_workflow(is_again=options.again)
    config = yaml.safe_load((YEAST / "config/config.yaml").read_text())
    held = ", ".join(config["peaks"]["splits"]["test_targets"])
    chosen_by = ", ".join(config["peaks"]["splits"].get("valid_targets", ["none"]))
    text = [
        "# Binding of S. cerevisiae's factors, beside baselines",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        "Command: `python benchmarks/binding_yeast.py --write`; configuration: "
        "benchmarks/yeast_binding/. The figure is binding_yeast.png, all targets are in "
        "binding_yeast_targets.tsv, motifs in binding_yeast_motifs.tsv.",
        "",
        f"Held-out targets: {held}. Targets to choose a model by: {chosen_by}.",
        "",
        *describe_training(),
        "auprc and auroc are means over targets with at least 10 bound windows, `better` the share "
        "of targets on which the model beats that predictor, prevalence what guessing has. `motif` "
        "is a weight matrix learned from the training peaks of the target, for unseen targets that "
        "of the training target with the most alike protein. `mean_observed` is the share of "
        "training targets with a peak in the window: it looks at experiments on the very chroms "
        "that are tested. `mean_predicted` is the model's mean for training targets.",
        "",
        *[line for split, title in SPLITS.items() for line in describe_split(split, title)],
        *describe_tracks(),
        NOTES,
    ]
    print("\n".join(text))
    if options.write:
        results = FOLDER / "results"
        (results / "binding_yeast.md").write_text("\n".join(text))
        for name in ("summary", "targets", "motifs", "curves"):
            shutil.copyfile(
                RESULTS / f"evaluation/{name}.tsv", results / f"binding_yeast_{name}.tsv"
            )
        shutil.copyfile(RESULTS / "evaluation/curves.png", results / "binding_yeast.png")
        shutil.copyfile(RESULTS / "model/metrics.jsonl", results / "binding_yeast_training.jsonl")
        for name in ("binding.tsv", "binding.png"):
            copy = f"binding_yeast_tracks{Path(name).suffix}"
            shutil.copyfile(TRACKS / "evaluation" / name, results / copy)


if __name__ == "__main__":
    main()
