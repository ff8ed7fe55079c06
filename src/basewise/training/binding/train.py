"""`basewise train binding`: settings in, a checkpoint out."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import pandas as pd

from basewise.checkpoints.store import save_checkpoint
from basewise.errors import BasewiseError
from basewise.genome import Genome
from basewise.models.binding.model import FAMILY, build_binding_model
from basewise.models.binding.trunks import build_dna_trunk
from basewise.peaks.categories import join_tables, list_names
from basewise.training.binding.checkpoint import note_encoders, start_from, start_trunk
from basewise.training.binding.data import (
    list_pairs,
    open_pairs,
    read_rules,
    read_width,
    read_window_drops,
    read_windows,
)
from basewise.training.binding.examples import WindowExamples
from basewise.training.binding.folds import make_folds, write_folds
from basewise.training.binding.pairs import PairTable
from basewise.training.binding.score import Scorer
from basewise.training.binding.settings import BindingTraining
from basewise.training.binding.signals import SignalExamples
from basewise.training.binding.start import ease_latents, start_near
from basewise.training.binding.task import BindingTask, choose_windows, judge_windows
from basewise.training.fit import Fitted, Hook, fit
from basewise.training.state import BEST_NAME, STATE_NAME

log = logging.getLogger(__name__)

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
FOLDS_NAME = "folds.tsv"


def train_binding(
    settings: Mapping,
    checkpoint: str | os.PathLike,
    *,
    hook: Hook | None = None,
    on_other_state: str = "refuse",
) -> None:
    """Train as the settings say, or go on where a killed run stood; write the checkpoint.

    metrics.jsonl, a row per validation, is written beside it as training goes. With ``folds`` the
    checkpoints are in fold_1, fold_2, … of the directory, and folds.tsv has a row of each; with
    ``fold`` the directory is the checkpoint of that one alone.

    Args:
        settings: the fields of BindingTraining.
        hook: called with the step and the row of each report, as
            ``lambda step, row: wandb.log(row, step=step)``.
        on_other_state: what happens to the state that a run with other settings left there:
            "refuse" or "restart".

    Raises:
        BasewiseError: an unknown or missing key, a target without a protein, a pair that is not
            among the embeddings, an empty split, an adapter and a trunk that do not match, a loss
            that is not finite.
    """
    plan = BindingTraining.read(settings)
    checkpoint = Path(checkpoint)
    if plan.signals is not None:
        _train_one(plan, checkpoint, *_prepare_signals(plan), hook, on_other_state)
        return
    extent = plan.sampling_settings.pairing == "batch"
    train = read_windows(plan.windows, "train", extent=extent)
    valid = read_windows(plan.windows, plan.valid_split, extent=extent and plan.folds is not None)
    if plan.folds is None:
        prepared = _prepare_windows(plan, train, valid)
        _train_one(plan, checkpoint, *prepared, hook, on_other_state)
        return
    both = join_tables([train, valid])
    del train, valid
    folds = make_folds(both, plan.folds)
    if plan.fold is None:
        made = {number: checkpoint / f"fold_{number}" for number in range(1, plan.folds + 1)}
    else:
        made = {plan.fold: checkpoint}
    for number, folder in made.items():
        is_valid = both["chrom"].isin(folds[number - 1]).to_numpy()
        own = replace(plan, name=f"{plan.name}_fold_{number}", folds=None, fold=None)
        prepared = _prepare_windows(own, both[~is_valid], both[is_valid])
        _train_one(own, folder, *prepared, hook, on_other_state)
    if plan.fold is None:
        write_folds(list(made.values()), checkpoint / FOLDS_NAME)


def _prepare_windows(plan: BindingTraining, train: pd.DataFrame, valid: pd.DataFrame):
    """What is made of windows: pairs, model description, and how to make task and summary."""
    width = read_width({"train": train, plan.valid_split: valid})
    genome = Genome(plan.genome)
    pairs = _open_pairs(plan, list_pairs(train, valid))

    def make(model, settings):
        examples = WindowExamples(
            train,
            pairs,
            model.trunk,
            genome,
            dropped=read_window_drops(plan.windows),
            sampling=plan.sampling_settings,
            batch_size=settings.batch_size,
            accumulate=settings.accumulate,
            seed=settings.seed,
        )
        chosen = choose_windows(valid, plan.valid_windows, settings.seed)
        scorer = Scorer(model, pairs, genome)
        return examples, judge_windows(scorer, chosen), "auprc"

    data = {
        "windows": {"train": len(train), plan.valid_split: len(valid)},
        "chroms": {
            "train": list_names(train["chrom"]),
            plan.valid_split: list_names(valid["chrom"]),
        },
        "targets": list_names(train["target"]),
        "biotypes": list_names(train["biotype"]),
        "made": read_rules(plan.windows),
    }
    return width, pairs, make, data


def _prepare_signals(plan: BindingTraining):
    """The same of bins of bigWigs."""
    genome = Genome(plan.genome)
    source = SignalExamples.open(plan.signal_data, genome)
    pairs = _open_pairs(plan, source.all_pairs)

    def make(model, settings):
        examples = source.of(
            model.trunk,
            pairs,
            sampling=plan.sampling_settings,
            batch_size=settings.batch_size,
            accumulate=settings.accumulate,
            seed=settings.seed,
        )
        return examples, examples.judge(model, plan.valid_windows), "pearson"

    return source.width_bp, pairs, make, source.summary


def _open_pairs(plan: BindingTraining, pairs) -> PairTable:
    return open_pairs(
        pairs,
        plan.proteins,
        plan.contexts,
        residue_stride=plan.residue_stride,
        max_residues=plan.max_residues,
    )


def _train_one(
    plan: BindingTraining,
    checkpoint: Path,
    width_bp: int,
    pairs: PairTable,
    make,
    data: dict,
    hook: Hook | None,
    on_other_state: str,
) -> Fitted:
    settings = plan.fit_settings
    architecture, trunk_params = describe_architecture(plan, pairs)
    model = build_binding_model(architecture, DTYPES[settings.precision])
    model.trunk.n_bins(width_bp)  # refuses a width that it cannot read
    start, started_from = ease_latents, None
    if plan.initial is not None:
        initial = start_from(plan.initial, architecture)
        start, started_from = (lambda _: initial), str(plan.initial)
    elif trunk_params is not None:
        start = lambda params: ease_latents(params) | trunk_params  # noqa: E731
        started_from = str(plan.trunk["checkpoint"])
    encoders = note_encoders(plan.encoders, plan.contexts, plan.proteins)
    examples, judge, monitor = make(model, settings)
    prevalence = examples.prevalence if plan.is_binary and plan.initial is None else None
    if prevalence is not None:
        start = start_near(start, prevalence, is_squared=model.config.target_mse_loss)
    task = BindingTask(
        model,
        examples,
        judge,
        monitor,
        plan.trunk_mode,
        plan.n_last,
        start,
        json.dumps(
            [architecture, started_from, data, plan.valid_split, plan.valid_windows],
            sort_keys=True,
        ),
    )
    fitted = fit(task, settings, checkpoint, hook=hook, on_other_state=on_other_state)
    config = {
        "name": plan.name,
        "family": FAMILY,
        "revision": "1",
        "source": "basewise train binding",
        "licence": plan.licence,
        "species": [plan.species],
        "architecture": architecture,
        "tile_spec": None,
        "tracks": [],
        "window_bp": width_bp,
        "encoders": encoders,
        "residues": {"residue_stride": plan.residue_stride, "max_residues": plan.max_residues},
        "training": {
            "settings": dict(plan.training),
            "sampling": dict(plan.sampling),
            "trunk_mode": plan.trunk_mode,
            "started_from": started_from,
            "pairs": pairs.fingerprint,
            "residue_phases": "drawn",  # per protein and step; before, always the middle
        },
        "data": data,
        "metrics": _best_row(fitted),
    }
    save_checkpoint(checkpoint, config, fitted.params, param_dtype=plan.param_dtype)
    for name in (STATE_NAME, BEST_NAME):
        (checkpoint / name).unlink(missing_ok=True)
    log.info("checkpoint %s: best at step %d", checkpoint, fitted.best_step)
    return fitted


def describe_architecture(plan: BindingTraining, pairs: PairTable) -> tuple[dict, dict | None]:
    """Return the ``architecture`` of the config.json to be, and a trained trunk's parameters.

    Raises:
        BasewiseError: a trunk both trained and described otherwise; an adapter of other widths.
    """
    trunk, params = dict(plan.trunk), None
    if "checkpoint" in trunk:
        described, params = start_trunk(trunk["checkpoint"])
        for key in ("family", "architecture"):
            if key in trunk and trunk[key] != described[key]:
                raise BasewiseError(
                    f"{trunk['checkpoint']} has another trunk than the training config asks for",
                    found=f"another {key}",
                    hint=f"Leave out trunk/{key}: the checkpoint says what it is.",
                )
        trunk = described
    widths = {
        "trunk_dim": build_dna_trunk(trunk).embed_dim,
        "protein_dim": pairs.protein_dim,
        "context_dim": pairs.context_dim,
    }
    for name, width in widths.items():
        given = plan.adapter.get(name, width)
        if given != width:
            raise BasewiseError(
                f"training config/adapter/{name} does not match the trunk and the embeddings",
                found=f"{given}, not {width}",
                hint="Leave it out: it follows from them.",
            )
    adapter = {**plan.adapter, **widths, "binary_target": plan.is_binary}
    architecture = {"trunk": trunk, "adapter": adapter}
    adapter = build_binding_model(architecture).config.to_dict()
    return {"trunk": trunk, "adapter": adapter}, params


def _best_row(fitted: Fitted) -> dict:
    return next((row for row in fitted.history if row["step"] == fitted.best_step), {})
