"""
What a language model makes of regions, or of whole records: embeddings, attention maps, logits,
likelihoods.

Inputs: the column embedding_regions of the assemblies table, genome, checkpoint.
Outputs: results/{assembly}/{model}/embeddings/ with embeddings.npz, .zarr or .parquet in it.
"""


rule embed:
    input:
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        checkpoint="resources/checkpoints/{model}/config.json",
        params="resources/checkpoints/{model}/params.safetensors",
        regions=get_embedding_regions,
    output:
        embeddings=directory("results/{assembly}/{model}/embeddings"),
    log:
        "logs/embed/{assembly}/{model}.log",
    benchmark:
        "benchmarks/embed/{assembly}/{model}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 4
    resources:
        gpu=get_embedding_gpus,
        mem_mb=get_inference_mem_mb,
        runtime=grow(480),
        # resources, not params: tuning speed reruns nothing
        platform=get_embedding_setting("platform"),
        batch_size=get_embedding_setting("batch_size"),
        devices_per_job=1,
        compilation_cache="resources/compilation_cache",
    params:
        request=get_embedding_request,
        precision=get_embedding_setting("precision"),
        format=get_embedding_setting("format"),
    message:
        "Embedding {wildcards.assembly} with {wildcards.model}"
    script:
        "../scripts/embed.py"
