"""Jobs in processes of their own: results in order, errors as they are, no fork."""

import math
import os
import subprocess
import sys

import pytest

from basewise.calling.pool import map_in_processes
from basewise.errors import BasewiseError


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_order(processes):
    assert list(map_in_processes(math.sqrt, [16, 4, 9, 1], processes)) == [4, 2, 3, 1]
    assert list(map_in_processes(math.sqrt, [], processes)) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_a_jobs_error_is_raised_here(processes):
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        list(map_in_processes(math.sqrt, [4, -1, 9], processes))


def test_a_process_that_dies_is_one_line():
    with pytest.raises(BasewiseError, match=r"has died; found exit status 3"):
        list(map_in_processes(os._exit, [3], 2))


def test_nothing_is_forked(monkeypatch):
    """A fork while other threads hold locks, as JAX's do, may never end."""

    def fork():
        raise AssertionError("forked")

    monkeypatch.setattr(os, "fork", fork)
    # what a job prints is no answer either
    assert list(map_in_processes(print, ["x"], 2)) == [None]


def test_a_script_without_a_guard_is_run_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import math\n"
        "from basewise.calling.pool import map_in_processes\n"
        "print('begun', list(map_in_processes(math.sqrt, [4, 9], 2)))\n"
    )
    run = [sys.executable, os.fspath(script)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout == "begun [2.0, 3.0]\n"
