"""Everything that the configuration asks for."""

from snakemake_interface_executor_plugins.settings import SharedFSUsage

# as asked for: a dry run, which is local, takes all for shared later on
are_files_shared = (
    SharedFSUsage.INPUT_OUTPUT in workflow.storage_settings.shared_fs_usage
)


def get_final_output():
    """Every file the config asks for."""
    results = get_peaks_output() + get_embedding_output() + get_binding_output()
    for assembly, row in assemblies.items():
        for model in row["models"]:
            folder = f"results/{assembly}/{model}"
            names = config["checkpoints"][model]["tracks"]
            results += [f"{folder}/tracks/{track}.bw" for track in names]
            results += [
                f"{folder}/unscored.bed.gz",
                f"{folder}/seams.tsv",
                f"{folder}/seams.png",
                f"{folder}/seams.ok",
                f"{folder}/provenance.json",
            ]
            if targets.is_binding(config["checkpoints"][model]):
                results += [f"{folder}/peaks/{track}.narrowPeak.gz" for track in names]
                results.append(f"{folder}/peaks.bed.gz")
                if assembly in get_assemblies_with("peaks"):
                    results += multiext(f"{folder}/evaluation/binding", ".tsv", ".png")
                continue
            results += multiext(f"{folder}/elements", ".bed.gz", ".gff3.gz")
            if row["annotation"]:
                results += [
                    f"{folder}/evaluation/metrics.tsv",
                    f"{folder}/evaluation/metrics.png",
                ]
    return results


def get_unjudged_output(wildcards):
    """Every file the config asks for but the verdicts on seams, which come last.

    None where jobs share no files: there they would all be fetched to be waited for.
    """
    if not are_files_shared:
        return []
    return [file for file in get_final_output() if Path(file).name != "seams.ok"]
