"""Elements called from bigWigs: the files, as strict readers see them."""

import gzip

import numpy as np
import pybedtools
import pysam
import pytest

from basewise.calling import call_elements
from basewise.calling.gff3 import escape_attribute, escape_seqid
from basewise.errors import BasewiseError
from basewise.intervals import merge
from basewise.labels.elements import ELEMENTS

CHROMS = {"chrB": 3000, "chrA": 1200, "scaffold 7=x;%": 40, "tiny": 1}
SETTINGS = {
    "thresholds": {"default": 0.5, "exon": 0.6},
    "min_length_bp": {"default": 1, "exon": 4},
    "join_gap_bp": {"default": 0, "exon": 3, "intron": 2},
    "source": "toy@r1",
}


def smooth_track(rng, size):
    p = np.clip(np.convolve(rng.normal(0.5, 0.9, size + 8), np.ones(9) / 9, "valid"), 0, 1)
    return np.rint(p * 255) / 255


@pytest.fixture
def tracks():
    rng = np.random.default_rng(5)
    tracks = {}
    for element in ("exon", "intron", "splice_donor"):
        tracks[element] = {c: smooth_track(rng, n) for c, n in CHROMS.items()}
        tracks[element]["chrB"][700:820] = np.nan
        tracks[element]["tiny"][:] = np.nan
    return tracks


@pytest.fixture
def bigwigs(tracks, make_bigwig):
    return {element: make_bigwig(element, values) for element, values in tracks.items()}


def call(bigwigs, folder, chromsizes=CHROMS, **changes):
    folder.mkdir(exist_ok=True)
    outputs = {
        "bed_output": folder / "elements.bed.gz",
        "gff3_output": folder / "elements.gff3.gz",
    }
    counts = call_elements(bigwigs, chromsizes, **SETTINGS | outputs | changes)
    return counts, outputs["bed_output"], outputs["gff3_output"]


def text_of(path):
    return gzip.decompress(path.read_bytes()).decode()


def rows_of(bed):
    rows = [line.split("\t") for line in text_of(bed).splitlines()]
    return [(r[0], int(r[1]), int(r[2]), r[3], int(r[4])) for r in rows]


def expected_rows(tracks, excluded=()):
    """Calls from whole arrays, by a loop over runs."""
    rows = []
    for element, by_chrom in tracks.items():
        threshold = SETTINGS["thresholds"].get(element, 0.5)
        least = SETTINGS["min_length_bp"].get(element, 1)
        gap = SETTINGS["join_gap_bp"].get(element, 0)
        for chrom, values in by_chrom.items():
            p = values.astype(np.float32)
            for start, end in excluded if chrom == "chrB" else ():
                p[start:end] = np.nan
            groups = []
            for i in np.flatnonzero(p >= np.float32(threshold)).tolist():
                if groups and i - groups[-1][1] <= gap and not np.isnan(p[groups[-1][1] : i]).any():
                    groups[-1][1] = i + 1
                else:
                    groups.append([i, i + 1])
            for start, end in groups:
                if end - start >= least:
                    mean = p[start:end].astype(np.float64).mean()
                    rows.append((chrom, start, end, element, round(1000 * mean)))
    chroms, elements = list(CHROMS), list(tracks)
    return sorted(rows, key=lambda r: (chroms.index(r[0]), r[1], r[2], elements.index(r[3])))


def test_bed_holds_the_calls_in_order(bigwigs, tracks, tmp_path):
    counts, bed, _ = call(bigwigs, tmp_path / "out")
    rows = rows_of(bed)
    assert len(rows) > 100
    assert rows == expected_rows(tracks)
    assert counts == {e: sum(row[3] == e for row in rows) for e in tracks}
    colours = {e.name: e.colour for e in ELEMENTS}
    for line in text_of(bed).splitlines():
        columns = line.split("\t")
        assert len(columns) == 9
        assert columns[5] == "."
        assert columns[6:8] == columns[1:3]
        red, green, blue = (int(x) for x in columns[8].split(","))
        assert f"#{red:02X}{green:02X}{blue:02X}" == colours[columns[3]].upper()


def test_gff3_is_strict_and_says_the_same_as_the_bed(bigwigs, tmp_path, read_strict):
    _, bed, gff = call(bigwigs, tmp_path / "out", source="toy%\tmodel@r;1")
    features = read_strict(text_of(gff))
    assert [(f["chrom"], f["start"], f["end"], f["attributes"]["element"]) for f in features] == [
        row[:4] for row in rows_of(bed)
    ]
    terms = {e.name: e.so_term for e in ELEMENTS}
    for feature, row in zip(features, rows_of(bed), strict=True):
        assert feature["source"] == "toy%\tmodel@r;1"
        assert feature["type"] == terms[row[3]]
        assert feature["score"] == pytest.approx(row[4] / 1000, abs=6e-4)
        assert feature["attributes"]["Name"] == row[3]
    exons = [f["attributes"]["ID"] for f in features if f["attributes"]["element"] == "exon"]
    assert exons == [f"exon-{i:06d}" for i in range(1, len(exons) + 1)]
    header = [line for line in text_of(gff).splitlines() if line.startswith("##sequence-region")]
    assert header == [
        "##sequence-region chrB 1 3000",
        "##sequence-region chrA 1 1200",
        "##sequence-region scaffold%207%3Dx%3B%25 1 40",
        "##sequence-region tiny 1 1",
    ]


def test_escapes_follow_the_columns_rules():
    assert escape_seqid("chr 1>é") == "chr%201%3E%C3%A9"
    assert escape_attribute("a;b=c&d,e%f\tg é") == "a%3Bb%3Dc%26d%2Ce%25f%09g é"


@pytest.mark.parametrize(("window_bp", "processes"), [(1, 1), (7, 2), (333, 1)])
def test_windows_and_processes_change_no_byte(bigwigs, tmp_path, window_bp, processes):
    chromsizes = {"chrA": 1200, "scaffold 7=x;%": 40, "tiny": 1}
    _, *whole = call(bigwigs, tmp_path / "a", chromsizes)
    options = {"window_bp": window_bp, "processes": processes}
    _, *parts = call(bigwigs, tmp_path / "b", chromsizes, **options)
    for a, b in zip(whole, parts, strict=True):
        assert a.read_bytes() == b.read_bytes()
        index_a, index_b = (p.with_name(p.name + ".tbi").read_bytes() for p in (a, b))
        assert index_a == index_b


def test_indexed_files_answer_regions(bigwigs, tmp_path):
    _, bed, gff = call(bigwigs, tmp_path / "out")
    expected = [r for r in rows_of(bed) if r[0] == "chrB" and r[1] < 700 and r[2] > 500]
    with pysam.TabixFile(str(bed), parser=pysam.asBed()) as tabix:
        hits = [(b.contig, b.start, b.end, b.name) for b in tabix.fetch("chrB", 500, 700)]
    assert hits == [row[:4] for row in expected]
    with pysam.TabixFile(str(gff), parser=pysam.asGFF3()) as tabix:
        hits = [(g.contig, g.start, g.end) for g in tabix.fetch("chrB", 500, 700)]
        assert "scaffold%207%3Dx%3B%25" in tabix.contigs
    assert hits == [row[:3] for row in expected]


def test_pybedtools_reads_both(bigwigs, tmp_path):
    _, bed, gff = call(bigwigs, tmp_path / "out")
    from_bed = [(r.chrom, r.start, r.end, r.name) for r in pybedtools.BedTool(str(bed))]
    assert from_bed == [row[:4] for row in rows_of(bed)]
    from_gff = [(r.start, r.end, r.attrs["element"]) for r in pybedtools.BedTool(str(gff))]
    assert from_gff == [row[1:4] for row in rows_of(bed)]
    merged = pybedtools.BedTool(str(bed)).filter(lambda r: r.chrom == "chrB").merge()
    ours = merge([row[1:3] for row in rows_of(bed) if row[0] == "chrB"])
    assert [[r.start, r.end] for r in merged] == ours.tolist()


def test_gffutils_agrees_where_it_is_installed(bigwigs, tmp_path):
    gffutils = pytest.importorskip("gffutils", reason="gffutils is not a dependency")
    counts, _, gff = call(bigwigs, tmp_path / "out")
    database = gffutils.create_db(text_of(gff), ":memory:", from_string=True)
    assert database.count_features_of_type() == sum(counts.values())


def test_blacklisted_bases_are_in_no_call(bigwigs, tracks, tmp_path):
    blacklist = [(100, 130), (120, 160), (1000, 1001), (2990, 3000)]
    _, bed, gff = call(
        bigwigs, tmp_path / "a", blacklist={"chrB": np.array(blacklist), "chrZ": np.array([(0, 9)])}
    )
    rows = rows_of(bed)
    assert rows == expected_rows(tracks, excluded=blacklist)
    assert rows != expected_rows(tracks)
    text = "".join(f"chrB\t{start}\t{end}\tHigh Signal Region\n" for start, end in blacklist)
    (tmp_path / "black.bed").write_text(text)
    _, bed_from_path, gff_from_path = call(
        bigwigs, tmp_path / "b", blacklist=tmp_path / "black.bed"
    )
    assert bed_from_path.read_bytes() == bed.read_bytes()
    assert gff_from_path.read_bytes() == gff.read_bytes()


def test_coarse_tracks_and_unknown_elements(make_bigwig, tmp_path, read_strict):
    bins = np.array([0.1, 0.9, 0.9, np.nan, 0.7, 0.2])
    bigwigs = {"my,element": make_bigwig("x", {"c": bins}, resolution_bp=32)}
    _, bed, gff = call(bigwigs, tmp_path / "out", {"c": 192})
    assert rows_of(bed) == [("c", 32, 96, "my,element", 900), ("c", 128, 160, "my,element", 700)]
    features = read_strict(text_of(gff))
    assert [f["type"] for f in features] == ["sequence_feature"] * 2
    assert features[0]["attributes"]["ID"] == "my,element-000001"


def test_nothing_called_still_gives_whole_files(make_bigwig, tmp_path, read_strict):
    bigwigs = {"exon": make_bigwig("exon", {"c": np.full(50, 0.1)})}
    counts, bed, gff = call(bigwigs, tmp_path / "out", {"c": 50})
    assert counts == {"exon": 0}
    assert text_of(bed) == ""
    assert read_strict(text_of(gff)) == []
    assert list(pysam.TabixFile(str(gff)).fetch()) == []


def test_a_chrom_that_a_track_lacks_is_unscored(make_bigwig, tmp_path):
    bigwigs = {"exon": make_bigwig("exon", {"c": np.full(50, 0.9)})}
    _, bed, _ = call(bigwigs, tmp_path / "out", {"b": 70, "c": 50})
    assert rows_of(bed) == [("c", 0, 50, "exon", 900)]


def test_errors_leave_nothing_behind(bigwigs, tmp_path):
    folder = tmp_path / "out"
    with pytest.raises(BasewiseError, match=r"thresholds/exonn.*Did you mean 'exon'"):
        call(bigwigs, folder, thresholds={"default": 0.5, "exonn": 0.4})
    with pytest.raises(BasewiseError, match="min_length_bp/default must be at least 1"):
        call(bigwigs, folder, min_length_bp={"default": 0})
    (tmp_path / "broken.bw").write_bytes(b"not a bigWig")
    with pytest.raises((BasewiseError, OSError, RuntimeError)):
        call(bigwigs | {"intron": tmp_path / "broken.bw"}, folder)
    assert list(folder.iterdir()) == []
