"""Everything that comes from elsewhere; a chapter that downloads adds its own here."""


def get_used_models():
    """The checkpoints that anything asked for needs, in the order of their names.

    In place of those with targets, which are made here, what these are made of.
    """
    used = {model for row in assemblies.values() for model in row["models"]}
    if get_embedded_assemblies():
        used.add(config["embedding"]["checkpoint"])
    if get_binding_assemblies():
        used |= set(encoders.used_checkpoints(config["binding"]["encoders"]))
        used |= {(get_training() or {"trunk": {}})["trunk"].get("checkpoint")} - {None}
    for model in sorted(used & bound.keys()):
        files = [config["checkpoints"][model]["source"], *list_bound_encoders(model)]
        folders = [Path(file) for file in files if file.startswith(CHECKPOINTS)]
        used |= {folder.relative_to(CHECKPOINTS).parts[0] for folder in folders}
    return sorted(used & config["checkpoints"].keys() - bound.keys())


def get_origins():
    """What tells where the used checkpoints that come from elsewhere came from."""
    return [
        f"resources/checkpoints/{model}/origin.json"
        for model in get_used_models()
        if sources.is_remote(config["checkpoints"][model]["source"])
    ]


def get_prefetched():
    """Every file that comes from elsewhere; a chapter that downloads adds its own here."""
    return [
        *get_prefetched_checkpoints(),
        *get_prefetched_assemblies(),
        *get_prefetched_peaks(),
    ]


def get_prefetched_checkpoints():
    """The checkpoints, and the lock if any of them is to be pinned."""
    downloads = ["resources/checkpoints.lock"] if get_origins() else []
    for model in get_used_models():
        folder = f"resources/checkpoints/{model}/"
        downloads += multiext(folder, "config.json", "params.safetensors")
    return downloads


def get_prefetched_assemblies():
    """Genomes, blacklists, annotations."""
    downloads = []
    for assembly, row in assemblies.items():
        downloads.append(f"resources/{assembly}/genome.fa")
        if row["blacklist"]:
            downloads.append(f"resources/{assembly}/blacklist.bed")
        if row["annotation"]:
            format = row["annotation_format"]
            downloads.append(f"resources/{assembly}/annotation.{format}")
    return downloads


def get_prefetched_peaks():
    """Catalogues of peaks and what is known of their experiments."""
    files = {"peaks": "remap.bed.gz", "experiments": "experiments.json"}
    return [
        f"resources/{assembly}/{files[column]}"
        for column in files
        for assembly in get_assemblies_with(column)
        if assembly in get_assemblies_with("peaks")
    ]
