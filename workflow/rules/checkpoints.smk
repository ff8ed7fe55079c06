"""
Bring a model in, once.

Inputs: the sources under checkpoints in the config.
Outputs: resources/checkpoints/{model}/ with config.json and params.safetensors.
"""


rule get_checkpoint:
    input:
        local=get_local_checkpoint,
    output:
        config="resources/checkpoints/{model}/config.json",
        params="resources/checkpoints/{model}/params.safetensors",
    log:
        "logs/get_checkpoint/{model}.log",
    conda:
        "../envs/model.yaml"
    resources:
        mem_mb=16000,
        runtime=240,
    params:
        source=lookup("checkpoints/{model}/source", within=config),
        checksum=lookup("checkpoints/{model}/checksum", within=config),
    message:
        "Getting the checkpoint of {wildcards.model} from {params.source}"
    script:
        "../scripts/get_checkpoint.py"
