"""Tracks against labels through files, and the table and figure made of it."""

import math

import numpy as np
import pandas as pd
import pytest

from basewise.errors import BasewiseError
from basewise.evaluation import (
    ElementCounts,
    choose_chroms,
    evaluate_segmentation,
    format_table,
)
from basewise.intervals import runs_of
from basewise.report.evaluation_figure import plot_evaluation

CHROMS = {"chr1": 2500, "chr2": 900, "chr3": 300}
ELEMENTS = ("exon", "intron", "splice_donor")
THRESHOLDS = {"default": 0.5, "intron": 0.4}


@pytest.fixture
def truth():
    """Label masks by element and chrom; splice_donor has no labels, chr3 none at all."""
    rng = np.random.default_rng(11)
    walk = {
        c: np.convolve(rng.normal(size=n + 60), np.ones(61), "valid") for c, n in CHROMS.items()
    }
    masks = {
        "exon": {c: w > 4 for c, w in walk.items()},
        "intron": {c: w < -4 for c, w in walk.items()},
    }
    for by_chrom in masks.values():
        by_chrom["chr3"] = np.zeros(300, bool)
    return masks


@pytest.fixture
def probs(truth):
    rng = np.random.default_rng(12)
    probs = {}
    for element in ELEMENTS:
        masks = truth.get(element, {c: np.zeros(n, bool) for c, n in CHROMS.items()})
        probs[element] = {
            c: np.rint(255 * np.clip(0.4 * m + rng.normal(0.3, 0.15, len(m)), 0, 1)) / 255
            for c, m in masks.items()
        }
        probs[element]["chr1"][1200:1300] = np.nan
    return probs


@pytest.fixture
def bigwigs(probs, make_bigwig):
    return {element: make_bigwig(element, tracks) for element, tracks in probs.items()}


@pytest.fixture
def labels(truth):
    return {e: {c: runs_of(m) for c, m in masks.items()} for e, masks in truth.items()}


def evaluate(bigwigs, labels, folder, **changes):
    options = {"thresholds": THRESHOLDS, "output_tsv": folder / "metrics.tsv"} | changes
    return evaluate_segmentation(bigwigs, labels, CHROMS, **options)


def expected(probs, truth, element, chroms=CHROMS, excluded=()):
    counts = ElementCounts(THRESHOLDS.get(element, 0.5))
    for chrom in chroms:
        values = probs[element][chrom].copy()
        for start, end in excluded if chrom == "chr1" else ():
            values[start:end] = np.nan
        counts.update(values, truth[element][chrom])
    return counts.finalize()


def same(row, metrics):
    return all(row[name] == pytest.approx(value, nan_ok=True) for name, value in metrics.items())


def test_metrics_are_those_of_the_whole_arrays(bigwigs, labels, probs, truth, tmp_path):
    table = evaluate(bigwigs, labels, tmp_path).set_index("element", drop=False)
    assert list(table.index) == list(ELEMENTS)
    for element in ("exon", "intron"):
        assert same(table.loc[element], expected(probs, truth, element))
        assert 0.2 < table.loc[element, "mcc"] < 1
        assert table.loc[element, "n_scored"] == sum(CHROMS.values()) - 100
    donor = table.loc["splice_donor"]
    assert donor["n_positive"] == 0
    assert donor["n_scored"] == sum(CHROMS.values()) - 100
    assert donor[["mcc", "auprc", "f1", "segment_recall"]].isna().all()


def test_the_tsv_holds_the_table_with_empty_cells(bigwigs, labels, tmp_path):
    table = evaluate(bigwigs, labels, tmp_path)
    written = pd.read_csv(tmp_path / "metrics.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, table, rtol=1e-5, check_dtype=False)
    lines = (tmp_path / "metrics.tsv").read_text().splitlines()
    donor = dict(zip(lines[0].split("\t"), lines[3].split("\t"), strict=True))
    assert (donor["element"], donor["n_positive"], donor["mcc"]) == ("splice_donor", "0", "")


def test_windows_and_processes_change_nothing(bigwigs, labels, tmp_path):
    whole = evaluate(bigwigs, labels, tmp_path)
    parts = evaluate(bigwigs, labels, tmp_path, window_bp=37, processes=2)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)


def test_chroms_and_blacklist_limit_the_bases(bigwigs, labels, probs, truth, tmp_path):
    chroms = ["chr2", "chr1"]
    blacklist = {"chr1": np.array([(10, 400), (1250, 1400)])}
    table = evaluate(bigwigs, labels, tmp_path, chroms=chroms, blacklist=blacklist)
    metrics = expected(probs, truth, "exon", chroms, blacklist["chr1"].tolist())
    assert metrics["n_scored"] == 2500 + 900 - 390 - 200
    assert same(table.iloc[0], metrics)
    empty = evaluate(bigwigs, labels, tmp_path, chroms=["chr3"])
    assert empty["n_positive"].tolist() == [0, 0, 0]
    assert empty["mcc"].isna().all()


@pytest.mark.parametrize(
    ("name", "row"),
    [("a.gtf", "{}\tx\tmiRNA\t1\t9\t.\t+\t.\t\n"), ("a.bed", "{}\t0\t9\tan enhancer\n")],
)
def test_chroms_without_a_row_are_not_chosen(tmp_path, caplog, name, row):
    path = tmp_path / name
    path.write_text(row.format("2") + row.format("chr9") + row.format("chr2"))
    with caplog.at_level("WARNING"):
        assert choose_chroms(path, CHROMS) == ["chr2"]
    assert "2 of 3 chroms (2800 of 3700 bp) are not scored" in caplog.text
    assert "chr1, chr3; 'evaluation_chroms'" in caplog.text
    caplog.clear()
    path.write_text("".join(row.format(chrom) for chrom in reversed(CHROMS)))
    assert choose_chroms(path, CHROMS) == list(CHROMS)
    assert caplog.text == ""
    path.write_text(row.format("chr9"))
    assert choose_chroms(path, CHROMS, dropped=["chr9"]) == []


def test_nothing_to_score_is_an_empty_table(bigwigs, labels, tmp_path):
    table = evaluate(bigwigs, labels, tmp_path, chroms=[], output_curves=tmp_path / "curves.tsv")
    assert table["n_scored"].tolist() == [0, 0, 0]
    plot_evaluation(tmp_path / "metrics.tsv", tmp_path / "curves.tsv", tmp_path / "empty.png")


def test_segments_are_found_by_runs_of_called_bases(make_bigwig, tmp_path):
    p = np.full(100, 0.1)
    p[10:18] = p[45:48] = p[60:70] = 0.9  # a match; too short; a match beside unscored bases
    p[90:95] = np.nan
    segments = {"c": np.array([(10, 20), (40, 50), (60, 70), (80, 92)])}
    table = evaluate_segmentation(
        {"exon": make_bigwig("exon", {"c": p})},
        {"exon": segments},
        {"c": 100},
        thresholds={"default": 0.5},
        output_tsv=tmp_path / "metrics.tsv",
        window_bp=16,
    )
    assert table.loc[0, "n_segments"] == 3
    assert table.loc[0, "segment_recall"] == pytest.approx(2 / 3)


def test_bad_input_is_named_and_writes_nothing(bigwigs, labels, make_bigwig, tmp_path):
    with pytest.raises(BasewiseError, match="not in the genome; found 'chr9'"):
        evaluate(bigwigs, labels, tmp_path, chroms=["chr9"])
    with pytest.raises(BasewiseError, match=r"thresholds/intro .*'intron'"):
        evaluate(bigwigs, labels, tmp_path, thresholds={"default": 0.5, "intro": 0.5})
    logits = make_bigwig("logits", {"chr2": np.linspace(-4, 4, 900)})
    with pytest.raises(BasewiseError, match=r"logits\.bw: chr2:0: .*outside 0 to 1; found -4"):
        evaluate({"exon": logits}, labels, tmp_path)
    other = make_bigwig("other", {"chr2": np.zeros(901)})
    with pytest.raises(BasewiseError, match="another assembly: chr2 has 900 bp"):
        evaluate({"exon": other}, labels, tmp_path, processes=2)
    assert not (tmp_path / "metrics.tsv").exists()


def test_the_text_table_reads_well(bigwigs, labels, tmp_path):
    table = evaluate(bigwigs, labels, tmp_path)
    text = format_table(table, mean_over=["exon", "intron"])
    lines = text.splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0][:4] == ["element", "positive bp", "threshold", "MCC"]
    assert [row[0] for row in cells[2:]] == [*ELEMENTS, "mean of 2"]
    assert cells[2][3] == f"{table.loc[0, 'mcc']:.3f}"
    assert cells[4][1:4] == ["0", "0.50", ""]
    assert cells[5][3] == f"{table.loc[:1, 'mcc'].mean():.3f}"
    assert cells[5][1:3] == ["", ""]
    assert format_table(table).splitlines()[-1] == lines[-1]
    with pytest.raises(KeyError):
        format_table(table, mean_over=["lncRNA"])


def test_curves_and_figure(bigwigs, labels, tmp_path):
    curves_tsv = tmp_path / "curves.tsv"
    table = evaluate(bigwigs, labels, tmp_path, output_curves=curves_tsv)
    curves = pd.read_csv(curves_tsv, sep="\t")
    assert list(curves.columns) == ["element", "threshold", "precision", "recall"]
    assert set(curves["element"]) == {"exon", "intron"}
    exon = curves[curves["element"] == "exon"]
    assert exon["recall"].is_monotonic_increasing
    at = exon[exon["threshold"] >= 0.5].iloc[-1]
    assert at["recall"] == pytest.approx(table.loc[0, "recall"], rel=1e-5)
    assert at["precision"] == pytest.approx(table.loc[0, "precision"], rel=1e-5)
    area = np.sum(np.diff(exon["recall"], prepend=0) * exon["precision"])
    assert math.isclose(area, table.loc[0, "auprc"], rel_tol=1e-4)

    plot_evaluation(tmp_path / "metrics.tsv", curves_tsv, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    plot_evaluation(table, curves, tmp_path / "a.svg")
    plot_evaluation(table, curves, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    plot_evaluation(table[table["n_positive"] == 0], curves, tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 1000
