"""What the chapter binding is asked for, and what training and evaluation read."""


def get_binding_section(name):
    """A section of the chapter binding; its defaults where there is no chapter."""
    return (config["binding"] or binding_defaults)[name]


def get_binding_assemblies():
    """The assemblies of which the chapter binding asks for something."""
    if config["binding"] is None:
        return []
    is_learned = (get_training() or {}).get("learn") == "signals"
    told = {*get_assemblies_with("peaks")}
    told |= {*get_assemblies_with("signals")} if is_learned else set()
    return [
        name for name, row in assemblies.items() if name in told and row["proteins"]
    ]


def get_binding_output():
    """What the chapter binding makes: indices of what was encoded, a model, its evaluation."""
    wanted = [f"{encoded}.tsv" for encoded in encoders.SECTIONS]
    if get_training() is not None:
        wanted += ["model/config.json", "training.png"]
        wanted += ["folds/folds.tsv"] * bool(get_training()["folds"])
        if get_training()["learn"] == "windows" and get_test_splits():
            wanted += ["evaluation/summary.tsv", "evaluation/curves.png"]
    return expand(
        "results/{assembly}/binding/{wanted}",
        assembly=get_binding_assemblies(),
        wanted=wanted,
    )


def get_training():
    """The section binding/training, or None."""
    return (config["binding"] or {}).get("training")


def get_test_splits():
    return [split for split in get_splits() if split.startswith("test")]


def get_windows(wildcards, splits):
    folder = f"results/{wildcards.assembly}/peaks/windows"
    return [f"{folder}/{split}.parquet" for split in splits]


def get_all_windows(wildcards):
    return get_windows(wildcards, get_splits())


def get_training_windows(wildcards):
    is_learned = get_training()["learn"] == "windows"
    splits = ["train", get_training()["valid_split"]]
    return get_windows(wildcards, splits) if is_learned else []


def get_training_dropped(wildcards):
    """The peaks that filters dropped, where windows are labelled for many pairs."""
    told = get_training()
    is_asked = told["learn"] == "windows" and told["sampling"]["pairing"] == "batch"
    return (
        f"results/{wildcards.assembly}/peaks/windows/dropped.arrow" if is_asked else []
    )


def get_training_signals(wildcards):
    if (get_training() or {}).get("learn") != "signals":
        return []
    return f"results/{wildcards.assembly}/signal/signals.tsv"


def get_training_loci(wildcards):
    if get_training()["learn"] != "signals":
        return []
    return get_local_file("loci")(wildcards)


def get_training_trunk(wildcards):
    """The files of the checkpoint that the trunk begins with, where it has one."""
    name = get_training()["trunk"].get("checkpoint")
    folder = f"resources/checkpoints/{name}/"
    return multiext(folder, "config.json", "params.safetensors") if name else []


def get_training_value(key):
    """A function of wildcards that reads a value of binding/training."""

    def get_value(wildcards):
        return get_training()[key]

    return get_value


def get_training_settings(wildcards):
    """What shapes the model; speed, and how it is cross-validated, are left out."""
    others = {"platform", "devices_per_job", "folds"}
    return {key: value for key, value in get_training().items() if key not in others}


def get_fold_settings(wildcards):
    """The same, and which of how many folds is trained."""
    fold = {"folds": get_training()["folds"], "fold": int(wildcards.fold)}
    return get_training_settings(wildcards) | fold


def get_folds(wildcards):
    """The config.json of each fold's checkpoint, in order."""
    folder = f"results/{wildcards.assembly}/binding/folds"
    numbers = range(1, get_training()["folds"] + 1)
    return [f"{folder}/fold_{number}/config.json" for number in numbers]


def get_training_encoders(wildcards):
    """The encoders as the checkpoint is to remember them."""
    return {
        section: {"encoder": get_encoder(section)(wildcards)}
        | get_encoder_settings(section)(wildcards)
        for section in encoders.SECTIONS
    }


def get_windows_mem_mb(wildcards, input, attempt):
    """As for inference; more where windows are many: a row of 25 bytes in the file takes 150."""
    sizes = [Path(path).stat().st_size for path in input.windows if Path(path).exists()]
    return max(16000, 8000 + 6 * sum(sizes) // 10**6) * attempt


def get_training_gpus(wildcards):
    chapter = get_training()
    return chapter["devices_per_job"] if chapter["platform"] == "gpu" else 0


def get_evaluation_gpus(wildcards):
    """One card: windows are scored on a single device."""
    return 1 if get_training()["platform"] == "gpu" else 0


def get_binding_evaluation(wildcards):
    """How windows are evaluated; what concerns tracks is left out."""
    of_tracks = {"bin_bp", "step_bp"}
    chapter = config["binding"]["evaluation"]
    return {key: value for key, value in chapter.items() if key not in of_tracks}
