"""
Cut a genome into shards of tiles; integers only.

Inputs: the genome, the model's config.json, the blacklist when tiling/skip_blacklist is set.
Outputs: under results/{assembly}/{model}/: tiles.bed (core in the thick columns), of which each shard
takes its part; regions.bed (what cores cover) and unscored.bed.gz (what gets no value, with the reason;
also short gaps that cores of one-hot models cover), indexed as in merge.smk. Beside them lies
shards.json, the number of shards where the config does not tell it. It is no output, because the number
outlives a new plan.
"""


rule plan_tiles:
    input:
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        checkpoint="resources/checkpoints/{model}/config.json",
        blacklist=get_unscored_blacklist,
    output:
        tiles="results/{assembly}/{model}/tiles.bed",
        regions="results/{assembly}/{model}/regions.bed",
        unscored="results/{assembly}/{model}/unscored.bed.gz",
    log:
        "logs/plan_tiles/{assembly}/{model}.log",
    benchmark:
        "benchmarks/plan_tiles/{assembly}/{model}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(8000),
        runtime=grow(60),
        shards=get_reckoned_shards,  # a resource: another number cuts the same tiles
    params:
        max_ambiguous_run_bp=lookup("tiling/max_ambiguous_run_bp", within=config),
        halo_bp=lookup("tiling/halo_bp", within=config),
        context_bp=lookup("tiling/context_bp", within=config),
        tracks=lookup("checkpoints/{model}/tracks", within=config),
    message:
        "Planning tiles of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/plan_tiles.py"
