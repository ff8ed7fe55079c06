"""Published checkpoints in small, for the commands that read them."""

import json

import jax
import pytest

from basewise.cli import main


@pytest.fixture
def publish(reference, published_writer, torch_writer, tmp_path):
    """A function (model, layout) -> a snapshot directory in that layout."""

    def write(model, layout):
        folder = tmp_path / "hub" / layout
        given = reference(model)
        if layout in ("safetensors", "bin"):
            published_writer.write_torch(given, folder, torch_writer, layout)
            return folder
        how = {
            "joblib": {},
            "compressed": {"compress": ("zlib", 3)},
            "old_names": {"rename": published_writer.to_old_names},
            "jax_arrays": {"convert": jax.numpy.asarray},
        }[layout]
        published_writer.write_joblib(given, folder, **how)
        return folder

    return write


@pytest.fixture
def bring(tmp_path):
    """A function (source, model, overrides) -> the checkpoint that the command makes of it."""

    def run(source, model, overrides=None):
        arguments = ["checkpoint", "import", str(source), "--model", model]
        if overrides is not None:
            (tmp_path / "overrides.json").write_text(json.dumps(overrides))
            arguments += ["--config", str(tmp_path / "overrides.json")]
        assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
        return tmp_path / "out"

    return run
