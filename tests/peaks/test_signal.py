"""BigWigs become training targets: binned once, sliced at loci, as the seed system had them."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from basewise.errors import BasewiseError
from basewise.peaks.signal import (
    BinnedSignal,
    SignalTargets,
    bin_bigwig,
    bin_signals,
    read_loci,
    read_signals,
)
from basewise.peaks.signal import convert as convert_module

SIZES = {"chr1": 1_000, "chr2": 515}
OWN = "name\ttarget\tbiotype\na\tCTCF\tK562\nb\tSOX2\tHepG2\n"
LOCI = "chr1\t0\t320\ttrain\nchr2\t128\t448\tvalid\nchr1\t640\t960\ttrain\n"


def values_of(seed: int) -> dict[str, np.ndarray]:
    """Values of every base, half of them missing, and one stretch without any."""
    rng = np.random.default_rng(seed)
    tracks = {chrom: rng.normal(2, 1, size).astype(np.float32) for chrom, size in SIZES.items()}
    for values in tracks.values():
        values[rng.random(len(values)) < 0.5] = np.nan
    tracks["chr1"][64:128] = np.nan
    return tracks


def fold(values: np.ndarray, width: int, statistic: str) -> np.ndarray:
    """The bins of values, NaN where none is present."""
    bins = [values[i : i + width].astype(float) for i in range(0, len(values), width)]
    folds = {"mean": np.nanmean, "sum": np.nansum, "max": np.nanmax}
    return np.array([np.nan if np.isnan(b).all() else folds[statistic](b) for b in bins])


@pytest.fixture
def folder(tmp_path, make_bigwig) -> Path:
    """A directory with two bigWigs, a table of them, loci and chrom.sizes."""
    (tmp_path / "bigwigs").mkdir()
    for seed, name in enumerate("ab"):
        make_bigwig(name, values_of(seed)).rename(tmp_path / "bigwigs" / f"{name}.bw")
    (tmp_path / "signals.tsv").write_text(OWN)
    (tmp_path / "loci.bed").write_text(LOCI)
    (tmp_path / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in SIZES.items()))
    return tmp_path


@pytest.fixture
def run(folder):
    """Bin everything of the folder; returns the path of the table."""

    def run(**changes) -> Path:
        settings = {"chromsizes": folder / "chrom.sizes", "resolution_bp": 32} | changes
        output = folder / "out/signals.tsv"
        bin_signals(
            folder / "signals.tsv", folder / "bigwigs", folder / "loci.bed", output, **settings
        )
        return output

    return run


@pytest.mark.parametrize("statistic", ["mean", "sum", "max"])
def test_bins_of_whole_chroms(folder, statistic, monkeypatch):
    monkeypatch.setattr(convert_module, "SPAN_BINS", 7)  # many spans per chrom
    output = folder / "a.npy"
    settings = {"resolution_bp": 32, "statistic": statistic}
    assert bin_bigwig(folder / "bigwigs/a.bw", output, SIZES, **settings)
    signal = BinnedSignal(output)
    assert signal.chromsizes == SIZES
    wanted = {chrom: fold(v, 32, statistic) for chrom, v in values_of(0).items()}
    np.testing.assert_allclose(signal.bins, np.concatenate(list(wanted.values())), rtol=1e-6)
    np.testing.assert_allclose(signal.read("chr2", 96, 512), wanted["chr2"][3:16], rtol=1e-6)
    assert np.isnan(signal.read("chr1", 64, 128)).all()
    np.testing.assert_array_equal(np.load(output), signal.bins)  # a plain .npy


@pytest.mark.parametrize("processes", [1, 2])
def test_targets_are_the_bins_of_loci(run, folder, processes):
    table = run(processes=processes)
    targets = SignalTargets(table, missing="nan")
    loci = read_loci(folder / "loci.bed", SIZES, resolution_bp=32)
    found = targets.read(loci)
    assert found.shape == (3, 10, 2)
    for column in range(2):
        for row, (chrom, start, end) in enumerate(loci[["chrom", "start", "end"]].values):
            wanted = fold(values_of(column)[chrom][start:end], 32, "mean")
            np.testing.assert_allclose(found[row, :, column], wanted, rtol=1e-6)
    assert np.isnan(found).any()
    zeros = SignalTargets(table).read(loci)
    np.testing.assert_array_equal(zeros, np.nan_to_num(found))
    np.testing.assert_array_equal(targets.read(loci, [1]), found[:, :, 1:])
    again = pickle.loads(pickle.dumps(targets))
    np.testing.assert_array_equal(again.read(loci), found)
    listed = pd.read_csv(table, sep="\t").set_index("name")
    assert listed.target.tolist() == ["CTCF", "SOX2"]
    for column, name in enumerate("ab"):
        held = found[:, :, column]
        assert listed.loc[name, "missing"] == pytest.approx(np.isnan(held).mean(), rel=1e-5)
        assert listed.loc[name, "mean"] == pytest.approx(np.nanmean(held), rel=1e-5)
        assert listed.loc[name, "max"] == pytest.approx(np.nanmax(held), rel=1e-5)


@pytest.mark.parametrize(("kept", "left"), [(10, 0), (9, 0), (8, 1), (7, 1), (1, 4)])
def test_cropping_keeps_the_middle(run, folder, kept, left):
    """None, an even or an odd number of bins is cut; as many are kept as were asked for."""
    table = run()
    loci = read_loci(folder / "loci.bed", SIZES, resolution_bp=32)
    whole = SignalTargets(table).read(loci)
    found = SignalTargets(table, crop_to_bins=kept).read(loci)
    np.testing.assert_array_equal(found, whole[:, left : left + kept])


def test_loci_off_the_grid(run, folder):
    (folder / "loci.bed").write_text("chr1\t37\t357\nchr1\t64\t384\n")
    with pytest.raises(BasewiseError, match=r"1 of 2 loci are off the grid.*chr1:37-357"):
        run(off_grid="error")
    table = run()
    loci = read_loci(folder / "loci.bed", SIZES, resolution_bp=32)
    exact = SignalTargets(table, off_grid="exact", missing="nan", crop_to_bins=8).read(loci)
    snapped = SignalTargets(table, off_grid="snap", missing="nan").read(loci)
    for column in range(2):
        bases = values_of(column)["chr1"]
        bins = fold(bases[37:357], 32, "mean")[1:9]
        np.testing.assert_allclose(exact[0, :, column], bins, rtol=1e-6)
        bins = fold(bases[64:384], 32, "mean")[1:9]
        np.testing.assert_allclose(exact[1, :, column], bins, rtol=1e-6)
        np.testing.assert_allclose(snapped[0, :, column], fold(bases[32:352], 32, "mean"), 1e-6)
    with pytest.raises(BasewiseError, match="off the grid"):
        SignalTargets(table, off_grid="error").read(loci)
    with (folder / "bigwigs/a.bw").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(BasewiseError, match=r"a\.bw has changed since it was binned"):
        SignalTargets(table, off_grid="exact").read(loci)


def test_bins_are_made_once(run, folder):
    table = run()
    bins, record = table.parent / "bins/a.npy", table.parent / "bins/a.json"
    made = bins.stat().st_mtime_ns, record.stat().st_mtime_ns
    run()
    assert (bins.stat().st_mtime_ns, record.stat().st_mtime_ns) == made
    os.utime(folder / "bigwigs/a.bw")  # touched, the same bytes: only the record is renewed
    run()
    assert bins.stat().st_mtime_ns == made[0]
    assert json.loads(record.read_text())["source"]["mtime_ns"] > made[1]
    run(resolution_bp=64)
    assert bins.stat().st_mtime_ns > made[0]
    (folder / "bigwigs/b.bw").replace(folder / "bigwigs/a.bw")
    (folder / "signals.tsv").write_text(OWN.splitlines()[0] + "\na\tCTCF\tK562\n")
    run()
    np.testing.assert_allclose(
        BinnedSignal(bins).read("chr2", 0, 512), fold(values_of(1)["chr2"][:512], 32, "mean"), 1e-6
    )


def test_a_failed_conversion_leaves_no_bins_that_could_be_read(run, folder, monkeypatch):
    table = run()

    def fail(*_, **__):
        raise BasewiseError("the disk is gone")

    monkeypatch.setattr(convert_module, "bin_values", fail)
    with pytest.raises(BasewiseError, match="the disk is gone"):
        run(statistic="max")
    with pytest.raises(BasewiseError, match="are no bins of a signal"):
        SignalTargets(table)
    assert {path.name for path in (table.parent / "bins").iterdir()} == {"a.npy", "b.npy", "b.json"}


def test_chroms_by_other_names(folder, make_bigwig):
    tracks = values_of(0)
    renamed = make_bigwig(
        "r", {"1": tracks["chr1"], "NC_2": tracks["chr2"], "chrX": tracks["chr1"]}
    )
    (folder / "names.tsv").write_text("chr2\tNC_2\n")
    settings = {"resolution_bp": 32, "aliases": folder / "names.tsv"}
    bin_bigwig(renamed, folder / "r.npy", SIZES, **settings)
    bin_bigwig(folder / "bigwigs/a.bw", folder / "a.npy", SIZES, resolution_bp=32)
    signal = BinnedSignal(folder / "r.npy")
    np.testing.assert_array_equal(signal.bins, BinnedSignal(folder / "a.npy").bins)
    assert signal.name_in_source("chr2") == "NC_2"


def test_a_locus_must_be_where_the_bigwig_is(run, folder):
    table = run()
    targets = SignalTargets(table)
    loci = pd.DataFrame({"chrom": ["chr1"], "start": [960], "end": [1_024]})
    with pytest.raises(BasewiseError, match="chr1:960-1024 is not within its 1000 bp"):
        targets.read(loci)
    with pytest.raises(BasewiseError, match="no chrom chrX"):
        targets.read(loci.assign(chrom="chrX"))
    with pytest.raises(BasewiseError, match=r"found 40 bp, resolution 32 bp"):
        targets.read(loci.assign(end=1_000))
    with pytest.raises(BasewiseError, match="2 bins of 32 bp, 3 to keep"):
        SignalTargets(table, crop_to_bins=3).read(loci.assign(start=0, end=64))


def replace_bigwig(folder: Path, make_bigwig, tracks) -> None:
    make_bigwig("other", tracks).replace(folder / "bigwigs/a.bw")


def test_bigwigs_that_do_not_fit_are_refused_before_any_is_binned(run, folder, make_bigwig):
    tracks = values_of(0)
    replace_bigwig(folder, make_bigwig, {"chr1": tracks["chr1"]})
    with pytest.raises(BasewiseError, match=r"a\.bw has no chrom chr2, where loci are"):
        run()
    replace_bigwig(folder, make_bigwig, tracks | {"chr2": tracks["chr2"][:500]})
    with pytest.raises(BasewiseError, match=r"a\.bw: chrom chr2 has another size.*500 bp, not 515"):
        run()
    replace_bigwig(folder, make_bigwig, {"scaffold_1": tracks["chr1"]})
    with pytest.raises(
        BasewiseError, match=r"a\.bw has no chrom of the assembly; found scaffold_1"
    ):
        run()
    whole = (folder / "bigwigs/b.bw").read_bytes()
    (folder / "bigwigs/a.bw").write_bytes(whole[: len(whole) // 2])
    (folder / "bigwigs/b.bw").write_text("no")
    with pytest.raises(
        BasewiseError, match=r"a\.bw is not a whole bigWig.* And 1 other bigWigs cannot be used"
    ):
        run()
    assert not (folder / "out").exists()


def test_a_chrom_without_loci_may_be_absent(run, folder, make_bigwig):
    (folder / "loci.bed").write_text("chr1\t0\t320\n")
    replace_bigwig(folder, make_bigwig, {"chr1": values_of(0)["chr1"]})
    targets = SignalTargets(run())
    assert targets.read(pd.DataFrame({"chrom": ["chr1"], "start": [0], "end": [320]})).any()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("name\ttarget\nc\tCTCF\n", r"line 2: the bigWig of 'c' is missing.*c\.bw"),
        ("name\ttarget\tpath\nc\tCTCF\tsub/x.bw\n", r"line 2: the bigWig of 'c'.*sub/x\.bw"),
        ("name\ttarget\na\tCTCF\na\tSOX2\n", "line 3 repeats the name of line 2; found 'a'"),
        ("name\ttarget\na\n", "line 2 lacks a name or a target"),
        ("name\ttarget\na\tCTCF\tK562\n", "line 2: the row has more cells"),
        ("name\tbiotype\na\tK562\n", "line 1: the header needs the columns name and target"),
        ("name\ttarget\tcolour\na\tCTCF\tred\n", "line 1: column 'colour' is not known"),
        ("name\ttarget\tpath\n../a\tCTCF\ta.bw\n", "line 2: the name of a signal cannot name"),
        ("name\ttarget\n", "names no signal"),
        ("", "names no signal"),
        ("SRX1\thg38\tTFs\n", "line 1 is no row of ChIP-Atlas; found 3 columns"),
        ("a\tmm10\tTFs\tCtcf\tBlood\tK-562\n", "names no signal of assembly 'hg38'; found 2 big"),
    ],
)
def test_tables_that_are_not_understood(folder, table, words):
    (folder / "signals.tsv").write_text(table)
    with pytest.raises(BasewiseError, match=words):
        read_signals(folder / "signals.tsv", folder / "bigwigs", assembly="hg38")


def test_a_table_or_a_folder_that_is_missing(folder):
    with pytest.raises(BasewiseError, match=r"none\.tsv does not exist"):
        read_signals(folder / "none.tsv", folder / "bigwigs")
    with pytest.raises(BasewiseError, match="the folder of bigWigs is missing"):
        read_signals(folder / "signals.tsv", folder / "none")
    (folder / "bigwigs/a.bigWig").touch()
    with pytest.raises(BasewiseError, match=r"two bigWigs of one name; found a\.bigWig and a\.bw"):
        read_signals(folder / "signals.tsv", folder / "bigwigs")


@pytest.mark.parametrize(
    ("loci", "words"),
    [
        ("chr1\t0\t321\n", "line 1: the width of a locus must be a multiple.*321 bp"),
        ("chr1\t0\t320\nchr1\t0\t640\n", "line 2: all loci must have one width"),
        ("chr1\t800\t1120\n", "line 1 reaches past the end of chr1"),
        ("chrX\t0\t320\n", "holds no locus"),
        ("chr1\t0\t320\ttrain\n", "no locus of split 'test'; found 1 loci of splits 'train'"),
    ],
)
def test_loci_that_cannot_be_used(tmp_path, loci, words):
    (tmp_path / "loci.bed").write_text(loci)
    with pytest.raises(BasewiseError, match=words):
        read_loci(tmp_path / "loci.bed", SIZES, resolution_bp=32, split="test")


def test_bins_that_were_tampered_with(run):
    table = run()
    np.save(table.parent / "bins/a.npy", np.zeros(3, np.float32))
    with pytest.raises(BasewiseError, match=r"a\.npy does not fit the record beside it"):
        SignalTargets(table)
    (table.parent / "bins/a.npy").write_bytes(b"no")
    with pytest.raises(BasewiseError, match=r"a\.npy cannot be read as bins"):
        SignalTargets(table)
    with pytest.raises(BasewiseError, match="found 'nil'"):
        SignalTargets(table, missing="nil")


def test_the_goldens_of_the_seed_system(shared, tmp_path):
    """Tables, bins and crop of its BigWigDataset: sums over 16 bp, 24 of 32 bins."""
    import pyBigWig

    data = json.loads((shared / "goldens/golden_tf_bind_data.json").read_text())
    fixtures, expected = data["fixtures"], data["expected"]["bigwig"]
    (tmp_path / "annot.tab").write_text(fixtures["annot.tab"])
    (tmp_path / "loci.bed").write_text(fixtures["loci.bed"])
    sizes = {"chr1": 3_000, "chr2": 2_000}
    (tmp_path / "chrom.sizes").write_text("chr1\t3000\nchr2\t2000\n")
    (tmp_path / "bigwigs").mkdir()
    for name, made in fixtures["bigwigs"].items():
        starts = [3 * i for i in range(len(made["values"]))]
        with pyBigWig.open(str(tmp_path / f"bigwigs/{name}.bw"), "w") as bigwig:
            bigwig.addHeader(list(sizes.items()))
            bigwig.addEntries(made["chrom"], starts, values=made["values"], span=made["span"])
    settings = {"assembly": "hg38", "resolution_bp": 16, "statistic": "sum"}
    signals = read_signals(tmp_path / "annot.tab", tmp_path / "bigwigs", assembly="hg38")
    columns = expected["annot_columns"]
    kept = [dict(zip(columns, row, strict=True)) for row in expected["annot_rows"]]
    assert [(s.name, s.target, s.biotype) for s in signals] == [
        (row["column_1"], row["target"], row["cell_type"]) for row in kept
    ]
    bin_signals(
        *(tmp_path / "annot.tab", tmp_path / "bigwigs", tmp_path / "loci.bed"),
        tmp_path / "out/signals.tsv",
        chromsizes=tmp_path / "chrom.sizes",
        **settings,
    )
    loci = read_loci(tmp_path / "loci.bed", sizes, resolution_bp=16, split="train")
    loci = loci[loci["chrom"] == "chr1"].reset_index(drop=True)
    targets = SignalTargets(tmp_path / "out/signals.tsv", crop_to_bins=24)
    found = targets.read(loci)
    assert found.shape == (len(loci), 24, expected["ntargets"])
    items = expected["items"]  # locus k mod n_loci, experiment k div n_loci
    assert len(items) == expected["n"] == found.shape[0] * found.shape[2]
    for k, item in enumerate(items):
        np.testing.assert_allclose(
            found[k % len(loci), :, k // len(loci)], item["label"], atol=6e-4
        )
    for kept, left in ((32, 4), (25, 0)):  # the seed system gave no bin, and one too many
        more = SignalTargets(tmp_path / "out/signals.tsv", crop_to_bins=kept).read(loci)
        assert more.shape[1] == kept
        middle = more[:, left : left + 24] if kept == 32 else more[:, 1:]
        np.testing.assert_array_equal(middle, found)
