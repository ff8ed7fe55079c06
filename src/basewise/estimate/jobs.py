"""How many jobs of each rule a configuration asks for, when nothing is there yet."""

from collections import Counter
from collections.abc import Mapping

from basewise.targets import is_binding

NOT_ESTIMATED = {
    "peaks": ("peaks", "signals"),  # a chapter, and the columns that make it run
    "embedding": ("embedding_regions",),
    "binding": ("peaks",),
}


def count_jobs(
    config: Mapping, assemblies: Mapping[str, Mapping], shards: Mapping[tuple[str, str], int]
) -> dict[str, int]:
    """Return the jobs of each rule that annotates, in the order of the work.

    Args:
        shards: their number for each assembly and model.
    """
    jobs: Counter[str] = Counter()
    for row in assemblies.values():
        if row["models"]:
            jobs += Counter({"get_genome": 1, "index_genome": 1})
            jobs["get_blacklist"] += bool(row["blacklist"])
            jobs["get_annotation"] += bool(row["annotation"])
    models = {model for _, model in shards}
    bound = {model for model in models if config["checkpoints"][model]["targets"]}
    jobs |= Counter(get_checkpoint=len(models - bound), bind_targets=len(bound))
    for (assembly, model), n_shards in shards.items():
        jobs["plan_tiles"] += 1
        jobs["predict_shard"] += n_shards
        jobs["merge_track"] += len(config["checkpoints"][model]["tracks"])
        for rule in ("summarise_seams", "check_seams", "write_provenance"):
            jobs[rule] += 1
        if is_binding(config["checkpoints"][model]):
            jobs["call_peaks"] += len(config["checkpoints"][model]["tracks"])
            jobs["join_peaks"] += 1
            has_peaks = config["peaks"] is not None and assemblies[assembly]["peaks"]
            jobs["evaluate_tracks"] += bool(has_peaks)
            continue
        jobs["call_elements"] += 1
        jobs["evaluate_segmentation"] += bool(assemblies[assembly]["annotation"])
    return {rule: n for rule, n in jobs.items() if n}


def list_not_estimated(config: Mapping, assemblies: Mapping[str, Mapping]) -> list[str]:
    """Return the chapters that ask for work no estimate covers."""
    return [
        chapter
        for chapter, columns in NOT_ESTIMATED.items()
        if config[chapter] is not None
        and any(row[column] for row in assemblies.values() for column in columns)
    ]
