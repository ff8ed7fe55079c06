"""
Compare tracks with an annotation, for assemblies whose row names one.

Inputs: tracks, annotation, blacklist.
Outputs: results/{assembly}/{model}/evaluation/: metrics.tsv, one row per element, curves.tsv and
metrics.png.
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
                "result": "table",
            },
        ),
        curves="results/{assembly}/{model}/evaluation/curves.tsv",
        figure=report(
            "results/{assembly}/{model}/evaluation/metrics.png",
            caption="../report/metrics.rst",
            category="Evaluation",
            labels={
                "assembly": "{assembly}",
                "model": "{model}",
                "result": "figure",
            },
        ),
    log:
        "logs/evaluate_segmentation/{assembly}/{model}.log",
    benchmark:
        "benchmarks/evaluate_segmentation/{assembly}/{model}.tsv"
    conda:
        "../envs/report.yaml"
    threads: 4
    resources:
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        thresholds=get_calling("thresholds"),
        chroms=get_column("evaluation_chroms"),
    message:
        "Evaluating {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/evaluate_segmentation.py"
