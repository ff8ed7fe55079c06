"""Encoders of proteins and contexts: which, with what settings, and what they read."""


def get_told_peaks(wildcards):
    """The store of peaks, whose targets and biotypes are encoded; nothing where there is none."""
    if wildcards.assembly in get_assemblies_with("peaks"):
        return f"results/{wildcards.assembly}/peaks/store"
    return []


def get_encoder(section):
    """A function of wildcards: the name of an encoder without weights, or its checkpoint."""

    def get_source(wildcards):
        name = config["binding"]["encoders"][section]["encoder"]
        is_offline = name in encoders.OFFLINE
        return name if is_offline else f"resources/checkpoints/{name}"

    return get_source


def get_encoder_files(section):
    """A function of wildcards: the files of an encoder's checkpoint, where it has one."""

    def get_paths(wildcards):
        source = get_encoder(section)(wildcards)
        if source in encoders.OFFLINE:
            return []
        return multiext(f"{source}/", "config.json", "params.safetensors")

    return get_paths


def get_encoder_settings(section):
    """A function of wildcards: what of the config shapes an encoder's vectors."""

    def get_settings(wildcards):
        return encoders.read_settings(config["binding"]["encoders"][section])

    return get_settings


def get_encoders_value(*path):
    """A function of wildcards that reads a value of binding/encoders; [] for null."""

    def get_value(wildcards):
        value = config["binding"]["encoders"]
        for key in path:
            value = value[key]
        return [] if value is None else value

    return get_value


def get_biotypes_table(wildcards):
    """The table of biotypes, where their encoder reads more than names."""
    return encoders.find_biotypes(config["binding"]["encoders"]["contexts"]) or []


def get_encoder_gpus(section):
    """A function of wildcards: one card for an encoder with weights, where gpu is asked for."""

    def get_gpus(wildcards):
        chapter = config["binding"]["encoders"]
        is_offline = chapter[section]["encoder"] in encoders.OFFLINE
        return 1 if chapter["platform"] == "gpu" and not is_offline else 0

    return get_gpus
