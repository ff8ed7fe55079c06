"""What a model needs and makes: checkpoint, shards, tracks, how they are called, their record."""

import functools
import math


def get_local_checkpoint(wildcards):
    source = config["checkpoints"][wildcards.model]["source"]
    if sources.is_remote(source):
        return []
    return multiext(f"{source}/", "config.json", "params.safetensors")


def get_gpus(wildcards):
    chapter = config["segmentation"]
    return chapter["devices_per_job"] if chapter["platform"] == "gpu" else 0


def get_shard_runtime(wildcards, attempt):
    """Eight hours, or twice what a shard is to take where that is more; again each attempt."""
    minutes = 2 * config["tiling"]["target_minutes_per_shard"]
    is_reckoned = config["tiling"]["shards"] is None
    return max(480, math.ceil(minutes) if is_reckoned else 0) * attempt


@functools.cache
def count_shards(assembly, model):
    """How many shards an assembly and model have; see Shards in config/README.md."""
    return shards.choose_shards(assembly, model, config, assemblies[assembly])


def get_shards(wildcards):
    """The shards of an assembly and model, in order."""
    n = count_shards(wildcards.assembly, wildcards.model).shards
    return expand(
        "results/{assembly}/{model}/shards/{scatteritem}.shard",
        scatteritem=(f"{i}-of-{n}" for i in range(1, n + 1)),
        **wildcards,
    )


def get_reckoned_shards(wildcards):
    """The number of shards to keep; 0 where the config tells it."""
    if config["tiling"]["shards"] is not None:
        return 0
    return count_shards(wildcards.assembly, wildcards.model).shards


def get_track_files(pattern):
    """A function of wildcards: the pattern for each track of the model."""

    def get_paths(wildcards):
        return expand(
            pattern,
            track=config["checkpoints"][wildcards.model]["tracks"],
            allow_missing=True,
        )

    return get_paths


def get_calling(key):
    """A function of wildcards: the numbers of one calling key that concern the model's tracks."""

    def get_numbers(wildcards):
        names = ["default", *config["checkpoints"][wildcards.model]["tracks"]]
        numbers = config["segmentation"]["calling"][key]
        return {name: numbers[name] for name in names if name in numbers}

    return get_numbers


def get_provenance_config(wildcards):
    """What of the config shaped these results; speed is left out."""
    speed = {"platform", "batch_size", "devices_per_job"}
    speed |= {"target_minutes_per_shard", "bp_per_second", "device"}
    n_shards = count_shards(wildcards.assembly, wildcards.model).shards
    tiling = {k: value for k, value in config["tiling"].items() if k not in speed}
    return {
        "assembly": assemblies[wildcards.assembly],
        "tiling": tiling | {"shards": n_shards},
        "checkpoint": config["checkpoints"][wildcards.model],
        "segmentation": {
            key: value
            for key, value in config["segmentation"].items()
            if key not in speed
        },
    } | get_bound_provenance(wildcards.model)
