"""
Bring the models in, once, and note what they are.

Inputs: the sources under checkpoints in the config; resources/checkpoints.lock, where there is one.
Outputs: resources/checkpoints/{model}/ with config.json, params.safetensors and origin.json, and
resources/checkpoints.lock.

Steps:
    - get_checkpoint fetches and imports; what the lock pins is fetched as it says, or refused.
      Checkpoints with targets are made by bind_targets, in binding.smk
    - lock_checkpoints gathers where the checkpoints came from; it belongs to prefetch. The lock is
      no input of get_checkpoint, because it is made of what that fetched
"""


rule get_checkpoint:
    input:
        local=get_local_checkpoint,
    output:
        config="resources/checkpoints/{model}/config.json",
        params="resources/checkpoints/{model}/params.safetensors",
        origin="resources/checkpoints/{model}/origin.json",
    log:
        "logs/get_checkpoint/{model}.log",
    wildcard_constraints:
        model=get_alternatives(
            name for name in config["checkpoints"] if name not in bound
        ),
    conda:
        "../envs/model.yaml"
    resources:
        mem_mb=grow(16000),
        runtime=grow(240),
    params:
        source=lookup("checkpoints/{model}/source", within=config),
        checksum=lookup("checkpoints/{model}/checksum", within=config),
        lock="resources/checkpoints.lock",
    message:
        "Getting the checkpoint of {wildcards.model} from {params.source}"
    script:
        "../scripts/get_checkpoint.py"


rule lock_checkpoints:
    input:
        origins=get_origins(),
    output:
        lock=update("resources/checkpoints.lock"),
    log:
        "logs/lock_checkpoints/checkpoints.log",
    localrule: True
    conda:
        "../envs/genome.yaml"
    message:
        "Noting what the checkpoints are in {output.lock}"
    script:
        "../scripts/lock_checkpoints.py"
