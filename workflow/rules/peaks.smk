"""
From a catalogue of peaks to windows to train and evaluate on; from bigWigs to their bins.

Inputs: the columns about peaks and signals of the assemblies table, genome, gaps, blacklist.
Outputs: resources/{assembly}/remap.bed.gz and experiments.json, as published (a file that is not
packed stays so, whatever its name here); under results/{assembly}/peaks/: store/, funnel.tsv,
negatives/{kind}.parquet, windows/{split}.parquet, windows/dropped.arrow, windows.tsv, summary.tsv,
distributions.tsv, peaks.png; results/{assembly}/signal/signals.tsv, and beside it bins/, which
holds a memory map of each bigWig and is no output of its own, so that the bins of bigWigs that stay
the same are kept.

Steps:
    - get_remap and get_experiments fetch
    - filter_peaks reads, filters and stores the catalogue in one pass, and counts what each step
      left out
    - generate_negatives draws one kind of negatives
    - make_windows cuts both to one width, and splits them
    - summarise_peaks describes peaks and negatives
    - bin_signal bins the bigWigs
"""


rule get_remap:
    input:
        local=get_local_file("peaks"),
    output:
        peaks="resources/{assembly}/remap.bed.gz",
    log:
        "logs/get_remap/{assembly}.log",
    conda:
        "../envs/genome.yaml"
    resources:
        runtime=grow(480),
    params:
        source=get_column("peaks"),
        checksum=get_column("peaks_checksum"),
    message:
        "Getting the peaks of {wildcards.assembly} from {params.source}"
    script:
        "../scripts/get_remap.py"


rule get_experiments:
    input:
        local=get_local_file("experiments"),
    output:
        experiments="resources/{assembly}/experiments.json",
    log:
        "logs/get_experiments/{assembly}.log",
    conda:
        "../envs/genome.yaml"
    params:
        source=get_column("experiments"),
        checksum=get_column("experiments_checksum"),
    message:
        "Getting the experiments of {wildcards.assembly} from {params.source}"
    script:
        "../scripts/get_experiments.py"


rule filter_peaks:
    input:
        peaks="resources/{assembly}/remap.bed.gz",
        chromsizes="resources/{assembly}/chrom.sizes",
        blacklist=get_peaks_blacklist,
        proteins=get_local_file("proteins"),
        aliases=get_local_file("aliases"),
    output:
        store=directory("results/{assembly}/peaks/store"),
        funnel=report(
            "results/{assembly}/peaks/funnel.tsv",
            caption="../report/funnel.rst",
            category="Peaks",
            labels={"assembly": "{assembly}", "result": "filters"},
        ),
    log:
        "logs/filter_peaks/{assembly}.log",
    benchmark:
        "benchmarks/filter_peaks/{assembly}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(8000),
        runtime=grow(240),
    params:
        source=get_column("peaks"),
        layout=get_peaks_setting("layout"),
        columns=get_peaks_setting("columns"),
        constants=get_peaks_setting("constants"),
        filters=get_peaks_setting("filters"),
        species=get_peaks_setting("species"),
        max_malformed=get_peaks_setting("max_malformed"),
        max_beyond=get_peaks_setting("max_beyond"),
    message:
        "Filtering the peaks of {wildcards.assembly}"
    script:
        "../scripts/filter_peaks.py"


rule generate_negatives:
    input:
        store="results/{assembly}/peaks/store",
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        gaps="resources/{assembly}/gaps.bed",
        blacklist=get_blacklist_path,
        annotation=get_gene_starts_path,
        aliases=get_local_file("aliases"),
    output:
        negatives="results/{assembly}/peaks/negatives/{kind}.parquet",
    log:
        "logs/generate_negatives/{assembly}/{kind}.log",
    benchmark:
        "benchmarks/generate_negatives/{assembly}/{kind}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(16000),
        runtime=grow(240),
    params:
        settings=get_peaks_setting("negatives", "{kind}"),
        windows=get_peaks_setting("windows"),
        seed=get_peaks_setting("seed"),
    message:
        "Drawing {wildcards.kind} negatives of {wildcards.assembly}"
    script:
        "../scripts/generate_negatives.py"


rule make_windows:
    input:
        store="results/{assembly}/peaks/store",
        negatives=get_negatives_paths,
        experiments=get_experiments_path,
    output:
        windows=expand(
            "results/{{assembly}}/peaks/windows/{split}.parquet", split=get_splits()
        ),
        dropped="results/{assembly}/peaks/windows/dropped.arrow",
        counts=report(
            "results/{assembly}/peaks/windows.tsv",
            caption="../report/windows.rst",
            category="Peaks",
            labels={"assembly": "{assembly}", "result": "splits"},
        ),
    log:
        "logs/make_windows/{assembly}.log",
    benchmark:
        "benchmarks/make_windows/{assembly}.tsv"
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(16000),
        runtime=grow(240),
    params:
        windows=get_peaks_setting("windows"),
        splits=get_peaks_setting("splits"),
        seed=get_peaks_setting("seed"),
    message:
        "Making windows of the peaks and negatives of {wildcards.assembly}"
    script:
        "../scripts/make_windows.py"


rule summarise_peaks:
    input:
        store="results/{assembly}/peaks/store",
        funnel="results/{assembly}/peaks/funnel.tsv",
        negatives=get_negatives_paths,
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        blacklist=get_blacklist_path,
    output:
        summary=report(
            "results/{assembly}/peaks/summary.tsv",
            caption="../report/peaks.rst",
            category="Peaks",
            labels={"assembly": "{assembly}", "result": "table"},
        ),
        distributions="results/{assembly}/peaks/distributions.tsv",
        figure=report(
            "results/{assembly}/peaks/peaks.png",
            caption="../report/peaks.rst",
            category="Peaks",
            labels={"assembly": "{assembly}", "result": "figure"},
        ),
    log:
        "logs/summarise_peaks/{assembly}.log",
    benchmark:
        "benchmarks/summarise_peaks/{assembly}.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=grow(16000),
        runtime=grow(120),
    params:
        windows=get_peaks_setting("windows"),
    message:
        "Summarising the peaks of {wildcards.assembly}"
    script:
        "../scripts/summarise_peaks.py"


rule bin_signal:
    input:
        signals=get_local_file("signals"),
        bigwigs=get_local_file("bigwigs"),
        loci=get_local_file("loci"),
        chromsizes="resources/{assembly}/chrom.sizes",
        aliases=get_local_file("aliases"),
    output:
        table=report(
            "results/{assembly}/signal/signals.tsv",
            caption="../report/signals.rst",
            category="Peaks",
            labels={"assembly": "{assembly}", "result": "signals"},
        ),
    log:
        "logs/bin_signal/{assembly}.log",
    benchmark:
        "benchmarks/bin_signal/{assembly}.tsv"
    conda:
        "../envs/genome.yaml"
    threads: 4
    resources:
        mem_mb=grow(4000),
        runtime=grow(480),
    params:
        resolution_bp=get_peaks_setting("signal", "resolution_bp"),
        statistic=get_peaks_setting("signal", "statistic"),
        off_grid=get_peaks_setting("signal", "off_grid"),
        biotype=get_peaks_setting("signal", "biotype"),
    message:
        "Binning the signals of {wildcards.assembly}"
    script:
        "../scripts/bin_signal.py"
