"""A job's devices: as many as it was promised, its own, or one line that says where it is."""

import os
import subprocess
import sys
from types import SimpleNamespace

import jax
import pytest

from basewise.errors import BasewiseError
from basewise.inference import cards
from basewise.inference.cards import VISIBLE, claim_cards, list_cards
from basewise.inference.devices import select_devices

OTHER_JOB = """
import sys
from pathlib import Path
from basewise.inference.cards import claim_cards
claim_cards(1, folder=Path(sys.argv[1]))
import os
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def no_locks_left(monkeypatch):
    monkeypatch.setattr(cards, "_held", [])
    yield
    for stream in cards._held:
        stream.close()


def pretend(monkeypatch, platform: str, number: int) -> None:
    """Make JAX see so many devices of a platform."""
    made = [SimpleNamespace(platform=platform, device_kind=f"a {platform}")] * number
    monkeypatch.setattr(jax, "local_devices", lambda: made)


@pytest.mark.parametrize("platform", ["gpu", "tpu"])
def test_fewer_devices_than_promised_are_an_error(monkeypatch, platform):
    pretend(monkeypatch, platform, 1)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_GPUS", "2")
    monkeypatch.setenv(VISIBLE, "0")
    with pytest.raises(BasewiseError) as caught:
        select_devices(platform, promised=2)
    text = str(caught.value)
    words = (f"promised 2 {platform.upper()} devices", "JAX sees 1", os.uname().nodename)
    for word in (*words, "SLURM_JOB_ID=4711", "SLURM_GPUS=2", f"{VISIBLE}=0"):
        assert word in text


def test_none_at_all_says_where_it_is(monkeypatch):
    pretend(monkeypatch, "cpu", 1)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    with pytest.raises(BasewiseError, match="asks for a GPU, and JAX sees none") as caught:
        select_devices("gpu", promised=1)
    assert os.uname().nodename in str(caught.value)
    assert "SLURM_JOB_ID=4711" in str(caught.value)


def test_what_was_promised_is_taken(monkeypatch):
    pretend(monkeypatch, "gpu", 2)
    monkeypatch.setenv(VISIBLE, "0,1")
    assert len(select_devices("gpu", promised=2)) == 2
    assert os.environ[VISIBLE] == "0,1"


def test_a_cpu_is_promised_nothing(monkeypatch):
    pretend(monkeypatch, "cpu", 1)
    assert len(select_devices("auto", promised=4)) == 1


def test_all_chips_of_a_machine_are_taken(monkeypatch):
    pretend(monkeypatch, "tpu", 4)
    assert len(select_devices("tpu", promised=1)) == 4


def test_jobs_that_see_the_same_cards_take_different_ones(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "0,1,2")
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_JOB, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline().strip() == "0"
        claim_cards(2, folder=tmp_path)
        assert os.environ[VISIBLE] == "1,2"
        other.stdin.close()
        other.wait()
    monkeypatch.setenv(VISIBLE, "0,1,2")
    claim_cards(1, folder=tmp_path)
    assert os.environ[VISIBLE] == "0"


def test_too_few_free_cards_are_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "0,1,2")
    claim_cards(2, folder=tmp_path)
    monkeypatch.setenv(VISIBLE, "0,1,2")
    with pytest.raises(BasewiseError, match=r"promised 2 cards.*1 free of 3.*gpu=3"):
        claim_cards(2, folder=tmp_path)


def test_what_a_scheduler_gave_is_not_locked(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "0")
    claim_cards(1, folder=tmp_path / "locks")
    assert not (tmp_path / "locks").exists()


def test_cards_are_counted_by_their_files(monkeypatch, tmp_path):
    monkeypatch.delenv(VISIBLE, raising=False)
    for name in ("nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "sda"):
        (tmp_path / name).touch()
    assert list_cards(tmp_path) == ["2", "10"]
    monkeypatch.setenv(VISIBLE, "GPU-8f2e, 1")
    assert list_cards(tmp_path) == ["GPU-8f2e", "1"]
