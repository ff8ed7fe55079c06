"""
Run the model, one job per shard.

Inputs: all tiles, of which a shard takes its part, the genome, the checkpoint.
Outputs: results/{assembly}/{model}/shards/{scatteritem}.shard, quantised cores; whole or absent.
"""


rule predict_shard:
    input:
        tiles="results/{assembly}/{model}/tiles.bed",
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        checkpoint="resources/checkpoints/{model}/config.json",
        params="resources/checkpoints/{model}/params.safetensors",
    output:
        shard="results/{assembly}/{model}/shards/{scatteritem}.shard",
    log:
        "logs/predict_shard/{assembly}/{model}/{scatteritem}.log",
    benchmark:
        "benchmarks/predict_shard/{assembly}/{model}/{scatteritem}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 4
    resources:
        gpu=get_gpus,
        mem_mb=get_inference_mem_mb,
        runtime=get_shard_runtime,
        # resources, not params: tuning speed reruns nothing
        platform=lookup("segmentation/platform", within=config),
        batch_size=lookup("segmentation/batch_size", within=config),
        devices_per_job=lookup("segmentation/devices_per_job", within=config),
        compilation_cache="resources/compilation_cache",
    params:
        tracks=lookup("checkpoints/{model}/tracks", within=config),
        strands=lookup("segmentation/strands", within=config),
        dtype=lookup("segmentation/dtype", within=config),
        precision=lookup("segmentation/precision", within=config),
    message:
        "Annotating {wildcards.assembly} with {wildcards.model}, shard {wildcards.scatteritem}"
    script:
        "../scripts/predict_shard.py"
