"""
Compare tracks with what is known: with an annotation, or tracks of binding with peaks, for assemblies
whose row names them.

Inputs: tracks, annotation or the store of peaks, blacklist.
Outputs: results/{assembly}/{model}/evaluation/: metrics.tsv, one row per element, curves.tsv and
metrics.png; or binding.tsv, one row per track and split of chroms, binding_curves.tsv and binding.png.
"""


rule evaluate_segmentation:
    input:
        tracks=get_track_files("results/{assembly}/{model}/tracks/{track}.bw"),
        annotation=get_annotation_path,
        chromsizes="resources/{assembly}/chrom.sizes",
        record="resources/{assembly}/genome.json",
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


rule evaluate_tracks:
    input:
        tracks=get_track_files("results/{assembly}/{model}/tracks/{track}.bw"),
        store="results/{assembly}/peaks/store",
        checkpoint="resources/checkpoints/{model}/config.json",
        chromsizes="resources/{assembly}/chrom.sizes",
        blacklist=get_blacklist_path,
    output:
        table=report(
            "results/{assembly}/{model}/evaluation/binding.tsv",
            caption="../report/binding_tracks.rst",
            category="Evaluation",
            labels={
                "assembly": "{assembly}",
                "model": "{model}",
                "result": "table",
            },
        ),
        curves="results/{assembly}/{model}/evaluation/binding_curves.tsv",
        figure=report(
            "results/{assembly}/{model}/evaluation/binding.png",
            caption="../report/binding_tracks.rst",
            category="Evaluation",
            labels={
                "assembly": "{assembly}",
                "model": "{model}",
                "result": "figure",
            },
        ),
    log:
        "logs/evaluate_tracks/{assembly}/{model}.log",
    benchmark:
        "benchmarks/evaluate_tracks/{assembly}/{model}.tsv"
    conda:
        "../envs/report.yaml"
    threads: 4
    resources:
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        splits=get_peaks_setting("splits"),
        bin_bp=get_track_evaluation("bin_bp"),
        step_bp=get_track_evaluation("step_bp"),
    message:
        "Evaluating the tracks of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/evaluate_tracks.py"
