"""
The configuration and its tables, validated, and what wildcards may be.

A wrong key, value or path ends here, in one line, before any rule is defined.
"""

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

# libyaml's, an eighth of the time, which every job on a cluster spends anew
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_schema(name):
    schema = workflow.source_path(f"../../schemas/{name}.schema.yaml")
    return yaml.load(Path(schema).read_text(), Loader)


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
    sources.check_gene_starts(assemblies, config)
    sources.check_embedding(assemblies, config)
    encoders.check_encoders(assemblies, config)
    training.check_training(assemblies, config, is_thorough=workflow.is_main_process)
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
