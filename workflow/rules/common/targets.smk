"""Checkpoints with targets: what they are made of, and how their tracks become peaks."""


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
    """Where encoders with weights compute; without them no card is worth opening."""
    has_weights = bool(get_bound_encoders(wildcards))
    return get_binding_section("encoders")["platform"] if has_weights else "cpu"


def get_bound_batch_size(wildcards):
    return get_binding_section("encoders")["batch_size"]


def get_bound_gpus(wildcards):
    return 1 if get_bound_platform(wildcards) == "gpu" else 0


def get_bound_provenance(model):
    """What else shaped results of binding: who the targets are, how peaks were called."""
    if not targets.is_binding(config["checkpoints"][model]):
        return {}
    rows = [row.to_dict() for row in bound.get(model, ())]
    calling = {"calling": get_binding_section("calling")}
    return {"binding": calling | ({"targets": rows} if rows else {})}


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
