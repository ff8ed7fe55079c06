"""
What a cluster is told: the kind of work each rule is, download, cpu, gpu or tpu; one run at a time.

A profile names under set-resources what a kind gets, as if the kind were a rule: its partition,
its account, its machine. What is named for a rule itself wins.

Steps:
    - this comes last, when all rules are there
    - where kinds or partitions are set, a cluster counts the cards: the one card of a machine limits
      no job
    - a directory that another run holds is explained, and refused: files that no lock of
      Snakemake holds are no reason to cancel the jobs of a run that lives
    - chapters whose jobs leave files beside their outputs are refused where jobs share no files
    - a device that JAX is not installed for is refused before anything is fetched
    - what a run that was killed or interrupted left on the cluster is cancelled
    - the message of each job tells its partition, so that a dry run shows all of them
    - downloads whose slurm_partition is `login` run where snakemake runs, as local rules do
    - the rules of a workflow that uses this one as a module are left alone
"""

from snakemake.resources import Resources
from snakemake_interface_executor_plugins.settings import SharedFSUsage

from basewise import plugins, runs, slurm

KINDS = {"download", "cpu", "gpu", "tpu"}
MOST_DEVICES = 64
HARMLESS = {"estimate"}  # these rules make nothing that another reads


def get_platforms():
    """Where each rule that runs a model computes, as its chapter says; no other needs a device."""
    platforms = {"predict_shard": config["segmentation"]["platform"]}
    if config["embedding"] is not None:
        platforms["embed"] = config["embedding"]["platform"]
    if get_training() is not None:
        for name in ("train_binding", "train_fold", "evaluate_binding"):
            platforms[name] = get_training()["platform"]
    chapter = get_binding_section("encoders")
    for section in encoders.SECTIONS:
        if chapter[section]["encoder"] not in encoders.OFFLINE:
            platforms[f"encode_{section}"] = chapter["platform"]
    if any(map(list_bound_encoders, bound)):
        platforms["bind_targets"] = chapter["platform"]
    return platforms


def get_kind(rule_name):
    """The kind of work of a rule."""
    if rule_name.startswith("get_"):
        return "download"
    platform = get_platforms().get(rule_name)
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
    if each.name in workflow._localrules:
        each.resources.update({"slurm_partition": "login"})
    if each.message:
        each.message += " (slurm_partition={resources.slurm_partition})"
    if each.resources["slurm_partition"].raw == "login":
        workflow.localrules(each.name)


def are_cards_counted():
    """Whether a cluster counts them: a kind has resources of its own, or a rule a partition."""
    given = workflow.resource_settings.overwrite_resources
    return bool(KINDS & given.keys()) or any(
        "slurm_partition" in resources for resources in given.values()
    )


# the limit of workflow/profiles/default; another one is the user's own
card_limit = workflow.global_resources.get("gpu")
if are_cards_counted() and card_limit is not None and card_limit.value == 1:
    workflow.register_resource("gpu", MOST_DEVICES)

if workflow.modifier.is_main_snakefile():
    for each in list(workflow.rules):
        give_resources(each)


def refuse_unshared():
    """Refuse what needs files that are no outputs, where jobs share only their outputs."""
    if are_files_shared:
        return
    kept = {
        "binding/embeddings/": get_binding_assemblies(),
        "signal/bins/": get_assemblies_with("signals"),
    }
    for folder, names in kept.items():
        if names:
            raise WorkflowError(
                str(
                    BasewiseError(
                        f"results/{names[0]}/{folder} holds files that jobs make beside their "
                        "outputs and others read, which needs a file system that all jobs share",
                        found="a profile whose shared-fs-usage leaves out input-output",
                        hint="Run that chapter on one machine or on Slurm.",
                    )
                )
            )


if workflow.is_main_process:
    refuse_unshared()

held = runs.explain_lock(".") if workflow.is_main_process else None
if held:
    logger.warning(held)


def group_by_platform(jobs):
    """The rules of jobs that run a model, by the platform that these compute on."""
    platforms, rules = get_platforms(), {}
    for job in jobs:
        if job.rule.name in platforms:
            rules.setdefault(job.resources["platform"], set()).add(job.rule.name)
    return rules


def refuse_absent(jobs):
    """Refuse a device that JAX is not installed for, where jobs run in this environment."""
    software = SharedFSUsage.SOFTWARE_DEPLOYMENT
    is_elsewhere = software not in workflow.storage_settings.shared_fs_usage
    if is_elsewhere or workflow.deployment_settings.deployment_method:
        return
    for platform, names in group_by_platform(jobs).items():
        plugins.refuse_absent(platform, names)
    if "prefetch" in {job.rule.name for job in jobs}:
        for name, platform in get_platforms().items():
            if not plugins.is_installed(platform):
                logger.warning(str(plugins.explain_absence(platform, [name])))


def begin_run():
    """Note who runs here, and make the executor ready."""
    planned = list(workflow.dag.needrun_jobs())
    other = runs.find_other(".", is_locked=held is not None)
    is_harmless = {job.rule.name for job in planned} <= HARMLESS
    if other is not None or is_harmless:
        # Snakemake removes the locks of all runs at the end of one, later ones' too
        workflow.persistence._lockdir = ""
    if is_harmless:
        return
    if other is not None:
        runs.refuse_beside(other)
    if not workflow.touch:
        refuse_absent(planned)
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
