"""What stands between the workflow and the defects of the Slurm executor; no Slurm is needed."""

import os
import subprocess

import pytest

from basewise.errors import BasewiseError
from basewise.slurm import cancel_jobs, is_slurm, keep_slurm_conf, refuse_arrays

executor = pytest.importorskip("snakemake_executor_plugin_slurm")


def write_program(path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def settings():
    """The settings of the executor as the command line makes them."""

    def make(**options):
        return executor.ExecutorSettings(status_command="squeue", **options)

    return make


def test_its_settings_are_known(settings):
    assert is_slurm(settings())
    assert not is_slurm(None)


def test_job_arrays_are_refused(settings):
    refuse_arrays(settings())
    refuse_arrays(None)
    with pytest.raises(
        BasewiseError, match=r"job arrays.*--slurm-array-jobs=all.*group-components"
    ):
        refuse_arrays(settings(array_jobs="all"))


def test_the_configuration_reaches_the_srun_inside_a_job(tmp_path):
    """The jobstep executor removes every SLURM_ variable from the environment of srun."""
    write_program(tmp_path / "bin/srun", 'echo "$SLURM_CONF $*"')
    environ = {"SLURM_CONF": "/some where/slurm.conf", "PATH": f"{tmp_path}/bin:/bin"}
    wrapper = keep_slurm_conf(tmp_path / "run", environ)
    within = {name: value for name, value in environ.items() if not name.startswith("SLURM_")}
    done = subprocess.run("srun -n1 it", shell=True, env=within, capture_output=True, text=True)
    assert done.stdout == "/some where/slurm.conf -n1 it\n"
    assert keep_slurm_conf(tmp_path / "run", environ) == wrapper  # again: no wrapper of a wrapper
    assert str(tmp_path / "bin/srun") in wrapper.read_text()


@pytest.mark.parametrize("environ", [{"PATH": "/bin"}, {"PATH": "/nowhere", "SLURM_CONF": "x"}])
def test_without_one_or_without_slurm_nothing_is_wrapped(tmp_path, environ):
    before = dict(environ)
    assert keep_slurm_conf(tmp_path, environ) is None
    assert environ == before
    assert list(tmp_path.iterdir()) == []


def test_jobs_that_were_left_are_cancelled_by_their_name(tmp_path, monkeypatch):
    write_program(tmp_path / "squeue", f'echo "$*" > {tmp_path}/asked; echo 12; echo 7')
    write_program(tmp_path / "scancel", f'echo "$*" > {tmp_path}/cancelled')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert cancel_jobs("the-run") == ["7", "12"]
    assert "--name=the-run" in (tmp_path / "asked").read_text()
    assert (tmp_path / "cancelled").read_text() == "7 12\n"
    assert cancel_jobs(None) == []


def test_a_slurm_that_does_not_answer_ends_nothing(tmp_path, monkeypatch, caplog):
    write_program(tmp_path / "squeue", "echo no controller >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert cancel_jobs("the-run") == []
    assert "no controller" in caplog.text
