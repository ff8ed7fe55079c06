"""What the chapter peaks is asked for, and what its rules read."""


def get_peaks_output():
    """What the chapter peaks makes: windows of every split, tables, a figure, binned signals."""
    results = []
    for assembly in get_assemblies_with("peaks"):
        folder = f"results/{assembly}/peaks"
        results += [f"{folder}/windows/{split}.parquet" for split in get_splits()]
        results += multiext(f"{folder}/", "funnel.tsv", "summary.tsv", "peaks.png")
    for assembly in get_assemblies_with("signals"):
        results.append(f"results/{assembly}/signal/signals.tsv")
    return results


def get_splits():
    """The splits that peaks/splits makes, train first."""
    if config["peaks"] is None:
        return ["train"]
    from basewise.peaks.splits import SplitRules  # slow to import, and few need it

    return SplitRules(**config["peaks"]["splits"]).names


def get_peaks_setting(*path):
    """A function of wildcards that reads a value of the chapter peaks."""

    def get_value(wildcards):
        value = config["peaks"]
        for key in path:
            value = value[key.format(**wildcards)]
        return value

    return get_value


def get_peaks_blacklist(wildcards):
    is_wanted = config["peaks"]["filters"]["blacklist"]
    return get_blacklist_path(wildcards) if is_wanted else []


def get_experiments_path(wildcards):
    if assemblies[wildcards.assembly]["experiments"]:
        return f"resources/{wildcards.assembly}/experiments.json"
    return []


def get_gene_starts_path(wildcards):
    """The annotation, when negatives are matched by the distance to gene starts."""
    match = config["peaks"]["negatives"][wildcards.kind]["match"]
    is_wanted = wildcards.kind == "matched" and "tss" in match
    if is_wanted and assemblies[wildcards.assembly]["annotation"]:
        return get_annotation_path(wildcards)
    return []


def get_negatives_paths(wildcards):
    kinds = config["peaks"]["negatives"]
    return [
        f"results/{wildcards.assembly}/peaks/negatives/{kind}.parquet" for kind in kinds
    ]
