"""
Cut a genome into shards of tiles; integers only.

Inputs: the genome, the model's config.json, the blacklist when tiling/skip_blacklist is set.
Outputs: results/{assembly}/{model}/tiles/{scatteritem}.bed (core in the thick columns),
regions.bed (scorable) and unscored.bed.gz (the rest, with the reason), indexed as in merge.smk.
"""


rule plan_tiles:
    input:
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        checkpoint="resources/checkpoints/{model}/config.json",
        blacklist=get_unscored_blacklist,
    output:
        tiles=scatter.tiles("results/{{assembly}}/{{model}}/tiles/{scatteritem}.bed"),
        regions="results/{assembly}/{model}/regions.bed",
        unscored="results/{assembly}/{model}/unscored.bed.gz",
    log:
        "logs/plan_tiles/{assembly}/{model}.log",
    benchmark:
        "benchmarks/plan_tiles/{assembly}/{model}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        max_ambiguous_run_bp=lookup("tiling/max_ambiguous_run_bp", within=config),
        halo_bp=lookup("tiling/halo_bp", within=config),
        context_bp=lookup("tiling/context_bp", within=config),
        tracks=lookup("checkpoints/{model}/tracks", within=config),
    message:
        "Planning tiles of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/plan_tiles.py"
