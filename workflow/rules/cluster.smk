"""
What a cluster is told: the kind of work each rule is, download, cpu, gpu or tpu; one run at a time.

A profile names under set-resources what a kind gets, as if the kind were a rule: its partition,
its account, its machine. What is named for a rule itself wins.

Steps:
    - this comes last, when all rules are there
    - where kinds are set, a cluster counts the cards: the one card of a machine limits no job
    - a directory that another run holds is explained; Snakemake then refuses
    - what a run that was killed or interrupted left on the cluster is cancelled
    - the message of each job tells its partition, so that a dry run shows all of them
    - downloads whose slurm_partition is `login` run where snakemake runs
    - the rules of a workflow that uses this one as a module are left alone
"""

from snakemake.resources import Resources

from basewise import runs, slurm

KINDS = {"download", "cpu", "gpu", "tpu"}
MOST_DEVICES = 64


def get_kind(rule_name):
    """The kind of work of a rule."""
    platforms = {"predict_shard": config["segmentation"]["platform"]}
    if config.get("embedding"):
        platforms["embed"] = config["embedding"]["platform"]
    if rule_name.startswith("get_"):
        return "download"
    platform = platforms.get(rule_name)
    return platform if platform in ("gpu", "tpu") else "cpu"


def get_set_resources(name):
    """What the profile or the command line sets for a rule or a kind."""
    given = workflow.resource_settings.overwrite_resources.get(name, {})
    return Resources.from_mapping(given)


def give_resources(each):
    """Lay what is set for the kind of a rule over what the rule says."""
    own, of_kind = get_set_resources(each.name), get_set_resources(get_kind(each.name))
    others = {name: value for name, value in of_kind.items() if name not in own}
    each.resources.update(Resources(others))
    if "slurm_partition" not in each.resources:
        return
    if each.message:
        each.message += " (slurm_partition={resources.slurm_partition})"
    if each.resources["slurm_partition"].raw == "login":
        workflow.localrules(each.name)


if KINDS & workflow.resource_settings.overwrite_resources.keys():
    workflow.register_resource("gpu", MOST_DEVICES)

if workflow.modifier.is_main_snakefile():
    for each in list(workflow.rules):
        give_resources(each)


if workflow.is_main_process:
    held = runs.explain_lock(".")
    if held:
        logger.warning(held)


def begin_run():
    """Note who runs here, and make the executor ready."""
    jobs = None
    if slurm.is_slurm(workflow.executor_settings):
        slurm.refuse_arrays(workflow.executor_settings)
        if not KINDS & workflow.resource_settings.overwrite_resources.keys():
            logger.warning(
                "No kind of work has resources of its own: --set-resources on the command line "
                "takes the place of all that the profile sets. Repeat them, or edit the profile"
            )
        slurm.keep_slurm_conf(".snakemake/slurm")
        jobs = workflow.scheduler._executor.run_uuid
    last = runs.read_run(".")
    if last is not None:
        slurm.cancel_jobs(last.jobs)
    runs.note_run(".", jobs=jobs)


onstart:
    try:
        begin_run()
    except BasewiseError as error:
        raise WorkflowError(str(error)) from None


onerror:
    if slurm.is_slurm(workflow.executor_settings):
        slurm.cancel_jobs(workflow.scheduler._executor.run_uuid)
