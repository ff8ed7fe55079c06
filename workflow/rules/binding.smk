"""
Where factors bind: from peaks, proteins and biotypes.

Inputs: the store of peaks, or the table of signals where those are learned; the column proteins of
the assemblies table, the encoders of the config.
Outputs: results/{assembly}/binding/proteins.tsv and contexts.tsv, which say in which file of
embeddings/ beside them a target's or biotype's vectors are. Those files are no outputs of their
own: they are named by what they hold, so that nothing is encoded twice. Where a model is to be
trained, model/ beside them is its checkpoint, with metrics.jsonl, a line per validation; folds/ has
a checkpoint per fold and folds.tsv, where there are to be folds; and evaluation/ has summary.tsv, targets.tsv, motifs.tsv, curves.tsv and curves.png.

Steps:
    - encode_proteins encodes the proteins of all targets, one file per chain
    - encode_contexts encodes all biotypes, one file per text
    - train_binding trains on windows of peaks or on signals; a killed job goes on where it stood
    - train_fold trains one fold of a cross-validation, and summarise_folds has a row of each
    - evaluate_binding holds the model against motifs and what else needs no model
    - bind_targets makes resources/checkpoints/{model}/ of a model and a table of targets, whose tracks
      are then drawn as those of any model
"""


rule encode_proteins:
    input:
        store=get_told_peaks,
        signals=get_training_signals,
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
        devices_per_job=1,
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
        store=get_told_peaks,
        signals=get_training_signals,
        biotypes=get_biotypes_table,
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
        devices_per_job=1,
    params:
        encoder=get_encoder("contexts"),
        settings=get_encoder_settings("contexts"),
        columns=get_encoders_value("contexts", "biotype_columns"),
    message:
        "Encoding the biotypes of {wildcards.assembly} with {params.encoder}"
    script:
        "../scripts/encode_contexts.py"


rule train_binding:
    input:
        windows=get_training_windows,
        dropped=get_training_dropped,
        signals=get_training_signals,
        loci=get_training_loci,
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        proteins="results/{assembly}/binding/proteins.tsv",
        contexts="results/{assembly}/binding/contexts.tsv",
        trunk=get_training_trunk,
    output:
        config="results/{assembly}/binding/model/config.json",
        params="results/{assembly}/binding/model/params.safetensors",
        metrics="results/{assembly}/binding/model/metrics.jsonl",
        figure=report(
            "results/{assembly}/binding/training.png",
            caption="../report/binding_training.rst",
            category="Binding",
            labels={"assembly": "{assembly}", "result": "training"},
        ),
    log:
        "logs/train_binding/{assembly}.log",
    benchmark:
        "benchmarks/train_binding/{assembly}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 4
    resources:
        gpu=get_training_gpus,
        mem_mb=get_windows_mem_mb,
        runtime=grow(1440),
        # resources, not params: tuning speed reruns nothing
        platform=get_training_value("platform"),
        devices_per_job=get_training_value("devices_per_job"),
        compilation_cache="resources/compilation_cache",
    params:
        training=get_training_settings,
        species=get_column("species"),
        encoders=get_training_encoders,
    message:
        "Training binding on {wildcards.assembly}"
    script:
        "../scripts/train_binding.py"


use rule train_binding as train_fold with:
    output:
        config="results/{assembly}/binding/folds/fold_{fold}/config.json",
        params="results/{assembly}/binding/folds/fold_{fold}/params.safetensors",
        metrics="results/{assembly}/binding/folds/fold_{fold}/metrics.jsonl",
        figure="results/{assembly}/binding/folds/fold_{fold}/training.png",
    log:
        "logs/train_fold/{assembly}/{fold}.log",
    benchmark:
        "benchmarks/train_fold/{assembly}/{fold}.tsv"
    params:
        training=get_fold_settings,
    message:
        "Training fold {wildcards.fold} of {params.training[folds]} on {wildcards.assembly}"


rule summarise_folds:
    input:
        checkpoints=get_folds,
    output:
        table=report(
            "results/{assembly}/binding/folds/folds.tsv",
            caption="../report/binding_folds.rst",
            category="Binding",
            labels={"assembly": "{assembly}", "result": "folds"},
        ),
    log:
        "logs/summarise_folds/{assembly}.log",
    conda:
        "../envs/model.yaml"
    message:
        "Summarising the folds of {wildcards.assembly}"
    script:
        "../scripts/summarise_folds.py"


rule evaluate_binding:
    input:
        windows=get_all_windows,
        genome="resources/{assembly}/genome.fa",
        fai="resources/{assembly}/genome.fa.fai",
        config="results/{assembly}/binding/model/config.json",
        params="results/{assembly}/binding/model/params.safetensors",
        proteins="results/{assembly}/binding/proteins.tsv",
        contexts="results/{assembly}/binding/contexts.tsv",
        chains=get_local_file("proteins"),
    output:
        summary=report(
            "results/{assembly}/binding/evaluation/summary.tsv",
            caption="../report/binding.rst",
            category="Binding",
            labels={"assembly": "{assembly}", "result": "table"},
        ),
        tables=expand(
            "results/{{assembly}}/binding/evaluation/{table}.tsv",
            table=["targets", "motifs", "curves"],
        ),
        figure=report(
            "results/{assembly}/binding/evaluation/curves.png",
            caption="../report/binding.rst",
            category="Binding",
            labels={"assembly": "{assembly}", "result": "figure"},
        ),
    log:
        "logs/evaluate_binding/{assembly}.log",
    benchmark:
        "benchmarks/evaluate_binding/{assembly}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 4
    resources:
        gpu=get_evaluation_gpus,
        mem_mb=get_windows_mem_mb,
        runtime=grow(480),
        platform=get_training_value("platform"),
        devices_per_job=1,
        compilation_cache="resources/compilation_cache",
    params:
        settings=get_binding_evaluation,
        species=get_peaks_setting("species"),
    message:
        "Evaluating binding on {wildcards.assembly}"
    script:
        "../scripts/evaluate_binding.py"


rule bind_targets:
    input:
        config=get_bound_file("config.json"),
        params=get_bound_file("params.safetensors"),
        proteins=get_bound_proteins,
        chains=get_bound_chains,
        encoders=get_bound_encoders,
        biotypes=get_bound_biotypes,
    output:
        config="resources/checkpoints/{model}/config.json",
        params="resources/checkpoints/{model}/params.safetensors",
        origin="resources/checkpoints/{model}/origin.json",
    log:
        "logs/bind_targets/{model}.log",
    wildcard_constraints:
        model=get_alternatives(bound),
    conda:
        "../envs/model.yaml"
    threads: 4
    resources:
        gpu=get_bound_gpus,
        mem_mb=get_inference_mem_mb,
        runtime=grow(240),
        platform=get_bound_platform,
        batch_size=get_bound_batch_size,
        devices_per_job=1,
    params:
        targets=get_bound_rows,
        checksum=lookup("checkpoints/{model}/checksum", within=config),
        step_bp=lookup("checkpoints/{model}/step_bp", within=config),
        species=get_bound_species,
        columns=get_bound_columns,
    message:
        "Binding the targets of {wildcards.model} to {input.config}"
    script:
        "../scripts/bind_targets.py"
