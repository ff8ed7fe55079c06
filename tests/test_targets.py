"""Tables of targets, and checkpoints that have one: read, or refused by file, line and key."""

import json
from pathlib import Path

import pytest
import yaml

from basewise import targets
from basewise.config import complete_config
from basewise.errors import BasewiseError
from basewise.sources import check_checkpoints, check_sources
from basewise.training.binding.targets import BoundTarget

SCHEMAS = Path(__file__).resolve().parents[1] / "workflow/schemas"
SCHEMA, TARGETS = (
    yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text()) for name in ("config", "targets")
)
HEADER = "target\tbiotype\tname\n"
TABLE = HEADER + "TOYA\tliver\t\nNEW\tK-1.2 (x)\tnovel\n"
KEPT = {"context_bp": None, "halo_bp": None}


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny_config):
    """A working directory with two checkpoints (model of binding, segmenter) and proteins."""
    monkeypatch.chdir(tmp_path)
    kept = {"format": 1, "revision": "1", "source": "tests", "licence": "MIT", "species": ["x"]}
    architecture = {"adapter": {"context_dim": 4}, "trunk": {}}
    drawn = kept | {"name": "drawn", "family": "binding", "tile_spec": None, "tracks": []}
    drawn |= {"architecture": architecture, "data": {"biotypes": ["K-1.2 (x)", "liver"]}}
    for name, config in (("drawn", drawn), ("other", {"format": 1, **tiny_config})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    (tmp_path / "proteins.fa").write_text(">TOYA P\nMKKR\n>TOYB P\nMK\n>NEW P\nMKHH\n")
    (tmp_path / "targets.tsv").write_text(TABLE)
    return tmp_path


def read(changes=None, **others):
    """What `read_bound` makes of a configuration, and that configuration."""
    factors = {"source": "drawn", "targets": "targets.tsv", "proteins": "proteins.fa"}
    told = {"checkpoints": {"factors": factors | (changes or {})}} | others
    config = complete_config(told, SCHEMA)
    rows = {"toy": {"peaks": "p.bed", "signals": None, "proteins": "proteins.fa"}}
    rows["bare"] = dict.fromkeys(rows["toy"])
    made = targets.list_made(rows, config)
    check_sources({}, config["checkpoints"], made)
    bound = targets.read_bound(config, TARGETS, made=made)
    check_checkpoints({"toy": {"models": ["factors"]}}, config["checkpoints"], KEPT)
    return bound, config


def test_rows_become_tracks(folder):
    bound, config = read()
    assert bound["factors"] == [
        BoundTarget("TOYA", "liver", where="targets.tsv line 2"),
        BoundTarget("NEW", "K-1.2 (x)", name="novel", where="targets.tsv line 3"),
    ]
    assert config["checkpoints"]["factors"]["tracks"] == ["TOYA.liver", "novel"]
    assert BoundTarget("NEW", "K-1.2 (x)").track == "NEW.K-1.2_x"
    assert targets.is_binding(config["checkpoints"]["factors"])
    assert not targets.is_binding({"source": "other"})
    assert not targets.is_binding({"source": "https://a/b"})
    chosen = read({"tracks": ["novel"]})[1]
    assert chosen["checkpoints"]["factors"]["tracks"] == ["novel"]


def test_rows_may_bring_protein_colour_and_biotype(folder):
    (folder / "own.fa").write_text(">chain\nMKH\n")
    (folder / "targets.tsv").write_text(
        "target\tbiotype\tprotein\tcolour\tunseen_biotype\n"
        "# of the lab\nX\tskin\town.fa\t#aabbcc\tyes\n"
    )
    row = read({"proteins": None})[0]["factors"][0]
    assert (row.protein, row.colour, row.unseen_biotype) == ("own.fa", "#aabbcc", True)
    assert row.to_dict()["where"] == "targets.tsv line 3"


def test_a_model_that_is_made_later_is_known_by_its_place(folder):
    trained = {"training": {"trunk": {}, "fit": {"steps": 1}}}
    source = "results/toy/binding/model"
    assert "factors" in read({"source": source}, binding=trained)[0]
    with pytest.raises(BasewiseError, match=r"checkpoint 'factors': .* no config.json"):
        read({"source": source})
    with pytest.raises(BasewiseError, match=r"checkpoint 'factors': .* no config.json"):
        read({"source": "results/bare/binding/model"}, binding=trained)  # nothing to train on
    both = {"targets": "targets.tsv", "proteins": "proteins.fa"}
    made = {"base": {"source": "https://a/b"}}
    made["factors"] = {"source": "resources/checkpoints/base"} | both
    assert "factors" in read(checkpoints=made)[0]


def test_a_model_of_signals_has_the_step_of_its_trunk(folder):
    path = folder / "drawn/config.json"
    config = json.loads(path.read_text())
    config["architecture"]["adapter"]["binary_target"] = True
    path.write_text(json.dumps(config))
    assert "factors" in read({"step_bp": 32})[0]
    words = "checkpoints/factors/step_bp' goes with a model of windows.*found 32"
    config["architecture"]["adapter"]["binary_target"] = False
    path.write_text(json.dumps(config))
    with pytest.raises(BasewiseError, match=words):
        read({"step_bp": 32})
    source = {"source": "results/toy/binding/model", "step_bp": 32}
    trained = {"trunk": {}, "fit": {"steps": 1}}
    assert "factors" in read(source, binding={"training": trained})[0]
    with pytest.raises(BasewiseError, match=words):
        read(source, binding={"training": trained | {"learn": "signals"}})
    left = folder / "results/toy/binding/model/config.json"  # of an earlier run, which learned them
    left.parent.mkdir(parents=True)
    left.write_text(json.dumps(config))
    assert "factors" in read(source, binding={"training": trained})[0]
    with pytest.raises(BasewiseError, match=words):
        read(source)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (HEADER + "TOYX\tliver\n", "targets.tsv line 2: target 'TOYX' has no protein; .* 'TOY"),
        (HEADER + "TOYA\tlivr\n", "line 2: .* found 'livr'. Did you mean 'liver'"),
        ("target\tbiotyp\nTOYA\tliver\n", "line 1: column 'biotyp' is not known. .*'biotype'"),
        ("target\nTOYA\n", "targets.tsv line 2: column 'biotype' is required but missing"),
        (TABLE + "TOYA\tliver\tx\n", "line 4: TOYA in liver comes a second time; .* line 2"),
        (TABLE + "TOYB\tliver\tnovel\n", "line 4: column 'name': two tracks .*'novel', as in"),
        (TABLE + "TOYB\tliver\ta/b\n", "targets.tsv line 4: column 'name' must match"),
        ("target\tbiotype\tcolour\nTOYA\tliver\tred\n", "line 2: column 'colour' must match"),
        ("target\tbiotype\tprotein\nA\tliver\tno.fa\n", "column 'protein' names no file"),
        ("target\tbiotype\tunseen_biotype\nA\tl\tso\n", "column 'unseen_biotype' must be true or"),
        (HEADER, "targets.tsv lists no target"),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(folder, table, words):
    (folder / "targets.tsv").write_text(table)
    with pytest.raises(BasewiseError, match=words):
        read()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"targets": "gone.tsv"}, "the table of targets gone.tsv does not exist"),
        ({"proteins": "gone.fa"}, "the proteins at gone.fa do not exist"),
        ({"proteins": None}, "line 2: target 'TOYA' has no protein; found neither proteins nor"),
        ({"tracks": ["TOYB.liver"]}, "checkpoints/factors/tracks' names a track .*'TOYA.liver'"),
        ({"source": "https://a/b"}, "of a checkpoint with targets must be a directory"),
        ({"source": "other"}, "is no checkpoint of binding; found tiny, a segment_nt"),
        ({"source": "gone"}, "checkpoint 'factors': the directory has no config.json"),
        ({"targets": None}, "'checkpoints/factors/proteins' goes with 'checkpoints/factors/targ"),
        ({"targets": None, "proteins": None}, "'factors' cannot annotate: drawn is a model of bi"),
    ],
)
def test_checkpoints_that_cannot_be_drawn_are_refused(folder, changes, words):
    with pytest.raises(BasewiseError, match=words):
        read(changes)


def test_calling_names_tracks_that_are_drawn(folder):
    calling = {"thresholds": {"novel": 0.3}}
    read(binding={"calling": calling})
    with pytest.raises(BasewiseError, match=r"'binding/calling/thresholds' .* mean 'novel'"):
        read(binding={"calling": {"thresholds": {"novl": 0.3}}})
