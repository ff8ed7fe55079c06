"""Rules encode_proteins and encode_contexts: asked for, refused early, run on the toy peaks."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from basewise.checkpoints.store import save_checkpoint
from basewise.config import complete_config
from basewise.encoders import build_encoder, read_embeddings
from basewise.encoders.chapter import check_encoders
from basewise.errors import BasewiseError
from basewise.models.families import build_skeleton
from basewise.models.zoo import ENCODERS
from basewise.models.zoo.encoders import ESM_VOCABULARY

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
CASE = yaml.safe_load((ROOT / ".test/config-peaks/config.yaml").read_text())
CASE["assemblies"] = "config/assemblies.tsv"
BARE = (ROOT / ".test/config-peaks/assemblies.tsv").read_text()
HEADER, ROW = BARE.splitlines()
TABLE = f"{HEADER}\tproteins\n{ROW}\tproteins.fa\n"
CHAINS = {"TOYA": "MKRCHACWYE" * 3, "TOYB": "MSTNQ", "TOYC": "MGGGHHHCC" * 10}
FASTA = "".join(f">{gene} P{gene}\n{chain}\n" for gene, chain in CHAINS.items())


@pytest.fixture(scope="module")
def small_esm(tmp_path_factory) -> Path:
    import jax

    config = ENCODERS["esm1b"].to_config() | {"revision": None}
    sizes = {"num_layers": 1, "embed_dim": 8, "attention_heads": 2, "key_size": 4}
    config["architecture"]["trunk"] |= sizes | {"ffn_embed_dim": 8}
    config["architecture"]["vocabulary"] = "\n".join(ESM_VOCABULARY)
    rng = np.random.default_rng(3)
    params = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), build_skeleton(config)
    )
    folder = tmp_path_factory.mktemp("checkpoints") / "esm"
    save_checkpoint(folder, config, params)
    return folder


@pytest.fixture
def make_binding(make_directory, small_esm):
    """A function (section of the encoders, table) -> a working directory."""

    def make(encoders: dict, table: str = TABLE, **others) -> Path:
        changes = CASE | {"binding": {"encoders": encoders}} | others
        changes["checkpoints"] = {"small_esm": {"source": str(small_esm)}}
        directory = make_directory(changes, table)
        (directory / "proteins.fa").write_text(FASTA)
        return directory

    return make


def planned(done) -> set[str]:
    return set(re.findall(r"^(\w+) +\d+$", done.stdout, flags=re.MULTILINE))


def test_encoders_are_planned_where_they_are_asked_for(run_snakemake, make_binding):
    done = run_snakemake(make_binding({}), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert {"encode_proteins", "encode_contexts", "filter_peaks"} <= planned(done)
    assert "get_checkpoint" not in planned(done)
    done = run_snakemake(make_binding({}, binding=None), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert not {"encode_proteins", "encode_contexts"} & planned(done)


def test_the_checkpoint_of_an_encoder_is_fetched_beforehand(run_snakemake, make_binding):
    directory = make_binding({"proteins": {"encoder": "small_esm"}})
    done = run_snakemake(directory, "prefetch", "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert "get_checkpoint" in planned(done)


@pytest.mark.parametrize(
    ("encoders", "words"),
    [
        ({"proteins": {"encoder": "physchm"}}, "unknown encoder; found 'physchm'"),
        ({"proteins": {"encoder": "ngrams"}}, "encoder ngrams does not encode proteins"),
        ({"contexts": {"encoder": "small_esm"}}, "encoder esm1b does not encode text"),
        ({"contexts": {"encoder": "segment_nt_toy"}}, "is no encoder"),
        ({"proteins": {"layer": 3}}, "encoder physchem_window has no setting layer"),
        ({"proteins": {"encoder": "small_esm", "layer": 3}}, "no such layer; found 3"),
        ({"contexts": {"biotypes": "no.tsv"}}, "the table of biotypes no.tsv does not exist"),
        ({"contexts": {"pooling": "max"}}, "'binding/encoders/contexts/pooling' must be one of"),
    ],
)
def test_encoders_that_cannot_run_are_refused_before_any_job(
    run_snakemake, make_binding, encoders, words
):
    done = run_snakemake(make_binding(encoders), "--dry-run")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if words in line]
    assert len(lines) == 1, done.stdout


@pytest.mark.parametrize(
    ("source", "settings", "words"),
    [
        ("hf://facebook/esm1b_t33_650M_UR50S", {"layer": 33, "max_tokens": 1024}, None),
        ("hf://facebook/esm1b_t33_650M_UR50S", {"layer": 34}, "no such layer; found 34"),
        ("hf://facebook/esm1b_t33_650M_UR50S@v1", {"max_tokens": 2000}, "It is at most 1024"),
        ("hf://facebook/esm2_t6_8M_UR50D", {"max_tokens": 2000}, None),
        ("https://host/some", {"neighbours": 3}, "'later' has no setting neighbours; found 3"),
        ("https://host/some", {"layer": 99}, None),
    ],
)
def test_what_an_encoder_has_is_known_before_it_is_fetched(source, settings, words):
    sections = complete_config(
        {
            "checkpoints": {"later": {"source": source}},
            "binding": {"encoders": {"proteins": {"encoder": "later"} | settings}},
            "peaks": {},
        },
        SCHEMA,
    )
    if words is None:
        check_encoders({}, sections)
        return
    with pytest.raises(BasewiseError, match=f"encoders/proteins': .*{words}"):
        check_encoders({}, sections)


def test_binding_without_peaks_or_proteins_is_refused(run_snakemake, make_binding):
    with pytest.raises(BasewiseError, match="'binding' needs the chapter 'peaks'"):
        check_encoders({}, {"binding": {"encoders": {}, "training": {}}, "peaks": None})
    section = {"encoders": {}, "training": {"learn": "windows"}}
    rows = {"x": {"peaks": "p.bed", "proteins": None}}
    with pytest.raises(BasewiseError, match="assembly 'x' has peaks and no proteins"):
        check_encoders(rows, {"binding": section, "peaks": {}})
    done = run_snakemake(make_binding({}, BARE), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert "encode_proteins" not in planned(done)  # nobody asks for them


@pytest.mark.slow
def test_the_toy_proteins_and_biotypes_are_encoded(run_snakemake, make_binding, small_esm):
    directory = make_binding(
        {
            "proteins": {"encoder": "small_esm", "max_tokens": 64},
            "contexts": {"biotypes": "biotypes.tsv", "biotype_columns": ["organ"]},
        }
    )
    (directory / "biotypes.tsv").write_text("biotype\torgan\nliver\tgut\n")
    indices = [f"results/toy_peaks/binding/{name}.tsv" for name in ("proteins", "contexts")]
    done = run_snakemake(directory, *indices)
    assert done.returncode == 0, done.stdout
    proteins, contexts = (read_embeddings(directory / index) for index in indices)
    assert set(proteins) == {"TOYA", "TOYB", "TOYC-TOYA"}
    assert proteins.dim == 8
    lengths = {name: proteins.count_tokens(name) for name in proteins}
    assert lengths == {"TOYA": 30, "TOYB": 5, "TOYC-TOYA": 63 + 30}  # one is cut
    np.testing.assert_array_equal(
        contexts["liver"], build_encoder("ngrams").encode(["liver | gut"])[0]
    )
    assert "K-1.2" in contexts
    files = sorted((directory / "results/toy_peaks/binding/embeddings").rglob("*.npy"))
    assert len(files) == 3 + 2
    before = {path: path.stat().st_mtime_ns for path in files}
    (directory / indices[0]).unlink()
    told = directory / "config/config.yaml"
    config = yaml.safe_load(told.read_text())
    config["binding"]["encoders"]["contexts"]["encoder"] = "table"
    told.write_text(yaml.safe_dump(config))
    done = run_snakemake(directory, *indices)
    assert done.returncode == 0, done.stdout
    assert {path: path.stat().st_mtime_ns for path in files} == before
    key = build_encoder("table", names=["K-1.2", "liver"]).key("liver")  # of names alone
    assert list((directory / "results/toy_peaks/binding/embeddings").rglob(f"{key}.npy"))
    shutil.rmtree(directory)
