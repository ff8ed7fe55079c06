"""The section `binding/training` of a configuration: checked, and as `train_binding`'s settings.

No JAX here.
"""

from collections.abc import Mapping
from pathlib import Path

from basewise.errors import BasewiseError, nearest
from basewise.fields import check_fields, check_types
from basewise.models.binding.config import BindingConfig
from basewise.peaks.splits import SplitRules
from basewise.peaks.windows import PEAK
from basewise.training.binding.signal_section import check_signals
from basewise.training.binding.trunk_section import check_bins, read_trunk

WINDOWS, SIGNALS = "windows", "signals"
FOLD = ("folds", "fold")  # of a section that is to train one fold
KEPT = ("trunk_mode", "n_last", "adapter", "residue_stride", "max_residues", "valid_windows")


def make_settings(
    section: Mapping, *, name: str, files: Mapping, encoders: Mapping, species: str | None
) -> dict:
    """Return the settings.

    Args:
        section: complete, with defaults; with folds and fold where that fold alone is trained.
        name: the checkpoint's.
        files: the inputs of rule train_binding.
        encoders: proteins and contexts: encoder and settings.
    """
    settings = {key: section[key] for key in KEPT}
    settings |= {key: section[key] for key in FOLD if "fold" in section}
    settings |= {
        "name": name,
        "species": species or "unknown",
        "genome": str(files["genome"]),
        "proteins": str(files["proteins"]),
        "contexts": str(files["contexts"]),
        "encoders": encoders,
        "trunk": dict(section["trunk"]),
        "sampling": section["sampling"],
        "training": section["fit"],
    }
    if "checkpoint" in section["trunk"]:
        settings["trunk"] = {"checkpoint": str(Path(files["trunk"][0]).parent)}
    if section["learn"] == WINDOWS:
        told = {WINDOWS: str(Path(files["windows"][0]).parent)}
        return settings | told | {"valid_split": section["valid_split"]}
    told = {"table": str(files["signals"]), "loci": str(files["loci"])}
    return settings | {SIGNALS: told | section["signals"]}


def check_training(
    assemblies: Mapping[str, Mapping], config: Mapping, *, is_thorough: bool = True
) -> None:
    """Refuse a section that no job could follow, before anything runs.

    Args:
        is_thorough: whether tables of signals and loci are read too.

    Raises:
        BasewiseError: a trunk that cannot be built, or does not read the windows; an option that
            the adapter does not have; batches that devices cannot share; nothing to validate on;
            kinds of windows that there are not; an assembly without signals to be learned, or
            without those that the section speaks of.
    """
    section = (config["binding"] or {}).get("training")
    if section is None:
        return
    where = "config section 'binding/training'"
    shape = read_trunk(section, config["checkpoints"])
    is_binary = section["learn"] == WINDOWS
    if section["folds"] and not is_binary:
        raise BasewiseError(f"{where}: folds are for windows", hint="Loci name their split.")
    _check_adapter(section["adapter"], is_binary)
    _check_batches(section, where)
    if is_binary:
        _check_windows(config["peaks"], section, where)
    if shape is not None:
        check_bins(shape, config["peaks"], is_binary=is_binary)
    for assembly, row in assemblies.items():
        is_asked = row["peaks"] or row["signals"]
        if is_asked and not is_binary and not (row["signals"] and row["loci"]):
            raise BasewiseError(
                f"{where}: assembly '{assembly}' has no signals and loci to learn",
                hint="Name them in the columns signals, bigwigs and loci, or learn windows.",
            )
        if is_asked and not is_binary and is_thorough:
            told = {"assembly": assembly, "biotype": config["peaks"]["signal"]["biotype"]}
            check_signals(section["signals"], row, shape=shape, **told)


def _check_adapter(adapter: Mapping, is_binary: bool) -> None:
    where = "binding/training/adapter"
    check_types(BindingConfig, adapter, where)
    if adapter.get("binary_target", is_binary) != is_binary:
        raise BasewiseError(f"{where}/binary_target follows from learn", hint="Leave it out.")
    width = max(adapter.get("attention_heads", 1), 1) * 8  # any that fits: the true ones follow
    follow = {"trunk_dim": width, "protein_dim": width, "context_dim": width}
    check_fields(BindingConfig, follow | adapter | {"binary_target": is_binary}, where)


def _check_batches(section: Mapping, where: str) -> None:
    batch, devices = section["fit"]["batch_size"], section["devices_per_job"]
    if section["platform"] in ("gpu", "tpu") and batch % devices:
        raise BasewiseError(
            f"{where}: fit/batch_size must be a multiple of devices_per_job",
            found=f"{batch} windows, {devices} devices",
        )
    least, greatest = section["sampling"]["shift_bp"]
    if not least <= 0 <= greatest:
        raise BasewiseError(
            f"{where}: sampling/shift_bp is the least and the greatest shift, and holds 0",
            found=f"{least} and {greatest}",
        )
    if section["learn"] == SIGNALS and section["sampling"]["kind_weights"]:
        raise BasewiseError(f"{where}: sampling/kind_weights is for windows, and loci have no kind")


def _check_windows(peaks: Mapping, section: Mapping, where: str) -> None:
    names = SplitRules(**peaks["splits"]).names
    valid = section["valid_split"]
    if valid not in names:
        held = "targets" if "target" in valid else "biotypes" if "biotype" in valid else "chroms"
        raise BasewiseError(
            f"{where}: there are no windows to validate on, of split {valid!r}",
            found=f"splits {', '.join(names)}",
            hint=f"Name {held} in peaks/splits/valid_{held}.",
        )
    if section["folds"] and valid != "valid":
        raise BasewiseError(
            f"{where}: folds take turns with the chroms of split 'valid'",
            found=f"valid_split {valid}",
            hint="Leave out one of the two: what is held out otherwise must not train.",
        )
    kinds = [PEAK, *peaks["negatives"]]
    for kind in section["sampling"]["kind_weights"] or ():
        if kind not in kinds:
            raise BasewiseError(
                f"{where}: sampling/kind_weights names a kind of windows that there is not",
                found=repr(kind),
                hint=nearest(kind, kinds),
            )
    if not peaks["negatives"]:
        raise BasewiseError(
            f"{where}: there are no negatives to learn from", hint="Ask for some: peaks/negatives."
        )
