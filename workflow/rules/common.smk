"""
What every chapter shares: the validated config and table, wildcard constraints, input functions.

A wrong key, value or path ends here, in one line, before any rule is defined.
"""

import functools
import re
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from basewise import sources, targets
from basewise.assemblies import ANNOTATION_FORMATS, read_assemblies
from basewise.config import complete_config, fill_defaults
from basewise.encoders import chapter as encoders
from basewise.errors import BasewiseError
from basewise.estimate import shards
from basewise.training.binding import chapter as training


def load_schema(name):
    schema = workflow.source_path(f"../schemas/{name}.schema.yaml")
    return yaml.safe_load(Path(schema).read_text())


try:
    config.update(complete_config(config, load_schema("config")))
    assemblies = read_assemblies(
        config["assemblies"], load_schema("assemblies"), config
    )
    made = targets.list_made(assemblies, config)
    sources.check_sources(assemblies, config["checkpoints"], made)
    bound = targets.read_bound(
        config,
        load_schema("targets"),
        made=made,
        is_thorough=workflow.is_main_process,
    )
    sources.check_checkpoints(assemblies, config["checkpoints"], config["tiling"])
    sources.check_embedding(assemblies, config)
    encoders.check_encoders(assemblies, config)
    training.check_training(assemblies, config)
    sources.check_lock(config["checkpoints"])
    sources.check_writable("results", "resources", "logs", "benchmarks")
    shards.check_shards(assemblies, config)
    remarks = sources.explain_species(
        assemblies, config["checkpoints"], config["embedding"]
    )
    remarks += shards.explain_shards(assemblies, config)
except BasewiseError as error:
    raise WorkflowError(str(error)) from None

if workflow.is_main_process:
    for line in remarks:
        logger.warning(line)


def get_alternatives(names):
    """A pattern of any of the names."""
    return "|".join(map(re.escape, names)) or NOTHING


tracks = {t for c in config["checkpoints"].values() for t in c["tracks"] or ()}
CHECKPOINTS = "resources/checkpoints"
NOTHING = "(?!)"  # a wildcard without legal values
binding_defaults, peaks_defaults = (
    fill_defaults({}, load_schema("config")["properties"][chapter])
    for chapter in ("binding", "peaks")
)


wildcard_constraints:
    assembly=get_alternatives(assemblies),
    model=get_alternatives(config["checkpoints"]),
    track=get_alternatives(sorted(tracks)),
    kind=get_alternatives((config["peaks"] or {}).get("negatives", ())),
    format=get_alternatives(ANNOTATION_FORMATS),
    scatteritem=r"\d+-of-\d+",
    fold=r"\d+",


def get_column(column):
    """A function of wildcards that reads one column of the assembly's row."""

    def get_value(wildcards):
        return assemblies[wildcards.assembly][column]

    return get_value


def get_local_file(column):
    """A function of wildcards: the column's path when it is local, to notice that it changed."""

    def get_path(wildcards):
        source = assemblies[wildcards.assembly][column]
        return source if source and not sources.is_remote(source) else []

    return get_path


def get_local_checkpoint(wildcards):
    source = config["checkpoints"][wildcards.model]["source"]
    if sources.is_remote(source):
        return []
    return multiext(f"{source}/", "config.json", "params.safetensors")


def get_blacklist_path(wildcards):
    if assemblies[wildcards.assembly]["blacklist"]:
        return f"resources/{wildcards.assembly}/blacklist.bed"
    return []


def get_unscored_blacklist(wildcards):
    return get_blacklist_path(wildcards) if config["tiling"]["skip_blacklist"] else []


def get_annotation_path(wildcards):
    format = assemblies[wildcards.assembly]["annotation_format"]
    return f"resources/{wildcards.assembly}/annotation.{format}"


def get_gpus(wildcards):
    chapter = config["segmentation"]
    return chapter["devices_per_job"] if chapter["platform"] == "gpu" else 0


def get_inference_mem_mb(wildcards, attempt):
    return 16000 * attempt


def grow(amount):
    """A function of the attempt: this much more memory, or time, each time a job is tried."""

    def get_amount(wildcards, attempt):
        return amount * attempt

    return get_amount


@functools.cache
def count_shards(assembly, model):
    """How many shards an assembly and model have; see Shards in config/README.md."""
    return shards.choose_shards(assembly, model, config, assemblies[assembly])


def get_shards(wildcards):
    """The shards of an assembly and model, in order."""
    n = count_shards(wildcards.assembly, wildcards.model).shards
    return expand(
        "results/{assembly}/{model}/shards/{scatteritem}.shard",
        scatteritem=(f"{i}-of-{n}" for i in range(1, n + 1)),
        **wildcards,
    )


def get_reckoned_shards(wildcards):
    """The number of shards to keep; 0 where the config tells it."""
    if config["tiling"]["shards"] is not None:
        return 0
    return count_shards(wildcards.assembly, wildcards.model).shards


def get_known_sizes():
    """The assemblies whose lengths and gaps are there, for an estimate to be made anew with them."""
    return [name for name in assemblies if Path(f"resources/{name}/gaps.bed").exists()]


def get_track_files(pattern):
    """A function of wildcards: the pattern for each track of the model."""

    def get_paths(wildcards):
        return expand(
            pattern,
            track=config["checkpoints"][wildcards.model]["tracks"],
            allow_missing=True,
        )

    return get_paths


def get_calling(key):
    """A function of wildcards: the numbers of one calling key that concern the model's tracks."""

    def get_numbers(wildcards):
        names = ["default", *config["checkpoints"][wildcards.model]["tracks"]]
        numbers = config["segmentation"]["calling"][key]
        return {name: numbers[name] for name in names if name in numbers}

    return get_numbers


def get_binding_section(name):
    """A section of the chapter binding; its defaults where there is no chapter."""
    return (config["binding"] or binding_defaults)[name]


def get_peak_calling(key):
    """A function of wildcards: the numbers of one key of binding/calling for the track."""

    def get_numbers(wildcards):
        numbers = get_binding_section("calling")[key]
        names = ("default", wildcards.track)
        return {name: numbers[name] for name in names if name in numbers}

    return get_numbers


def get_track_evaluation(key):
    """A function of wildcards that reads a value of binding/evaluation."""

    def get_value(wildcards):
        return get_binding_section("evaluation")[key]

    return get_value


def get_provenance_config(wildcards):
    """What of the config shaped these results; speed is left out."""
    speed = {"platform", "batch_size", "devices_per_job"}
    speed |= {"target_minutes_per_shard", "bp_per_second", "device"}
    n_shards = count_shards(wildcards.assembly, wildcards.model).shards
    tiling = {k: value for k, value in config["tiling"].items() if k not in speed}
    return {
        "assembly": assemblies[wildcards.assembly],
        "tiling": tiling | {"shards": n_shards},
        "checkpoint": config["checkpoints"][wildcards.model],
        "segmentation": {
            key: value
            for key, value in config["segmentation"].items()
            if key not in speed
        },
    } | get_bound_provenance(wildcards.model)


def get_bound_provenance(model):
    """What else shaped results of binding: who the targets are, how peaks were called."""
    if not targets.is_binding(config["checkpoints"][model]):
        return {}
    rows = [row.to_dict() for row in bound.get(model, ())]
    calling = {"calling": get_binding_section("calling")}
    return {"binding": calling | ({"targets": rows} if rows else {})}


def get_used_models():
    """The checkpoints that anything asked for needs, in the order of their names.

    In place of those with targets, which are made here, what these are made of.
    """
    used = {model for row in assemblies.values() for model in row["models"]}
    if get_embedded_assemblies():
        used.add(config["embedding"]["checkpoint"])
    if get_binding_assemblies():
        used |= set(encoders.used_checkpoints(config["binding"]["encoders"]))
        used |= {(get_training() or {"trunk": {}})["trunk"].get("checkpoint")} - {None}
    for model in sorted(used & bound.keys()):
        files = [config["checkpoints"][model]["source"], *list_bound_encoders(model)]
        folders = [Path(file) for file in files if file.startswith(CHECKPOINTS)]
        used |= {folder.relative_to(CHECKPOINTS).parts[0] for folder in folders}
    return sorted(used & config["checkpoints"].keys() - bound.keys())


def get_origins():
    """What tells where the used checkpoints that come from elsewhere came from."""
    return [
        f"resources/checkpoints/{model}/origin.json"
        for model in get_used_models()
        if sources.is_remote(config["checkpoints"][model]["source"])
    ]


def get_prefetched():
    """Every file that comes from elsewhere; a chapter that downloads adds its own here."""
    return [
        *get_prefetched_checkpoints(),
        *get_prefetched_assemblies(),
        *get_prefetched_peaks(),
    ]


def get_prefetched_checkpoints():
    """The checkpoints, and the lock if any of them is to be pinned."""
    downloads = ["resources/checkpoints.lock"] if get_origins() else []
    for model in get_used_models():
        folder = f"resources/checkpoints/{model}/"
        downloads += multiext(folder, "config.json", "params.safetensors")
    return downloads


def get_prefetched_assemblies():
    """Genomes, blacklists, annotations."""
    downloads = []
    for assembly, row in assemblies.items():
        downloads.append(f"resources/{assembly}/genome.fa")
        if row["blacklist"]:
            downloads.append(f"resources/{assembly}/blacklist.bed")
        if row["annotation"]:
            format = row["annotation_format"]
            downloads.append(f"resources/{assembly}/annotation.{format}")
    return downloads


def get_prefetched_peaks():
    """Catalogues of peaks and what is known of their experiments."""
    files = {"peaks": "remap.bed.gz", "experiments": "experiments.json"}
    return [
        f"resources/{assembly}/{files[column]}"
        for column in files
        for assembly in get_assemblies_with(column)
        if assembly in get_assemblies_with("peaks")
    ]


def get_assemblies_with(column):
    """The assemblies whose row names something for the chapter peaks, where there is one."""
    if config["peaks"] is None:
        return []
    return [assembly for assembly, row in assemblies.items() if row[column]]


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


def get_embedded_assemblies():
    """The assemblies of which the chapter embedding asks for something."""
    if config["embedding"] is None:
        return []
    return [name for name, row in assemblies.items() if row["embedding_regions"]]


def get_embedding_output():
    return [
        f"results/{assembly}/{config['embedding']['checkpoint']}/embeddings"
        for assembly in get_embedded_assemblies()
    ]


def get_embedding_regions(wildcards):
    """The BED of regions to embed; nothing where whole records are."""
    path = assemblies[wildcards.assembly]["embedding_regions"]
    return [] if path == sources.WHOLE_RECORDS else path


def get_embedding_setting(key):
    """A function of wildcards that reads a value of the chapter embedding."""

    def get_value(wildcards):
        return config["embedding"][key]

    return get_value


def get_embedding_request(wildcards):
    """What is asked of the model; speed and format are left out."""
    others = {"checkpoint", "format", "precision", "platform", "batch_size"}
    return {k: value for k, value in config["embedding"].items() if k not in others}


def get_embedding_gpus(wildcards):
    return 1 if config["embedding"]["platform"] == "gpu" else 0


def get_binding_assemblies():
    """The assemblies of which the chapter binding asks for something."""
    if config["binding"] is None:
        return []
    is_learned = (get_training() or {}).get("learn") == "signals"
    told = {*get_assemblies_with("peaks")}
    told |= {*get_assemblies_with("signals")} if is_learned else set()
    return [name for name, row in assemblies.items() if name in told and row["proteins"]]


def get_told_peaks(wildcards):
    """The store of peaks, whose targets and biotypes are encoded; nothing where there is none."""
    if wildcards.assembly in get_assemblies_with("peaks"):
        return f"results/{wildcards.assembly}/peaks/store"
    return []


def get_binding_output():
    """What the chapter binding makes: indices of what was encoded, a model, its evaluation."""
    wanted = [f"{encoded}.tsv" for encoded in encoders.SECTIONS]
    if get_training() is not None:
        wanted += ["model/config.json", "training.png"]
        wanted += ["folds/folds.tsv"] * bool(get_training()["folds"])
        if get_training()["learn"] == "windows" and get_test_splits():
            wanted += ["evaluation/summary.tsv", "evaluation/curves.png"]
    return expand(
        "results/{assembly}/binding/{wanted}",
        assembly=get_binding_assemblies(),
        wanted=wanted,
    )


def get_training():
    """The section binding/training, or None."""
    return (config["binding"] or {}).get("training")


def get_test_splits():
    return [split for split in get_splits() if split.startswith("test")]


def get_windows(wildcards, splits):
    folder = f"results/{wildcards.assembly}/peaks/windows"
    return [f"{folder}/{split}.parquet" for split in splits]


def get_all_windows(wildcards):
    return get_windows(wildcards, get_splits())


def get_training_windows(wildcards):
    is_learned = get_training()["learn"] == "windows"
    return get_windows(wildcards, ["train", "valid"]) if is_learned else []


def get_training_signals(wildcards):
    if (get_training() or {}).get("learn") != "signals":
        return []
    return f"results/{wildcards.assembly}/signal/signals.tsv"


def get_training_loci(wildcards):
    if get_training()["learn"] != "signals":
        return []
    return get_local_file("loci")(wildcards)


def get_training_trunk(wildcards):
    """The files of the checkpoint that the trunk begins with, where it has one."""
    name = get_training()["trunk"].get("checkpoint")
    folder = f"resources/checkpoints/{name}/"
    return multiext(folder, "config.json", "params.safetensors") if name else []


def get_training_value(key):
    """A function of wildcards that reads a value of binding/training."""

    def get_value(wildcards):
        return get_training()[key]

    return get_value


def get_training_settings(wildcards):
    """What shapes the model; speed, and how it is cross-validated, are left out."""
    others = {"platform", "devices_per_job", "folds"}
    return {key: value for key, value in get_training().items() if key not in others}


def get_folds(wildcards):
    """The config.json of each fold's checkpoint, in order."""
    folder = f"results/{wildcards.assembly}/binding/folds"
    numbers = range(1, get_training()["folds"] + 1)
    return [f"{folder}/fold_{number}/config.json" for number in numbers]


def get_training_encoders(wildcards):
    """The encoders as the checkpoint is to remember them."""
    return {
        section: {"encoder": get_encoder(section)(wildcards)}
        | get_encoder_settings(section)(wildcards)
        for section in encoders.SECTIONS
    }


def get_training_gpus(wildcards):
    chapter = get_training()
    return chapter["devices_per_job"] if chapter["platform"] == "gpu" else 0


def get_binding_evaluation(wildcards):
    """How windows are evaluated; what concerns tracks is left out."""
    of_tracks = {"bin_bp", "step_bp"}
    chapter = config["binding"]["evaluation"]
    return {key: value for key, value in chapter.items() if key not in of_tracks}


def get_bound_file(name):
    """A function of wildcards: a file of the checkpoint of binding that targets are bound to."""

    def get_path(wildcards):
        return f"{config['checkpoints'][wildcards.model]['source'].rstrip('/')}/{name}"

    return get_path


def get_bound_proteins(wildcards):
    """Where the proteins of targets are looked up."""
    return config["checkpoints"][wildcards.model]["proteins"] or []


def get_bound_chains(wildcards):
    """The proteins that rows of targets bring themselves."""
    return sorted({row.protein for row in bound[wildcards.model] if row.protein})


def get_bound_rows(wildcards):
    """What the rows of targets say, wherever they stand."""
    return [row.to_dict() | {"where": "targets"} for row in bound[wildcards.model]]


def get_bound_encoders(wildcards):
    return list_bound_encoders(wildcards.model)


def list_bound_encoders(model):
    """The files of the encoders that the model of binding was trained with, where they have any."""
    source = Path(config["checkpoints"][model]["source"])
    if get_training() is not None and source.parts[:1] == ("results",):
        noted = [
            config["binding"]["encoders"][name]["encoder"] for name in encoders.SECTIONS
        ]
        folders = [
            f"{CHECKPOINTS}/{name}" for name in noted if name not in encoders.OFFLINE
        ]
    else:
        folders = sources.list_encoders(source)
    return [
        file
        for f in folders
        for file in multiext(f"{f}/", "config.json", "params.safetensors")
    ]


def get_bound_biotypes(wildcards):
    """The table of biotypes, where their encoder reads more than their names."""
    return get_binding_section("encoders")["contexts"]["biotypes"] or []


def get_bound_columns(wildcards):
    return get_binding_section("encoders")["contexts"]["biotype_columns"]


def get_bound_species(wildcards):
    """The species whose proteins count, as the chapter peaks says."""
    return (config["peaks"] or peaks_defaults)["species"]


def get_bound_platform(wildcards):
    return get_binding_section("encoders")["platform"]


def get_bound_gpus(wildcards):
    is_needed = get_bound_platform(wildcards) == "gpu" and get_bound_encoders(wildcards)
    return 1 if is_needed else 0


def get_encoder(section):
    """A function of wildcards: the name of an encoder without weights, or its checkpoint."""

    def get_source(wildcards):
        name = config["binding"]["encoders"][section]["encoder"]
        is_offline = name in encoders.OFFLINE
        return name if is_offline else f"resources/checkpoints/{name}"

    return get_source


def get_encoder_files(section):
    """A function of wildcards: the files of an encoder's checkpoint, where it has one."""

    def get_paths(wildcards):
        source = get_encoder(section)(wildcards)
        if source in encoders.OFFLINE:
            return []
        return multiext(f"{source}/", "config.json", "params.safetensors")

    return get_paths


def get_encoder_settings(section):
    """A function of wildcards: what of the config shapes an encoder's vectors."""

    def get_settings(wildcards):
        return encoders.read_settings(config["binding"]["encoders"][section])

    return get_settings


def get_encoders_value(*path):
    """A function of wildcards that reads a value of binding/encoders; [] for null."""

    def get_value(wildcards):
        value = config["binding"]["encoders"]
        for key in path:
            value = value[key]
        return [] if value is None else value

    return get_value


def get_encoder_gpus(section):
    """A function of wildcards: one card for an encoder with weights, where gpu is asked for."""

    def get_gpus(wildcards):
        chapter = config["binding"]["encoders"]
        is_offline = chapter[section]["encoder"] in encoders.OFFLINE
        return 1 if chapter["platform"] == "gpu" and not is_offline else 0

    return get_gpus


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
