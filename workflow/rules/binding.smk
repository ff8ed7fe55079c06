"""
Where factors bind: from peaks, proteins and biotypes.

Inputs: the store of peaks, the column proteins of the assemblies table, the encoders of the config.
Outputs: results/{assembly}/binding/proteins.tsv and contexts.tsv, which say in which file of
embeddings/ beside them a target's or biotype's vectors are. Those files are no outputs of their
own: they are named by what they hold, so that nothing is encoded twice.

Steps:
    - encode_proteins encodes the proteins of all targets, one file per chain
    - encode_contexts encodes all biotypes, one file per text
"""


rule encode_proteins:
    input:
        store="results/{assembly}/peaks/store",
        proteins=get_local_file("proteins"),
        checkpoint=get_encoder_files("proteins"),
    output:
        index="results/{assembly}/binding/proteins.tsv",
    log:
        "logs/encode_proteins/{assembly}.log",
    benchmark:
        "benchmarks/encode_proteins/{assembly}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 4
    resources:
        gpu=get_encoder_gpus("proteins"),
        mem_mb=get_inference_mem_mb,
        runtime=grow(480),
        # resources, not params: tuning speed reruns nothing
        platform=get_encoders_value("platform"),
        batch_size=get_encoders_value("batch_size"),
    params:
        encoder=get_encoder("proteins"),
        settings=get_encoder_settings("proteins"),
        species=get_peaks_setting("species"),
    message:
        "Encoding the proteins of {wildcards.assembly} with {params.encoder}"
    script:
        "../scripts/encode_proteins.py"


rule encode_contexts:
    input:
        store="results/{assembly}/peaks/store",
        biotypes=get_encoders_value("contexts", "biotypes"),
        checkpoint=get_encoder_files("contexts"),
    output:
        index="results/{assembly}/binding/contexts.tsv",
    log:
        "logs/encode_contexts/{assembly}.log",
    benchmark:
        "benchmarks/encode_contexts/{assembly}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 4
    resources:
        gpu=get_encoder_gpus("contexts"),
        mem_mb=get_inference_mem_mb,
        runtime=grow(60),
        platform=get_encoders_value("platform"),
        batch_size=get_encoders_value("batch_size"),
    params:
        encoder=get_encoder("contexts"),
        settings=get_encoder_settings("contexts"),
        columns=get_encoders_value("contexts", "biotype_columns"),
    message:
        "Encoding the biotypes of {wildcards.assembly} with {params.encoder}"
    script:
        "../scripts/encode_contexts.py"
