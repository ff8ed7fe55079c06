"""What an assembly has: its columns, its files, what it asks for; and how much a job may take."""


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


def get_assemblies_with(column):
    """The assemblies whose row names something for the chapter peaks, where there is one."""
    if config["peaks"] is None:
        return []
    return [assembly for assembly, row in assemblies.items() if row[column]]


def get_blacklist_path(wildcards):
    if assemblies[wildcards.assembly]["blacklist"]:
        return f"resources/{wildcards.assembly}/blacklist.bed"
    return []


def get_unscored_blacklist(wildcards):
    return get_blacklist_path(wildcards) if config["tiling"]["skip_blacklist"] else []


def get_annotation_path(wildcards):
    format = assemblies[wildcards.assembly]["annotation_format"]
    return f"resources/{wildcards.assembly}/annotation.{format}"


def get_known_sizes():
    """The assemblies whose lengths and gaps are there, for an estimate to be made anew with them."""
    return [name for name in assemblies if Path(f"resources/{name}/gaps.bed").exists()]


def grow(amount):
    """A function of the attempt: this much more memory, or time, each time a job is tried."""

    def get_amount(wildcards, attempt):
        return amount * attempt

    return get_amount


def get_inference_mem_mb(wildcards, attempt):
    return 16000 * attempt
