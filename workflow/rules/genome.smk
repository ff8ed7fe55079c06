"""
Bring an assembly in, checked and indexed.

Inputs: the rows of the assemblies table, URLs or local files.
Outputs: resources/{assembly}/genome.fa with index, chrom.sizes, gaps.bed, blacklist.bed, annotation.

Steps:
    - get_genome fetches, verifies and normalises the FASTA, and records its checksums
    - index_genome lists chroms and gaps
    - get_blacklist and get_annotation run only when the table names them, and before any model,
      so that a file that cannot be used stops the run early
"""


rule get_genome:
    input:
        local=get_local_file("fasta"),
    output:
        fasta="resources/{assembly}/genome.fa",
        record="resources/{assembly}/genome.json",
    log:
        "logs/get_genome/{assembly}.log",
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        source=get_column("fasta"),
        checksum=get_column("checksum"),
        include=get_column("include"),
        exclude=get_column("exclude"),
        min_contig_bp=get_column("min_contig_bp"),
    message:
        "Getting the genome of {wildcards.assembly} from {params.source}"
    script:
        "../scripts/get_genome.py"


rule index_genome:
    input:
        fasta="resources/{assembly}/genome.fa",
    output:
        fai="resources/{assembly}/genome.fa.fai",
        chromsizes="resources/{assembly}/chrom.sizes",
        gaps="resources/{assembly}/gaps.bed",
    log:
        "logs/index_genome/{assembly}.log",
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    message:
        "Indexing the genome of {wildcards.assembly}"
    script:
        "../scripts/index_genome.py"


rule get_blacklist:
    input:
        local=get_local_file("blacklist"),
        aliases=get_local_file("aliases"),
        chromsizes="resources/{assembly}/chrom.sizes",
        record="resources/{assembly}/genome.json",
    output:
        blacklist="resources/{assembly}/blacklist.bed",
    log:
        "logs/get_blacklist/{assembly}.log",
    priority: 1
    conda:
        "../envs/genome.yaml"
    params:
        source=get_column("blacklist"),
        checksum=get_column("blacklist_checksum"),
    message:
        "Getting the blacklist of {wildcards.assembly} from {params.source}"
    script:
        "../scripts/get_blacklist.py"


rule get_annotation:
    input:
        local=get_local_file("annotation"),
        aliases=get_local_file("aliases"),
        chromsizes="resources/{assembly}/chrom.sizes",
        record="resources/{assembly}/genome.json",
    output:
        annotation="resources/{assembly}/annotation.{format}",
    log:
        "logs/get_annotation/{assembly}/{format}.log",
    priority: 1
    conda:
        "../envs/genome.yaml"
    resources:
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        source=get_column("annotation"),
        checksum=get_column("annotation_checksum"),
        evaluation_chroms=get_column("evaluation_chroms"),
    message:
        "Getting the annotation of {wildcards.assembly} from {params.source}"
    script:
        "../scripts/get_annotation.py"
