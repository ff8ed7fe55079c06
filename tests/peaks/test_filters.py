"""What is kept of a catalogue: against bedtools and pandas, the funnel, and input of no use."""

import gzip
import json
import logging
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.intervals import merge
from basewise.peaks import (
    PeakColumns,
    PeakFilters,
    PeakStore,
    build_store,
    read_catalogue,
    read_proteins,
)
from basewise.peaks.filters import overlaps
from basewise.peaks.remap import find_remap

CHROMSIZES = {"chr1": 1_000, "chr2": 800, "chrX": 500, "chrY": 500, "chr10": 300}
needs_bedtools = pytest.mark.skipif(
    shutil.which("bedtools") is None, reason="bedtools is not installed"
)


def row(chrom, start, end, name, score=1.0):
    cells = (chrom, start, end, name, score, ".", (start + end) // 2, (start + end) // 2 + 1, "0")
    return "\t".join(map(str, cells)) + "\n"


ROWS = [
    row("chr1", 100, 150, "GSE1.CTCF.K562", 3.5),
    row("chr1", 100, 150, "GSE1.CTCF.K562", 7.5),
    row("chr1", 120, 180, "GSE2.CTCF.K562", 5),
    row("chr1", 300, 340, "GSE2.PAX3-FOXO1.RH-4", 2.5),
    row("chr2", 200, 260, "GSE1.CTCF.K562", 4.5),
    row("chr2", 210, 250, "GSE3.ESR1_S118ph.MCF-7_E2", 4),
    row("chr2", 215, 240, "GSE4.ESR1.MCF-7", 8),
    row("chrX", 10, 40, "GSE3.SOX2.cell.with.dots", 1.25),
]


@pytest.fixture
def build(tmp_path):
    """`build(rows, **options)` -> (funnel as {step: removed}, store)."""

    def run(rows=ROWS, **options):
        path = tmp_path / "peaks.bed.gz"
        path.write_bytes(gzip.compress("".join(rows).encode()))
        options = {"chromsizes": CHROMSIZES} | options
        funnel = build_store(str(path), tmp_path / "store", **options)
        table = funnel.table()
        assert table["left"].iloc[-1] == funnel.n_peaks
        removed = table.set_index("step")["removed"]
        return removed[removed != 0].to_dict(), PeakStore(tmp_path / "store")

    return run


def targets(store):
    return sorted(store.read()["target"].astype(str))


def test_duplicates_leave_the_highest_score(build):
    removed, store = build()
    assert removed == {"duplicates": 1}
    frame = store.read(chrom="chr1", experiment="GSE1")
    assert frame["score"].tolist() == [7.5]
    assert build(filters=PeakFilters(duplicates=False))[0] == {}


@pytest.mark.parametrize(
    ("filters", "step", "left"),
    [
        ({"targets": ["CTCF"]}, "targets", ["CTCF"] * 3),
        ({"targets": ["ESR1*"]}, "targets", ["ESR1", "ESR1_S118ph"]),
        ({"exclude_targets": ["CTCF", "ESR1_*"]}, "targets", ["ESR1", "PAX3-FOXO1", "SOX2"]),
        ({"biotypes": ["cell.with.dots"]}, "biotypes", ["SOX2"]),
        ({"experiments": ["GSE1"]}, "experiments", ["CTCF"] * 2),
        ({"exclude_experiments": ["GSE[12]"]}, "experiments", ["ESR1", "ESR1_S118ph", "SOX2"]),
        ({"chroms": ["chr2", "chrX"]}, "chroms", ["CTCF", "ESR1", "ESR1_S118ph", "SOX2"]),
        ({"exclude_chroms": ["chr1", "chr2"]}, "chroms", ["SOX2"]),
        ({"min_score": 4.5}, "score", ["CTCF"] * 3 + ["ESR1"]),
        ({"max_score": 2.5}, "score", ["PAX3-FOXO1", "SOX2"]),
        ({"modifications": "drop"}, "modifications", ["CTCF"] * 3 + ["ESR1", "PAX3-FOXO1", "SOX2"]),
        ({"min_peaks": 2}, "min_peaks", ["CTCF"] * 3),
    ],
)
def test_each_filter_alone(build, filters, step, left):
    removed, store = build(filters=PeakFilters(**filters))
    assert targets(store) == left
    assert removed.pop(step) + removed.pop("duplicates", 0) == len(ROWS) - len(left)
    assert removed == {}


def test_modifications_can_be_merged(build):
    _, store = build(filters=PeakFilters(modifications="merge"))
    frame = store.read(target="ESR1")
    assert frame["biotype"].tolist() == ["MCF-7", "MCF-7"]
    assert set(frame["modification"]) == {""}


def test_replicates_are_joined(build):
    removed, store = build(filters=PeakFilters(replicates="merge"))
    assert removed == {"duplicates": 1, "replicates": 1}
    frame = store.read(target="CTCF")
    assert frame[["chrom", "start", "end", "summit", "score"]].values.tolist() == [
        ["chr1", 100, 180, 125, 7.5],
        ["chr2", 200, 260, 230, 4.5],
    ]
    assert set(frame["experiment"]) == {"GSE1,GSE2"}
    removed, store = build(filters=PeakFilters(replicates="merge", min_experiments=2))
    assert removed == {"duplicates": 1, "replicates": 1, "min_experiments": 5}
    assert store.read()[["chrom", "start", "end"]].values.tolist() == [["chr1", 100, 180]]


def test_targets_without_a_protein_go(build, tmp_path, caplog):
    folder = tmp_path / "factors"
    folder.mkdir()
    for gene in ("CTCF", "PAX3", "FOXO1", "ESR1"):
        (folder / f"{gene}.{gene}_HUMAN.fasta").write_text(">x\nMA\n")
    removed, store = build(proteins=read_proteins(folder))
    assert removed == {"proteins": 1, "duplicates": 1}
    assert "SOX2" not in targets(store)
    assert "PAX3-FOXO1" in targets(store)
    assert "1 targets have no known protein: SOX2" in caplog.text


def test_nr_rows_are_counted_before_and_after_they_become_peaks(build):
    rows = [row("chr1", 5, 9, "CTCF:K562,HeLa"), row("chr1", 7, 9, "MYC:HeLa")]
    columns = PeakColumns("nr")
    removed, store = build(rows, columns=columns, filters=PeakFilters(biotypes=["HeLa"]))
    assert removed == {"names": -1, "biotypes": 1}
    assert store.scopes()[["target", "biotype", "n_peaks"]].values.tolist() == [
        ["CTCF", "HeLa", 1],
        ["MYC", "HeLa", 1],
    ]


def test_a_broken_nr_row_takes_no_other_rows_scopes(build):
    rows = [row("chr1", 5, 9, "CTCF"), row("chr1", 7, 9, "MYC:HeLa,K562")]
    _, store = build(rows, columns=PeakColumns("nr"), max_malformed=0.5)
    frame = store.read()
    assert frame[["target", "biotype"]].values.tolist() == [["MYC", "HeLa"], ["MYC", "K562"]]


def test_joined_peaks_name_the_experiments_that_were_kept(build):
    filters = PeakFilters(replicates="merge", exclude_experiments=["GSE2"], targets=["CTCF"])
    _, store = build(filters=filters)
    assert set(store.read()["experiment"]) == {"GSE1"}


def test_crm_rows(build):
    _, store = build([row("chr1", 5, 9, "CTCF,MYC")], columns=PeakColumns("crm"))
    assert targets(store) == ["CTCF", "MYC"]


def test_other_chrom_names_are_told(build, tmp_path):
    rows = [line.removeprefix("chr") for line in ROWS[:4]] + ROWS[4:]
    removed, store = build(rows)
    assert removed == {"duplicates": 1}
    assert store.chroms == ["chr1", "chr2", "chrX"]
    (tmp_path / "alias").write_text("chr1\tNC_1\n")
    rows = [line.replace("chr1", "NC_1") for line in ROWS]
    assert build(rows, aliases=tmp_path / "alias")[0] == {"duplicates": 1}


def test_roman_chroms_are_told_from_all_names_of_the_file(build):
    rows = [row(chrom, 5, 9, "E.T.B") for chrom in ("X", "I", "II", "III")]
    _, store = build(rows, chromsizes={f"chr{i}": 50 for i in (1, 2, 3, 10)})
    assert store.chroms == ["chr1", "chr2", "chr3"]


def test_the_order_of_rows_does_not_matter(build, tmp_path):
    _, store = build()
    before = {p.name: p.read_bytes() for p in store.path.rglob("*.parquet")}
    _, store = build(ROWS[::-1])
    assert {p.name: p.read_bytes() for p in store.path.rglob("*.parquet")} == before


def test_the_funnel_is_written(build, tmp_path):
    build(funnel_tsv=tmp_path / "funnel.tsv", filters=PeakFilters(targets=["CTCF"]))
    table = pd.read_csv(tmp_path / "funnel.tsv", sep="\t").set_index("step")
    assert table.loc["rows", "left"] == 8
    assert table.loc["targets", ["removed", "left"]].tolist() == [4, 4]
    assert table["left"].iloc[-1] == 3


def test_what_was_built_from_is_noted(build):
    _, store = build()
    assert store.metadata["layout"] == "all"
    assert len(store.metadata["sha256"]) == 64
    assert store.metadata["source"].endswith("peaks.bed.gz")
    assert "licence" not in store.metadata
    _, store = build(origin="remap2022:mm10/nr")
    assert store.metadata["source"].endswith("/mm10/MACS2/remap2022_nr_macs2_mm10_v1_0.bed.gz")
    assert store.metadata["licence"] == "CC BY-NC 4.0"
    with pytest.raises(BasewiseError, match="not the expected file"):
        build(checksum="sha256:" + "0" * 64)


# Input of no use: one error that says so, and nothing written.


@pytest.fixture
def refuse(build, tmp_path):
    def run(message, rows=ROWS, **options):
        with pytest.raises(BasewiseError, match=message):
            build(rows, **options)
        assert [path.name for path in tmp_path.iterdir()] == ["peaks.bed.gz"]

    return run


def test_an_empty_result_names_the_step(refuse):
    refuse(
        r"step 'min_peaks' removed the last 2 of 8 rows; found removed by step: targets 6",
        filters=PeakFilters(targets=["ESR1*"], min_peaks=2),
    )
    refuse(r"step 'score' removed the last 8 of 8", filters=PeakFilters(min_score=100))
    refuse(r"step 'blacklist'", blacklist={c: np.array([[0, n]]) for c, n in CHROMSIZES.items()})
    refuse(r"step 'chroms' removed the last 8", filters=PeakFilters(chroms=["chr10"]))


def test_names_that_no_peak_has(refuse):
    refuse(r"names a target.*'CTFC'.*'CTCF'", filters=PeakFilters(targets=["CTFC"]))
    refuse(r"names a biotype.*'K-562'", filters=PeakFilters(exclude_biotypes=["K-562"]))
    refuse(r"names a chrom.*'chr3'", filters=PeakFilters(chroms=["chr3"]))


def test_no_chrom_of_the_assembly(refuse):
    refuse(r"no peak on a chrom of the assembly; found .*NC_9", [row("NC_9", 1, 5, "E.T.B")])


def test_some_chroms_are_unknown(build):
    removed, _ = build([*ROWS, row("chrUn_1", 1, 5, "E.T.B")])
    assert removed == {"chrom_names": 1, "duplicates": 1}


def test_peaks_of_another_assembly(refuse, build, caplog):
    rows = [*ROWS, row("chr1", 990, 1_001, "E.T.B")]
    refuse(r"1 of 9 peaks reach past the end.*chr1:990-1001 where chr1 has 1000 bp.*assembly", rows)
    removed, _ = build(rows, max_beyond=0.2)
    assert removed == {"chrom_ends": 1, "duplicates": 1}
    assert "1 peaks left out that reach past the end" in caplog.text


def test_broken_rows(refuse, build):
    rows = [*ROWS, "chr1\t9\t5\tE.T.B\t1\t.\t7\t8\t0\n"]
    refuse(r"1 of 9 rows are broken.*line 9", rows, max_malformed=0)
    refuse(r"2 of 10 rows are broken.*line 9.*line 10", rows + rows[-1:])
    assert build(rows + rows[-1:], max_malformed=0.2)[0] == {"malformed": 2, "duplicates": 1}


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(BasewiseError, match="does not exist"):
        build_store(str(tmp_path / "none"), tmp_path / "store", chromsizes=CHROMSIZES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"modifications": "cut"}, "modifications is not understood"),
        ({"replicates": "join"}, "replicates is not understood"),
        ({"min_peaks": 0}, "min_peaks is below 1"),
        ({"min_experiments": 2}, "counts the experiments of merged peaks"),
        ({"min_score": 2, "max_score": 1}, "no score lies within"),
    ],
)
def test_filters_that_cannot_be(filters, message):
    with pytest.raises(BasewiseError, match=message):
        PeakFilters(**filters)


def test_remap_by_name(caplog):
    url, licence = find_remap("remap2022:nr")
    assert url.endswith("/remap2022/hg38/MACS2/remap2022_nr_macs2_hg38_v1_0.bed.gz")
    assert licence == "CC BY-NC 4.0"
    assert "CC BY-NC 4.0" in caplog.text
    assert find_remap("remap2022:mm10/all")[0].endswith("mm10_v1_0.bed.gz")
    dataset = find_remap("remap2022:ENCSR000BUB.CEBPB.A-549")[0]
    assert dataset.endswith("/hg38/MACS2/DATASET/ENCSR000BUB.CEBPB.A-549.bed.gz")
    assert find_remap("peaks.bed") == ("peaks.bed", "")
    with pytest.raises(BasewiseError, match="no such catalogue"):
        find_remap("remap2022:everything")


# What the seed system keeps of its fixture.


def test_rows_of_the_seed_system(shared, tmp_path):
    """Ours are its rows, sorted; but ONLYSUB passes its filter without a protein, and SOX2's

    biotype is whole. Its chroms are chr1-22 and X; NOPE has no protein.
    """
    golden = json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())
    (tmp_path / "remap.bed").write_text(golden["fixtures"]["remap.bed"])
    for name, text in golden["fixtures"]["factor_fastas"].items():
        path = tmp_path / "factors" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    funnel = build_store(
        str(tmp_path / "remap.bed"),
        tmp_path / "store",
        chromsizes={"chr1": 3_000, "chr2": 2_440, "chrX": 2_000, "chrY": 2_000, "chr10": 2_000},
        filters=PeakFilters(exclude_chroms=["chrY"]),
        proteins=read_proteins(tmp_path / "factors"),
    )
    assert funnel.n_rows - funnel.n_peaks == 2  # chrY and NOPE
    frame = PeakStore(tmp_path / "store").read()
    ours = {
        (r.chrom, str(r.start), str(r.end), f"{r.experiment}.{r.target}.{r.biotype}", r.score)
        for r in frame.itertuples()
    }
    theirs = golden["expected"]["remap_dataset"]["rows"]
    assert ours == {(r[0], r[1], r[2], r[6], float(r[7])) for r in theirs}


# Against bedtools.

STRETCHES = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 180), st.integers(1, 30)),
    min_size=1,
    max_size=30,
)


def as_bed(stretches):
    return [(chrom, start, start + width) for chrom, start, width in stretches]


def bedtool(rows):
    from pybedtools import BedTool

    return BedTool("".join("\t".join(map(str, r)) + "\n" for r in rows), from_string=True)


@needs_bedtools
@settings(max_examples=25)
@given(STRETCHES, STRETCHES)
def test_blacklisted_peaks_are_those_of_bedtools(peaks, blacklist):
    peaks, blacklist = as_bed(peaks), as_bed(blacklist)
    numbered = [(*peak, i) for i, peak in enumerate(peaks)]
    left = {int(hit[3]) for hit in bedtool(numbered).intersect(bedtool(blacklist), v=True)}
    for chrom in ("chr1", "chr2"):
        rows = [(i, start, end) for i, (c, start, end) in enumerate(peaks) if c == chrom]
        index, starts, ends = np.array(rows, np.int32).reshape(-1, 3).T
        bad = np.array([r[1:] for r in blacklist if r[0] == chrom]).reshape(-1, 2)
        kept = index[~overlaps(starts, ends, bad)]
        assert set(kept.tolist()) == left & set(index.tolist())


def test_touching_is_no_overlap():
    starts, ends = np.array([0, 5, 9, 20], np.int32), np.array([5, 6, 20, 30], np.int32)
    assert overlaps(starts, ends, [[5, 6], [6, 9]]).tolist() == [False, True, False, False]
    assert overlaps(starts, ends, np.empty((0, 2))).tolist() == [False] * 4


@needs_bedtools
@settings(max_examples=15)
@given(STRETCHES, st.integers(1, 3))
def test_joined_replicates_are_those_of_bedtools(tmp_path_factory, peaks, min_experiments):
    folder = tmp_path_factory.mktemp("replicates")
    peaks = as_bed(peaks)
    rows = [row(*peak, f"E{i % 3}.T{i % 2}.B", i % 5) for i, peak in enumerate(peaks)]
    (folder / "peaks.bed").write_text("".join(rows))
    filters = PeakFilters(replicates="merge", min_experiments=min_experiments)
    expected = {}
    for target in ("T0", "T1"):
        own = [(*p, f"E{i % 3}") for i, p in enumerate(peaks) if f"T{i % 2}" == target]
        if own:
            joined = bedtool(own).sort().merge(c=4, o="count_distinct")
            spans = [(r.chrom, r.start, r.end) for r in joined if int(r[3]) >= min_experiments]
            expected |= {target: spans} if spans else {}
    options = {"chromsizes": CHROMSIZES, "filters": filters}
    if not expected:
        with pytest.raises(BasewiseError, match="step 'min_experiments'"):
            build_store(str(folder / "peaks.bed"), folder / "store", **options)
        return
    build_store(str(folder / "peaks.bed"), folder / "store", **options)
    store = PeakStore(folder / "store")
    assert set(store.scopes()["target"]) == set(expected)
    for target, spans in expected.items():
        frame = store.read(target=target)
        found = list(
            frame[["chrom", "start", "end"]]
            .astype({"chrom": str})
            .itertuples(index=False, name=None)
        )
        assert found == spans
        assert ((frame["summit"] >= frame["start"]) & (frame["summit"] < frame["end"])).all()


@pytest.fixture(scope="module")
def yeast(shared):
    return shared / "real" / "yeast"


@pytest.fixture(scope="module")
def yeast_chromsizes(yeast):
    sizes = {}
    with gzip.open(yeast / "genome.fa.gz", "rt") as stream:
        for record in stream.read().split(">")[1:]:
            name, _, bases = record.partition("\n")
            sizes[name.split()[0]] = len(bases.replace("\n", ""))
    return sizes


@needs_bedtools
def test_yeast_against_bedtools_and_pandas(yeast, yeast_chromsizes, tmp_path, caplog):
    from pybedtools import BedTool

    source = yeast / "remap_like_peaks.bed.gz"
    blacklist = [("XII", 451_000, 468_000), ("Mito", 0, 85_779), ("IV", 100_000, 300_000)]
    with caplog.at_level(logging.INFO):
        funnel = build_store(
            str(source),
            tmp_path / "store",
            chromsizes=yeast_chromsizes,
            blacklist={chrom: np.array([[start, end]]) for chrom, start, end in blacklist},
            proteins=read_proteins(yeast / "factors"),
            filters=PeakFilters(min_peaks=300, duplicates=False),
        )
    kept = BedTool(str(source)).intersect(bedtool(blacklist), v=True)
    table = kept.to_dataframe()
    table["target"] = table["name"].str.split(".").str[1]
    removed = funnel.table().set_index("step")["removed"]
    assert removed["blacklist"] == 171_607 - len(table) > 1_000
    counts = table["target"].value_counts()
    table = table[table["target"].map(counts) >= 300]
    assert removed["min_peaks"] == counts[counts < 300].sum() > 0
    assert removed["proteins"] == 0
    store = PeakStore(tmp_path / "store")
    assert store.n_peaks == len(table) == funnel.n_peaks
    found = store.read(target="REB1").astype({"chrom": str})
    order = {chrom: i for i, chrom in enumerate(yeast_chromsizes)}
    expected = table[table["target"] == "REB1"]
    expected = expected.sort_values(
        ["chrom", "start", "end"], key=lambda c: c.map(order) if c.name == "chrom" else c
    )
    for ours, theirs in {"chrom": "chrom", "start": "start", "summit": "thickStart"}.items():
        assert found[ours].tolist() == expected[theirs].tolist()
    union = store.intervals()["IV"]
    np.testing.assert_array_equal(
        union, merge(table.loc[table["chrom"] == "IV", ["start", "end"]].to_numpy())
    )
    covered = [
        (chrom, *span) for chrom, spans in store.catalogue().items() for span in spans.tolist()
    ]
    merged = BedTool(str(source)).sort().merge()
    assert sorted(covered) == sorted((r.chrom, r.start, r.end) for r in merged)
    assert len(read_catalogue(source)) == 171_607
