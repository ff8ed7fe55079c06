"""
Merge shards into what people use: tracks, seam quality, elements, provenance.

Inputs: all shards of an assembly and model.
Outputs: under results/{assembly}/{model}/: tracks/{track}.bw, seams.tsv, seams.png, seams.ok,
elements.bed.gz, elements.gff3.gz, or of tracks of binding peaks/{track}.narrowPeak.gz and
peaks.bed.gz; provenance.json. Beside the packed files lies their index, .tbi,
or .csi where a chrom is longer than a .tbi can hold; so it is no output of its own.

Steps:
    - merge_track streams one track of all shards into a bigWig, and measures its steps at tile
      borders and inside tiles
    - summarise_seams shows them for all tracks, and check_seams fails when those at borders exceed
      the others by more than segmentation/seam_tolerance, if there is one; it waits for all else
      that is asked for, of other models too, so that all of it is there when it fails
    - call_elements thresholds the tracks outside the blacklist; of tracks of binding call_peaks
      does, and join_peaks puts all of them into one file
    - write_provenance records what made these files
"""


rule merge_track:
    input:
        shards=get_shards,
        chromsizes="resources/{assembly}/chrom.sizes",
        regions="results/{assembly}/{model}/regions.bed",
        unscored="results/{assembly}/{model}/unscored.bed.gz",
    output:
        bigwig="results/{assembly}/{model}/tracks/{track}.bw",
        seams="results/{assembly}/{model}/seams/{track}.tsv",
        profile="results/{assembly}/{model}/seams/{track}.profile.tsv",
    log:
        "logs/merge_track/{assembly}/{model}/{track}.log",
    benchmark:
        "benchmarks/merge_track/{assembly}/{model}/{track}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    message:
        "Merging {wildcards.track} of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/merge_track.py"


rule summarise_seams:
    input:
        seams=get_track_files("results/{assembly}/{model}/seams/{track}.tsv"),
        profiles=get_track_files("results/{assembly}/{model}/seams/{track}.profile.tsv"),
    output:
        table="results/{assembly}/{model}/seams.tsv",
        figure=report(
            "results/{assembly}/{model}/seams.png",
            caption="../report/seams.rst",
            category="Quality",
            labels={
                "assembly": "{assembly}",
                "model": "{model}",
                "result": "seams",
            },
        ),
    log:
        "logs/summarise_seams/{assembly}/{model}.log",
    conda:
        "../envs/report.yaml"
    params:
        seam_tolerance=lookup("segmentation/seam_tolerance", within=config),
    message:
        "Summarising the seams of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/summarise_seams.py"


rule check_seams:
    input:
        table="results/{assembly}/{model}/seams.tsv",
        others=ancient(get_unjudged_output),
    output:
        verdicts="results/{assembly}/{model}/seams.ok",
    log:
        "logs/check_seams/{assembly}/{model}.log",
    localrule: True
    conda:
        "../envs/genome.yaml"
    message:
        "Checking the seams of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/check_seams.py"


rule call_elements:
    input:
        tracks=get_track_files("results/{assembly}/{model}/tracks/{track}.bw"),
        chromsizes="resources/{assembly}/chrom.sizes",
        checkpoint="resources/checkpoints/{model}/config.json",
        blacklist=get_blacklist_path,
    output:
        bed="results/{assembly}/{model}/elements.bed.gz",
        gff3="results/{assembly}/{model}/elements.gff3.gz",
    log:
        "logs/call_elements/{assembly}/{model}.log",
    benchmark:
        "benchmarks/call_elements/{assembly}/{model}.tsv"
    conda:
        "../envs/genome.yaml"
    threads: 4
    resources:
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        thresholds=get_calling("thresholds"),
        min_length_bp=get_calling("min_length_bp"),
        join_gap_bp=get_calling("join_gap_bp"),
    message:
        "Calling elements of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/call_elements.py"


rule call_peaks:
    input:
        track="results/{assembly}/{model}/tracks/{track}.bw",
        chromsizes="resources/{assembly}/chrom.sizes",
        blacklist=get_blacklist_path,
    output:
        peaks="results/{assembly}/{model}/peaks/{track}.narrowPeak.gz",
    log:
        "logs/call_peaks/{assembly}/{model}/{track}.log",
    benchmark:
        "benchmarks/call_peaks/{assembly}/{model}/{track}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        thresholds=get_peak_calling("thresholds"),
        min_length_bp=get_peak_calling("min_length_bp"),
        join_gap_bp=get_peak_calling("join_gap_bp"),
    message:
        "Calling peaks of {wildcards.track} of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/call_peaks.py"


rule join_peaks:
    input:
        peaks=get_track_files("results/{assembly}/{model}/peaks/{track}.narrowPeak.gz"),
        chromsizes="resources/{assembly}/chrom.sizes",
        checkpoint="resources/checkpoints/{model}/config.json",
    output:
        bed="results/{assembly}/{model}/peaks.bed.gz",
    log:
        "logs/join_peaks/{assembly}/{model}.log",
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    message:
        "Joining the peaks of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/join_peaks.py"


rule write_provenance:
    input:
        genome="resources/{assembly}/genome.json",
        checkpoint="resources/checkpoints/{model}/config.json",
        params="resources/checkpoints/{model}/params.safetensors",
        shards=get_shards,
    output:
        provenance="results/{assembly}/{model}/provenance.json",
    log:
        "logs/write_provenance/{assembly}/{model}.log",
    conda:
        "../envs/genome.yaml"
    params:
        config=get_provenance_config,
    message:
        "Recording what made the results of {wildcards.model} on {wildcards.assembly}"
    script:
        "../scripts/write_provenance.py"
