"""
Compare tracks with an annotation, for assemblies whose row names one.

Inputs: tracks, annotation, blacklist.
Outputs: results/{assembly}/{model}/evaluation/metrics.tsv, one row per element.
"""


rule evaluate_segmentation:
    input:
        tracks=get_track_files("results/{assembly}/{model}/tracks/{track}.bw"),
        annotation=get_annotation_path,
        chromsizes="resources/{assembly}/chrom.sizes",
        blacklist=get_blacklist_path,
        aliases=get_local_file("aliases"),
    output:
        metrics=report(
            "results/{assembly}/{model}/evaluation/metrics.tsv",
            caption="../report/metrics.rst",
            category="Evaluation",
            labels={
                "assembly": "{assembly}",
                "model": "{model}",
                "result": "metrics",
            },
        ),
    log:
        "logs/evaluate_segmentation/{assembly}/{model}.log",
    benchmark:
        "benchmarks/evaluate_segmentation/{assembly}/{model}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        thresholds=get_calling("thresholds"),
        chroms=lookup("evaluation/chroms", within=config),
    message:
        "Evaluating {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/evaluate_segmentation.py"
