"""Which plugins of JAX are installed is seen without importing JAX."""

import subprocess
import sys

import pytest

from basewise import plugins
from basewise.errors import BasewiseError


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs a plugin of JAX, of which there is none before."""
    monkeypatch.delenv(plugins.TPU_LIBRARY, raising=False)
    monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: [])
    monkeypatch.setattr(plugins.util, "find_spec", lambda name: None)

    def make(name: str) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: [])
        (tmp_path / "jax_plugins" / name).mkdir(parents=True)
        (tmp_path / "jax_plugins" / name / "__init__.py").write_text("raise ImportError")
        monkeypatch.syspath_prepend(tmp_path)

    return make


@pytest.mark.parametrize(("platform", "lock"), plugins.LOCKS.items())
def test_a_device_that_nothing_is_installed_for_is_refused(install, platform, lock):
    words = f"asks for a {platform.upper()} for embed, predict_shard, .* none.*LOCK={lock}"
    with pytest.raises(BasewiseError, match=words):
        plugins.refuse_absent(platform, {"predict_shard", "embed"})


@pytest.mark.parametrize("platform", ["auto", "cpu"])
def test_a_cpu_needs_no_plugin(install, platform):
    plugins.refuse_absent(platform, ["predict_shard"])


def test_cards_are_served_by_a_plugin_and_tpus_by_a_library(install, monkeypatch):
    install("xla_cuda13")
    assert "xla_cuda13" in plugins.list_plugins()
    assert plugins.is_installed("gpu")
    monkeypatch.setenv(plugins.TPU_LIBRARY, "/lib/libtpu.so")
    assert plugins.is_installed("tpu")


def test_an_entry_point_tells_as_well(install, monkeypatch):
    points = plugins.metadata.EntryPoints([plugins.metadata.EntryPoint("xla_rocm7", "x", "y")])
    monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: points)
    assert plugins.list_plugins() == ["xla_rocm7"]
    assert plugins.is_installed("gpu")
    assert not plugins.is_installed("tpu")


def test_looking_imports_no_jax():
    code = (
        "import sys; from basewise import plugins as p; p.is_installed('tpu'); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jax", "jaxlib"} & set(done.stdout.split())
