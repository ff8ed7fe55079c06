"""What the chapter embedding is asked for, and what its rule reads."""


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
