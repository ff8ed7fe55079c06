"""Pairs bound into a checkpoint: the same values as window by window, and clear refusals."""

import dataclasses
import hashlib
import json
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pyBigWig
import pytest

from basewise.checkpoints.store import load_checkpoint, save_checkpoint
from basewise.cli import main
from basewise.encoders import build_encoder, encode_biotypes, read_embeddings
from basewise.encoders.cache import write_embeddings
from basewise.errors import BasewiseError
from basewise.estimate.bound import foresee_bound
from basewise.inference.shard import predict_shard
from basewise.models.binding.geometry import plan_tiles_of
from basewise.models.binding.model import build_binding_model
from basewise.tiling import place_windows, plan_shards, slide_windows
from basewise.track import find_dtype
from basewise.tracks.merge import merge_track
from basewise.training.binding.bind import bind_targets
from basewise.training.binding.checkpoint import load_binding, make_encoder, note_encoders
from basewise.training.binding.predict import predict_windows
from basewise.training.binding.targets import BoundTarget, check_biotypes

ROOT = Path(__file__).resolve().parents[3]
ENCODERS = {
    "proteins": {"encoder": "physchem"},
    "contexts": {"encoder": "ngrams", "dim": 8},
}
ROWS = [
    BoundTarget("TOYA", "cell"),
    BoundTarget("TOYB", "cell", name="second", colour="#112233"),
    BoundTarget("TOYC", "other", unseen_biotype=True),
]
KMERS = {
    "family": "nucleotide_transformer",
    "architecture": {
        "tokenizer": "v2_6mer",
        "trunk": {
            "alphabet_size": 4107, "pad_token_id": 1, "mask_token_id": 2, "max_positions": 64,
            "embed_dim": 8, "attention_heads": 2, "ffn_embed_dim": 8, "num_layers": 1,
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def save_binding(facts, draw_params):
    """A function that writes a checkpoint of drawn parameters, and returns its folder."""

    def save(folder, *, trunk=None, window_bp=None, encoders=None, **adapter):
        trunk = trunk or facts.TRUNK
        config = {"protein_dim": 28, "context_dim": 8, "binary_target": True}
        architecture = {"trunk": trunk, "adapter": facts.ADAPTER | config | adapter}
        architecture["adapter"]["trunk_dim"] = 48 if trunk is facts.TRUNK else 8
        model = build_binding_model(architecture)
        described = {
            "name": "drawn", "family": "binding", "revision": "1", "source": "tests",
            "licence": "MIT", "species": ["nothing"], "tile_spec": None, "tracks": [],
            "architecture": {"trunk": trunk, "adapter": model.config.to_dict()},
            "window_bp": window_bp or facts.WIDTH,
            "encoders": encoders or note_encoders(ENCODERS),
            "residues": {"residue_stride": 2, "max_residues": None},
            "data": {"biotypes": ["cell", "liver", "cell line"]},
        }  # fmt: skip
        save_checkpoint(folder, described, draw_params(model.init, seed=2, factor=2))
        return folder

    return save


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, save_binding):
    return save_binding(tmp_path_factory.mktemp("binding") / "drawn")


@pytest.fixture(scope="module")
def fasta(tmp_path_factory, facts):
    path = tmp_path_factory.mktemp("proteins") / "proteins.fa"
    path.write_text("".join(f">{gene} P\n{chain}\n" for gene, chain in facts.CHAINS.items()))
    return path


@pytest.fixture(scope="module")
def bound(tmp_path_factory, drawn, fasta):
    folder = tmp_path_factory.mktemp("bound") / "tracks"
    bind_targets(drawn, ROWS, fasta, folder)
    return folder


def read_tile(folder, bases):
    """The values float32 (bins, tracks) of bases that are one tile, and the model's geometry."""
    model, params, _ = load_checkpoint(folder)
    assert model.tile_spec.context_bp == len(bases)
    return np.asarray(jax.jit(model.apply)(params, model.encode(bases[None])))[0], model.tile_spec


def indices_of(tmp_path, checkpoint, facts):
    loaded = load_binding(checkpoint)
    write_embeddings(
        {name: (chain,) for name, chain in facts.CHAINS.items()},
        loaded.build_encoder("proteins"),
        tmp_path / "embeddings",
        tmp_path / "proteins.tsv",
    )
    encode_biotypes(
        {name: name for name in ("cell", "other")},
        loaded.build_encoder("contexts"),
        tmp_path / "embeddings",
        tmp_path / "contexts.tsv",
    )
    return {name: tmp_path / f"{name}.tsv" for name in ("proteins", "contexts")}


def test_values_are_those_of_the_windows_around_the_bins(bound, drawn, genome, facts, tmp_path):
    config = json.loads((bound / "config.json").read_text())
    assert [track["name"] for track in config["tracks"]] == ["TOYA.cell", "second", "TOYC.other"]
    assert {track["kind"] for track in config["tracks"]} == {"binding"}
    assert config["tracks"][1]["colour"] == "#112233"
    first = 1000
    spec = load_checkpoint(bound)[0].tile_spec
    values, _ = read_tile(bound, genome.read("one", first, first + spec.context_bp))
    assert values.shape == (spec.predicted_bp() // 8, 3)
    assert values.std(axis=0).min() > 3e-4
    places = place_windows(spec, facts.WIDTH, spec.context_bp)
    centres = places.mean(axis=1) - spec.margin_bp
    np.testing.assert_array_equal(centres, 8 * np.arange(len(places)) + 4)
    chosen = np.array([0, 7, 100, len(places) - 1])
    rows = [
        {"chrom": "one", "start": first + start, "end": first + end}
        | {"target": row.target, "biotype": row.biotype}
        for start, end in places[chosen].tolist()
        for row in ROWS
    ]
    logits = predict_windows(
        load_binding(drawn),
        pd.DataFrame(rows),
        genome,
        **indices_of(tmp_path, drawn, facts),
        batch_size=4,
    )
    expected = 1 / (1 + np.exp(-logits.reshape(len(chosen), 3)))
    np.testing.assert_allclose(values[chosen], expected, rtol=1e-4, atol=1e-5)


def test_a_pair_alone_is_as_among_others(bound, drawn, fasta, tmp_path, genome):
    spec = load_checkpoint(bound)[0].tile_spec
    bases = genome.read("two", 0, spec.context_bp)
    together, _ = read_tile(bound, bases)
    bind_targets(drawn, ROWS[1:2], fasta, tmp_path / "alone")
    alone, _ = read_tile(tmp_path / "alone", bases)
    np.testing.assert_allclose(alone[:, 0], together[:, 1], rtol=1e-5, atol=1e-6)


def test_the_command_line_binds_and_predicts(bound, drawn, fasta, toy, genome, tmp_path):
    table = tmp_path / "targets.tsv"
    table.write_text(
        "target\tbiotype\tname\tcolour\tunseen_biotype\nTOYA\tcell\t\t\t\n"
        "TOYB\tcell\tsecond\t#112233\t\nTOYC\tother\t\t\tyes\n"
    )
    told = ["checkpoint", "bind", str(drawn), "--targets", str(table), "--proteins", str(fasta)]
    assert main([*told, "--out", str(tmp_path / "tracks")]) == 0
    files = [folder / "params.safetensors" for folder in (tmp_path / "tracks", bound)]
    assert files[0].read_bytes() == files[1].read_bytes()
    spec = load_checkpoint(bound)[0].tile_spec
    end = spec.context_bp - spec.margin_bp
    told = ["predict", "--checkpoint", str(tmp_path / "tracks"), "--fasta", str(toy / "genome.fa")]
    told += ["--region", f"two:{spec.margin_bp}-{end}", "--out", str(tmp_path / "values.npz")]
    assert main(told) == 0
    expected, _ = read_tile(bound, genome.read("two", 0, spec.context_bp))
    with np.load(tmp_path / "values.npz") as found:
        assert found["track_names"].tolist() == ["TOYA.cell", "second", "TOYC.other"]
        np.testing.assert_allclose(found["values"][0], expected, rtol=1e-5, atol=1e-6)


def test_a_broken_row_ends_the_command_in_one_line(drawn, fasta, tmp_path, capsys):
    table = tmp_path / "targets.tsv"
    table.write_text("target\tbiotype\nTOYA\tcel\n")
    told = ["checkpoint", "bind", str(drawn), "--targets", str(table), "--proteins", str(fasta)]
    assert main([*told, "--out", str(tmp_path / "tracks")]) == 1
    assert (
        f"{table} line 2: checkpoint drawn was not trained on the biotype; found 'cel'. Did "
        in (capsys.readouterr().err)
    )


def test_an_estimate_foresees_what_is_bound(bound, drawn, fasta, tmp_path):
    table = tmp_path / "targets.tsv"
    table.write_text("target\tbiotype\tunseen_biotype\nTOYA\tcell\t\nTOYC\tother\tyes\n")
    bind_targets(drawn, [ROWS[0], ROWS[2]], fasta, tmp_path / "tracks")
    chapter = {"targets": table, "proteins": fasta, "step_bp": None}
    foreseen = foresee_bound(drawn, chapter, {"peaks": None})
    found = json.loads((tmp_path / "tracks/config.json").read_text())
    for key in ("architecture", "tile_spec", "tracks", "pairs"):
        assert foreseen[key] == found[key]


def test_shards_change_no_byte(bound, genome, toy, tmp_path):
    """The same genome as one job and as three, through shards to a bigWig."""
    sizes = {"two": genome.chromsizes["two"]}
    spec = load_checkpoint(bound)[0].tile_spec
    merged = []
    for n_shards in (1, 3):
        folder = tmp_path / str(n_shards)
        folder.mkdir()
        plan_shards(
            toy / "genome.fa",
            spec,
            outputs=[folder / "tiles.bed"],
            regions=folder / "regions.bed",
            unscored=folder / "unscored.bed.gz",
            max_ambiguous_run_bp=100,
            within={"two": np.array([[0, sizes["two"]]])},
        )
        shards = [folder / f"{number}.shard" for number in range(n_shards)]
        for number, shard in enumerate(shards, start=1):
            predict_shard(
                tiles=folder / "tiles.bed",
                part=f"{number}-of-{n_shards}",
                genome=toy / "genome.fa",
                checkpoint=bound,
                output=shard,
                batch_size=2,
            )
        merge_track(shards, "second", sizes, None, folder / "second.bw")
        merged.append((folder / "second.bw").read_bytes())
    assert merged[0] == merged[1]
    with pyBigWig.open(str(tmp_path / "1/second.bw")) as bigwig:
        values = bigwig.values("two", 0, sizes["two"], numpy=True)
    assert not np.isnan(values).any()
    first, _ = read_tile(bound, genome.read("two", 0, spec.context_bp))
    place = spec.margin_bp + 8 * 100  # within the first window that reads no N
    np.testing.assert_allclose(values[place], first[100, 1], atol=1 / 255)


def test_a_protein_that_no_model_saw_is_welcome(drawn, tmp_path):
    fasta = tmp_path / "new.fa"
    fasta.write_text(">one\nMKRHHE\n>two\nGGST\n")
    row = BoundTarget("NEW", "cell", protein=str(fasta))
    bind_targets(drawn, [row], None, tmp_path / "bound", step_bp=16)
    model, params, config = load_checkpoint(tmp_path / "bound")
    assert model.tile_spec.resolution_bp == 16
    assert [track.name for track in model.tracks] == ["NEW.cell"]
    assert config["architecture"]["buckets"] == [[1, 16]]
    assert params["pairs"]["binding_pairs/proteins_0"]["mask"].sum() == 5  # of two chains


def test_bins_of_tracks_are_the_middle_of_a_window(tmp_path, save_binding, facts, genome, fasta):
    options = {"binary_target": False, "joint_cross_attn_depth": 1, "attention_heads": 2}
    options |= {"attention_dim_head": 4, "condition_film": True}
    folder = save_binding(tmp_path / "drawn", trunk=KMERS, window_bp=96, **options)
    bind_targets(folder, ROWS, fasta, tmp_path / "bound")
    bases = genome.read("two", 0, 96)
    values, spec = read_tile(tmp_path / "bound", bases)
    assert (spec.resolution_bp, spec.core_bp, spec.predicted_bp()) == (6, 72, 96)
    assert find_dtype("uint8", load_checkpoint(tmp_path / "bound")[0].tracks) == "float32"
    loaded = load_binding(folder)
    chain = loaded.build_encoder("proteins").encode([facts.CHAINS["TOYB"]])[0][1::2]
    context = loaded.build_encoder("contexts").encode(["cell"])
    expected = jax.jit(loaded.model.apply)(
        loaded.params, loaded.model.trunk.encode(bases[None]), chain[None], None, np.stack(context)
    )
    np.testing.assert_allclose(values[:, 1], expected["track"][0], rtol=1e-4, atol=1e-5)
    with pytest.raises(BasewiseError, match="step_bp of a model that predicts tracks is 6"):
        bind_targets(folder, ROWS, fasta, tmp_path / "other", step_bp=4)


def test_bins_that_a_trunk_crops_are_read_for_their_context_alone(facts):
    trunk = json.loads(json.dumps(facts.TRUNK))
    trunk["architecture"]["trunk"]["target_length"] = 4
    adapter = facts.ADAPTER | {"trunk_dim": 48, "protein_dim": 28, "context_dim": 8}
    model = build_binding_model({"trunk": trunk, "adapter": adapter})
    spec = plan_tiles_of(model, 64)
    assert (spec.margin_bp, spec.halo_bp, spec.predicted_bp()) == (16, 16, 32)
    whole = build_binding_model({"trunk": facts.TRUNK, "adapter": adapter})
    spec = plan_tiles_of(whole, 64)
    assert (spec.margin_bp, spec.halo_bp, spec.core_bp) == (0, 8, 48)


def test_k_mers_are_cut_in_every_window_anew(tmp_path, save_binding, facts, genome, fasta):
    folder = save_binding(tmp_path / "drawn", trunk=KMERS, window_bp=60)
    bind_targets(folder, ROWS[:1], fasta, tmp_path / "bound", step_bp=4)
    spec = load_checkpoint(tmp_path / "bound")[0].tile_spec
    bases = genome.read("two", 0, spec.context_bp)
    values, _ = read_tile(tmp_path / "bound", bases)
    assert len(values) == spec.context_bp // 4
    later, _ = read_tile(tmp_path / "bound", genome.read("two", 8, 8 + spec.context_bp))
    inner = slice(spec.halo_bp // 4, len(values) - spec.halo_bp // 4 - 2)
    np.testing.assert_allclose(values[2:][inner], later[:-2][inner], rtol=1e-5, atol=1e-6)
    assert values[inner].std() > 1e-4


@pytest.mark.parametrize(("window_bp", "step_bp"), [(256, 32), (200, 200), (101, 3), (10, 50)])
@pytest.mark.parametrize("alphabet", ["onehot", "kmer"])
def test_windows_lie_around_their_bins(window_bp, step_bp, alphabet):
    spec = slide_windows(window_bp, step_bp=step_bp, alphabet=alphabet, k=1)
    places = place_windows(spec, window_bp, spec.context_bp)
    assert places.min() >= 0
    assert places.max() <= spec.context_bp
    assert (places[:, 1] - places[:, 0] == window_bp).all()
    bins = spec.margin_bp + step_bp * np.arange(len(places))
    off = places.mean(axis=1) - bins - step_bp / 2
    kept = (bins >= spec.halo_bp) & (bins < spec.context_bp - spec.halo_bp)
    assert abs(off[kept]).max() <= 0.5
    if (window_bp - step_bp) % 2 == 0:  # read from the other strand, they are the same windows
        np.testing.assert_array_equal(spec.context_bp - places[::-1, ::-1], places)
    with pytest.raises(BasewiseError, match="step_bp must be at least 1"):
        slide_windows(window_bp, step_bp=0, alphabet=alphabet)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "TOYX"}, r"here line 2: target 'TOYX' has no protein; .* Did you mean 'TOY"),
        ({"biotype": "liber"}, r"not trained on the biotype; found 'liber'. Did you mean 'liver'"),
        ({"protein": "{bad}"}, r"bad.fa line 3 is no protein; found '7' at column 4"),
        ({"protein": "gone.fa"}, "the protein at gone.fa does not exist"),
        ({"target": "TOYA"}, "here line 2: TOYA in cell comes a second time; found the first in"),
        ({"name": "TOYA.cell"}, "two tracks would have one name; found 'TOYA.cell'"),
    ],
)
def test_rows_that_cannot_be_bound_are_named(drawn, fasta, tmp_path, change, words):
    bad = tmp_path / "bad.fa"
    bad.write_text(">a\nMKK\nMKK7\n")
    change = {key: value.format(bad=bad) for key, value in change.items()}
    row = dataclasses.replace(ROWS[1], **({"name": None, "where": "here line 2"} | change))
    rows = [ROWS[0], row]
    with pytest.raises(BasewiseError, match=words):
        bind_targets(drawn, rows, fasta, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_of_contexts_is_noted_and_reads_no_other(drawn, tmp_path):
    index = tmp_path / "contexts.tsv"
    names = {"liver": "liver", "cell": "cell"}
    encode_biotypes(names, build_encoder("table", names=names), tmp_path / "embeddings", index)
    noted = note_encoders({"contexts": {"encoder": "table"}}, index)["contexts"]
    assert noted["names"] == ["cell", "liver"]
    encoder = make_encoder("contexts", noted)
    assert encoder.fingerprint == noted["fingerprint"]
    np.testing.assert_array_equal(encoder.encode(["liver"])[0], read_embeddings(index)["liver"])
    config = json.loads((drawn / "config.json").read_text())
    check_biotypes(ROWS, config)
    with pytest.raises(BasewiseError, match="not trained on the biotype; found 'other'"):
        check_biotypes(ROWS, config, is_closed=True)


def test_biotypes_are_read_as_in_training(save_binding, facts, fasta, tmp_path):
    texts = {"cell": "cell | blood"}
    index = tmp_path / "contexts.tsv"
    encoder = make_encoder("contexts", ENCODERS["contexts"])
    encode_biotypes(texts | {"liver": "liver"}, encoder, tmp_path / "embeddings", index)
    folder = save_binding(tmp_path / "drawn", encoders=note_encoders(ENCODERS, index))
    rows = [BoundTarget("TOYA", biotype, unseen_biotype=True) for biotype in ("cell", "new")]
    bind_targets(folder, rows, fasta, tmp_path / "out", texts=texts | {"new": "new | thing"})
    for number, other in enumerate((None, {"cell": "cell | skin"})):
        with pytest.raises(BasewiseError, match="biotype 'cell' was read otherwise in training"):
            bind_targets(folder, rows, fasta, tmp_path / f"none_{number}", texts=other)
    found = set()
    for name, other in {"names": None, "more": {"liver": "liver | organ"}}.items():
        bind_targets(folder, [BoundTarget("TOYA", "liver")], fasta, tmp_path / name, texts=other)
        found.add((tmp_path / name / "params.safetensors").read_bytes())
    assert len(found) == 1, "a table that came later changes nothing of what had no text"


def test_a_table_of_contexts_is_one_of_names_whatever_a_table_of_biotypes_adds(
    save_binding, fasta, tmp_path
):
    names = {"cell": "cell", "cell line": "cell line"}  # in another order than their texts
    texts = {"cell": "cell | blood", "cell line": "cell line | blood"}
    index = tmp_path / "contexts.tsv"
    encode_biotypes(names, build_encoder("table", names=names), tmp_path / "embeddings", index)
    section = {"contexts": {"encoder": "table"}}
    noted = note_encoders(ENCODERS | section, index)
    folder = save_binding(tmp_path / "drawn", context_dim=2, encoders=noted)
    rows = [BoundTarget("TOYA", "cell"), BoundTarget("TOYA", "cell line")]
    bind_targets(folder, rows, fasta, tmp_path / "named")
    bind_targets(folder, rows, fasta, tmp_path / "described", texts=texts)
    found = [
        (tmp_path / name / "params.safetensors").read_bytes() for name in ("named", "described")
    ]
    assert found[0] == found[1]
    other = build_encoder("table", names=list(texts.values()))
    encode_biotypes(texts, other, tmp_path / "embeddings", tmp_path / "texts.tsv")
    with pytest.raises(BasewiseError, match=r"texts.tsv was not made by a table of its names"):
        note_encoders(section, tmp_path / "texts.tsv")


def test_a_checkpoint_must_have_the_checksum_that_is_asked_for(drawn, fasta, tmp_path):
    own = hashlib.sha256((drawn / "params.safetensors").read_bytes()).hexdigest()
    bind_targets(drawn, ROWS[:1], fasta, tmp_path / "out", checksum=f"sha256:{own}")
    other = "md5:" + "0" * 32
    with pytest.raises(BasewiseError, match=r"params.safetensors is not the expected file"):
        bind_targets(drawn, ROWS[:1], fasta, tmp_path / "none", checksum=other)
    assert not (tmp_path / "none").exists()


def test_checkpoints_that_cannot_be_bound_are_named(drawn, fasta, tmp_path, bound):
    for folder in (ROOT / "resources/toy/segment_nt_toy", bound):
        with pytest.raises(BasewiseError, match="is no checkpoint of binding"):
            bind_targets(folder, ROWS, fasta, tmp_path / "out")
    config = json.loads((drawn / "config.json").read_text())
    wrong = {
        "is not the one that checkpoint drawn was trained with": ("encoders", "proteins"),
        "should be 48, the channels of this enformer trunk": ("architecture", "adapter"),
    }
    for number, (words, (part, key)) in enumerate(wrong.items()):
        changed = json.loads(json.dumps(config))
        changed[part][key] |= {"fingerprint": "0" * 64} if part == "encoders" else {"trunk_dim": 9}
        folder = tmp_path / f"wrong_{number}"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(changed))
        (folder / "params.safetensors").write_bytes((drawn / "params.safetensors").read_bytes())
        with pytest.raises(BasewiseError, match=words):
            bind_targets(folder, ROWS, fasta, tmp_path / "out")
    with pytest.raises(BasewiseError, match="there is no target to bind"):
        bind_targets(drawn, [], fasta, tmp_path / "out")
