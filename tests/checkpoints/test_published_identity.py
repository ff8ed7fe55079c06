"""Files of full size are known by what they hold, without reading it."""

import logging

import pytest

from basewise.checkpoints.published.identity import check_identity
from basewise.checkpoints.snapshot import Found
from basewise.errors import BasewiseError
from basewise.models.families import build_skeleton
from basewise.models.parameters import flatten
from basewise.models.zoo import ZOO

UNKNOWN = "f" * 64


@pytest.fixture
def check(tmp_path):
    """A function (held, named, sha256) that checks the shapes of one model as another's."""
    (tmp_path / "pytree_ckpt.joblib").touch()

    def run(held, named, sha256=UNKNOWN):
        skeleton = flatten(build_skeleton(ZOO[held].to_config()))
        shapes = {name: leaf.shape for name, leaf in skeleton.items()}
        found = Found(ZOO[named].files[0], (tmp_path / "pytree_ckpt.joblib",), None)
        check_identity(ZOO[named], found, [sha256], shapes)

    return run


def test_the_known_file_passes_in_silence(check, caplog):
    check("50M_multi_species_v2", "50M_multi_species_v2", "3015d191" + "0" * 56)
    assert not caplog.records


def test_another_file_of_the_full_size_is_remarked_on(check, caplog):
    with caplog.at_level(logging.WARNING):
        check("50M_multi_species_v2", "50M_multi_species_v2")
    (record,) = caplog.records
    assert "not the file this version knows: sha256 ffffffff…, not 3015d191…" in record.getMessage()


def test_the_size_of_another_model_is_recognised(check):
    with pytest.raises(BasewiseError, match="54855179 parameters, as 50M_multi_species_v2 has"):
        check("50M_multi_species_v2", "100M_multi_species_v2")


@pytest.mark.parametrize("named", ["500M_human_ref", "50M_multi_species_v2"])
def test_the_hash_of_another_model_is_recognised(check, named):
    with pytest.raises(BasewiseError, match="found the one of 500M_1000G"):
        check("500M_1000G", named, "b9380920" + "0" * 56)
