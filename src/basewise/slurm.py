"""What the Slurm executor of Snakemake needs around it.

Each function is about a defect of snakemake-executor-plugin-slurm 2.8.0 or of its jobstep 0.6.1.
"""

import logging
import os
import shutil
import subprocess
from collections.abc import MutableMapping
from pathlib import Path

from basewise.errors import BasewiseError

logger = logging.getLogger(__name__)

SECONDS_FOR_SLURM = 60
WRAPPER = """#!/bin/sh
SLURM_CONF='{conf}'
export SLURM_CONF
exec '{srun}' "$@"
"""


def is_slurm(settings: object) -> bool:
    """Whether the settings of an executor are those of the Slurm executor."""
    return type(settings).__module__ == "snakemake_executor_plugin_slurm"


def refuse_arrays(settings: object) -> None:
    """Raise when jobs are to be sent as arrays.

    The state of an array's last task is taken for that of all, so that files that are still being
    written are read; and one failing task fails others.
    """
    rules = getattr(settings, "array_jobs", None)
    if rules:
        raise BasewiseError(
            "Slurm job arrays are not used: a task that runs may be taken for a finished one",
            found=f"--slurm-array-jobs={rules}",
            hint="Leave it out; small jobs are put together by group-components in the profile",
        )


def keep_slurm_conf(
    folder: str | os.PathLike, environ: MutableMapping[str, str] = os.environ
) -> Path | None:
    """Give jobs back the SLURM_CONF that is set here, which is taken from the srun inside them.

    Args:
        folder: Where the wrapper of srun goes; seen by all nodes.
        environ: Its PATH gets the wrapper's folder in front; Slurm hands it on to the jobs.

    Returns:
        The wrapper; None when SLURM_CONF is not set, so that Slurm finds its configuration itself.
    """
    conf, srun = environ.get("SLURM_CONF"), shutil.which("srun", path=environ.get("PATH"))
    if not conf or srun is None:
        return None
    wrapper = Path(folder).resolve() / "srun"
    if Path(srun) == wrapper:
        return wrapper
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    temporary = wrapper.with_name(f".srun.{os.getpid()}")
    temporary.write_text(WRAPPER.format(conf=conf, srun=srun))
    temporary.chmod(0o755)
    temporary.replace(wrapper)
    environ["PATH"] = f"{wrapper.parent}{os.pathsep}{environ['PATH']}"
    return wrapper


def cancel_jobs(name: str | None) -> list[str]:
    """Cancel the jobs of a run, by the name that all of them bear; return their ids.

    Jobs outlive a Snakemake that was killed, or that was interrupted while it asked for their
    state; they would write what another run writes.
    """
    if not name or shutil.which("squeue") is None:
        return []
    listed = _call("squeue", "--noheader", "--format=%i", f"--name={name}")
    ids = sorted(set(listed.split()), key=int) if listed else []
    if ids:
        _call("scancel", *ids)
        logger.warning("cancelled jobs that a run left behind: %s", ", ".join(ids))
    return ids


def _call(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_FOR_SLURM)
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("%s: %s", command[0], error)
        return None
    if done.returncode:
        logger.warning("%s: %s", command[0], done.stderr.strip())
        return None
    return done.stdout
