"""Scoped and hard negatives, and the files of all kinds: bound nowhere, by seed and scope alone."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome
from basewise.peaks import write_store
from basewise.peaks.negatives import (
    FramePeaks,
    Ground,
    NegativeSettings,
    draw_negatives,
    generate_negatives,
)
from basewise.peaks.negatives.free import Free, draw_free
from basewise.peaks.negatives.line import Pool
from basewise.peaks.negatives.seeds import derive_rng

SIZES = {"a": 4_000, "b": 2_500, "c": 900}
BLACKLIST = {"a": np.array([[1_000, 1_400]]), "c": np.array([[0, 900]])}
SCOPE = ["experiment", "target", "biotype"]
needs_bedtools = pytest.mark.skipif(
    shutil.which("bedtools") is None, reason="bedtools is not installed"
)


def make_peaks(seed: int = 1, n: int = 120, targets: str = "ABC") -> pd.DataFrame:
    """Peaks of every target from a generator of its own, in two biotypes and two experiments."""
    frames = []
    for target in targets:
        rng = np.random.default_rng([seed, ord(target)])
        chrom = rng.choice(["a", "b"], n)
        width = rng.integers(1, 40, n)
        start = rng.integers(0, [SIZES[name] - 40 for name in chrom])
        frames.append(
            pd.DataFrame(
                {
                    "chrom": chrom,
                    "start": start,
                    "end": start + width,
                    "summit": start + rng.integers(0, width),
                    "score": rng.random(n).astype(np.float32),
                    "experiment": rng.choice(["E1", "E2"], n),
                    "target": target,
                    "biotype": rng.choice(["K562", "HepG2"], n),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def draw(frame: pd.DataFrame, seed: int = 4, ground: dict | None = None, **options):
    choices = {"kind": "scoped", "width_bp": 30, "n": 5} | options
    place = Ground(SIZES, **({"blacklist": BLACKLIST} if ground is None else ground))
    return draw_negatives(FramePeaks(frame, SIZES), place, NegativeSettings(**choices), seed=seed)


def touches(windows: pd.DataFrame, chrom: str, start: int, end: int) -> bool:
    own = windows[windows["chrom"] == chrom]
    return bool(((own["start"] < end) & (own["end"] > start)).any())


@pytest.mark.parametrize("kind", ["scoped", "hard"])
def test_no_negative_touches_its_scope_or_the_blacklist(kind):
    frame = make_peaks()
    negatives, report = draw(frame, kind=kind, n=7, width_bp=25)
    assert report.n == len(negatives) == 7 * 12
    assert set(negatives["kind"]) == {kind}
    assert (negatives["end"] - negatives["start"] == 25).all()
    for (target, biotype), own in negatives.groupby(["target", "biotype"], observed=True):
        bound = frame[(frame["target"] == target) & (frame["biotype"] == biotype)]
        assert not any(
            touches(own, *row)
            for row in bound[["chrom", "start", "end"]].itertuples(index=False, name=None)
        )
    assert not touches(negatives, "a", 1_000, 1_400)
    assert not touches(negatives, "c", 0, 900)
    assert len(negatives.groupby(SCOPE, observed=True)) == 12
    assert not negatives.duplicated([*SCOPE, "chrom", "start"]).any()


def test_hard_negatives_are_peaks_of_others():
    frame = make_peaks()
    negatives, _ = draw(frame, kind="hard", n=8, width_bp=20)
    for row in negatives.itertuples():
        around = frame[
            (frame["chrom"] == row.chrom)
            & (np.clip(frame["summit"] - 10, 0, frame["chrom"].map(SIZES) - 20) == row.start)
        ]
        is_other_target = (around["target"] != row.target) & (around["biotype"] == row.biotype)
        is_other_biotype = (around["target"] == row.target) & (around["biotype"] != row.biotype)
        assert (is_other_target | is_other_biotype).any()
    only, _ = draw(frame, kind="hard", n=3, width_bp=20, sources=("other_biotypes",))
    for row in only.itertuples():
        around = frame[(frame["chrom"] == row.chrom) & (frame["target"] == row.target)]
        assert (around["summit"] - 10 == row.start).any() or row.start == 0


@pytest.mark.parametrize("kind", ["scoped", "hard"])
def test_a_scope_does_not_depend_on_others(kind):
    """Targets added or taken away, rows in another order: the same negatives for the others."""
    options = {"kind": kind, "n": 6}
    if kind == "hard":
        options["sources"] = ("other_biotypes",)  # the pool of a target is its own
    few, _ = draw(make_peaks(targets="AC"), **options)
    frame = make_peaks(targets="CBAD").sample(frac=1, random_state=3)
    many, _ = draw(frame, **options)
    kept = many[many["target"].isin(["A", "C"])].reset_index(drop=True).astype(str)
    pd.testing.assert_frame_equal(kept, few.astype(str))
    other, _ = draw(make_peaks(targets="AC"), seed=5, **options)
    assert not other["start"].equals(few["start"])


def test_modified_targets_bind_where_the_target_does_not_either():
    frame = pd.DataFrame(
        {
            "chrom": "c",
            "start": [100, 400],
            "end": [200, 500],
            "summit": [150, 450],
            "score": 1.0,
            "experiment": "E",
            "target": ["ESR1", "ESR1_S118ph"],
            "biotype": "MCF-7",
        }
    )
    negatives, _ = draw(frame, n=500, width_bp=50, ground={})
    assert not touches(negatives, "c", 100, 200)
    assert not touches(negatives, "c", 400, 500)
    two = frame.assign(biotype=["MCF-7", "MCF-7_E2"])
    own, _ = draw(two, n=700, width_bp=50, ground={"chroms": ["c"]})
    assert touches(own[own["target"] == "ESR1"], "c", 400, 500)
    strict, _ = draw(two, n=400, width_bp=50, ground={}, avoid=("target",))
    assert not touches(strict, "c", 100, 200)
    assert not touches(strict, "c", 400, 500)


@given(st.integers(0, 10_000), st.booleans())
def test_hard_draws_are_distinct_and_as_many_as_there_are(seed, replace):
    rng = np.random.default_rng(seed)
    pools = [np.unique(rng.integers(0, 40, rng.integers(0, 15))) for _ in range(rng.integers(1, 4))]
    low = np.sort(rng.integers(0, 40, 2))
    barred = np.array([[low[0], low[1]]]) if seed % 3 else np.empty((0, 2), dtype=np.int64)
    free = set(np.concatenate(pools).tolist()) - {
        place for a, b in barred.tolist() for place in range(a, b)
    }
    n = int(rng.integers(0, 25))
    choices = [Free(Pool(pool), barred) for pool in pools]
    drawn = draw_free(choices, n, derive_rng(seed), replace=replace).tolist()
    assert set(drawn) <= free
    assert len(drawn) == (n if replace and free else min(n, len(free)))
    assert replace or len(set(drawn)) == len(drawn)


@needs_bedtools
@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_bedtools_finds_no_overlap(seed):
    from pybedtools import BedTool

    frame = make_peaks(seed, n=60, targets="AB")
    for kind in ("scoped", "hard"):
        negatives, _ = draw(frame, seed, kind=kind, n=9, width_bp=33, when_short="fewer")
        for (target, biotype), own in negatives.groupby(["target", "biotype"], observed=True):
            bound = frame[(frame["target"] == target) & (frame["biotype"] == biotype)]
            avoid = BedTool.from_dataframe(bound[["chrom", "start", "end"]])
            windows = BedTool.from_dataframe(own[["chrom", "start", "end"]])
            assert windows.count() > 0
            assert windows.intersect(avoid, u=True).count() == 0


def test_scopes_that_fall_short_are_named():
    frame = make_peaks(n=10, targets="AB")
    with pytest.raises(
        BasewiseError, match=r"scopes have no room for the hard.*E\d\.A\.\w+ \d+ of 40"
    ):
        draw(frame, kind="hard", n=40)
    negatives, report = draw(frame, kind="hard", n=40, when_short="fewer")
    counts = negatives.groupby(SCOPE, observed=True).size()
    assert report.short == {
        ".".join(scope): (int(counts.get(scope, 0)), 40)
        for scope in sorted(frame.groupby(SCOPE).groups, key=lambda s: (s[1], s[2], s[0]))
        if counts.get(scope, 0) < 40
    }


def test_number_of_negatives_per_peak():
    frame = make_peaks()
    negatives, _ = draw(frame, n=None, per_peak=0.5)
    peaks = frame.groupby(SCOPE).size()
    counts = negatives.groupby(SCOPE, observed=True).size()
    assert {scope: round(n / 2) for scope, n in peaks.items()} == counts.to_dict()


@pytest.mark.parametrize("kind", ["random", "matched", "scoped", "hard"])
def test_files_hold_the_negatives_of_a_store_whole(tmp_path, kind):
    """From a store on disk the same as from a table; equal bytes for equal seeds."""
    frame = make_peaks()
    store = write_store([frame], tmp_path / "store", chromsizes=SIZES)
    rng = np.random.default_rng(1)
    genome = MemoryGenome(
        {chrom: rng.choice(np.frombuffer(b"ACGT", np.uint8), size) for chrom, size in SIZES.items()}
    )
    wanted = NegativeSettings(kind, 30, n=20, gc_bins=4, step=1, when_short="error")
    options = {"settings": wanted, "seed": 9, "blacklist": BLACKLIST, "genome": genome}
    report = generate_negatives(tmp_path / "store", tmp_path / "one.parquet", **options)
    generate_negatives(store, tmp_path / "two.parquet", **options)
    generate_negatives(FramePeaks(frame, SIZES), tmp_path / "three.parquet", **options)
    one = (tmp_path / "one.parquet").read_bytes()
    assert (
        one == (tmp_path / "two.parquet").read_bytes() == (tmp_path / "three.parquet").read_bytes()
    )
    found = pd.read_parquet(tmp_path / "one.parquet")
    assert list(found) == ["chrom", "start", "end", "kind", *SCOPE]
    assert report.n == len(found) == 20 * (12 if wanted.is_scoped else 1)
    assert found["start"].dtype == np.int32
    if not wanted.is_scoped:
        assert (found["target"] == "").all()
        assert (
            found["start"]
            .groupby(found["chrom"], observed=True)
            .apply(lambda starts: starts.is_monotonic_increasing)
            .all()
        )
    if kind == "matched":
        assert report.l1_distance < 0.2
    metadata = json.loads(pq.read_metadata(tmp_path / "one.parquet").metadata[b"basewise"])
    assert metadata["seed"] == 9
    assert metadata["settings"]["kind"] == kind
    assert metadata["report"]["n"] == len(found)


def test_genes_are_found_under_other_names_of_their_chroms(tmp_path):
    """A RefSeq annotation on a UCSC genome, with a table of aliases."""
    row = '{}\tx\tgene\t{}\t{}\t.\t+\t.\tgene_id "1";\n'
    for name, chrom in (("own", "a"), ("refseq", "NC_000067.7")):
        (tmp_path / f"{name}.gtf").write_text(row.format(chrom, 1_501, 2_000))
    (tmp_path / "chromAlias.txt").write_text("a\tNC_000067.7\tCM000994.3\n")
    peaks = FramePeaks(make_peaks(), SIZES)
    wanted = NegativeSettings("matched", 30, n=20, match=("tss",), step=1, when_short="nearest")
    options = {"settings": wanted, "seed": 9}
    generate_negatives(peaks, tmp_path / "own.parquet", annotation=tmp_path / "own.gtf", **options)
    options["annotation"] = tmp_path / "refseq.gtf"
    with pytest.raises(BasewiseError, match=r"names no chrom of the genome; found NC_000067\.7"):
        generate_negatives(peaks, tmp_path / "none.parquet", **options)
    aliases = tmp_path / "chromAlias.txt"
    generate_negatives(peaks, tmp_path / "refseq.parquet", aliases=aliases, **options)
    found = (tmp_path / "refseq.parquet").read_bytes()
    assert found == (tmp_path / "own.parquet").read_bytes()


def test_quotas_of_chroms_tell_how_many():
    quotas = {"per_chrom": {"a": 3, "b": 2}}
    assert NegativeSettings("random", 30, **quotas).n == 5
    assert NegativeSettings("random", 30, n=5, **quotas).n == 5
    negatives, _ = draw(make_peaks(), kind="random", n=None, **quotas)
    assert negatives["chrom"].tolist() == ["a"] * 3 + ["b"] * 2


def test_nothing_is_left_of_a_file_that_fails(tmp_path):
    peaks = FramePeaks(make_peaks(), SIZES)
    settings = NegativeSettings("random", 30, n=10**6)
    with pytest.raises(
        BasewiseError, match=r"1,000,000 negatives of 30 bp do not fit.*room for \d"
    ):
        generate_negatives(peaks, tmp_path / "n.parquet", settings=settings, seed=1)
    settings = NegativeSettings("hard", 30, n=10**4)
    with pytest.raises(BasewiseError, match="12 scopes have no room"):
        generate_negatives(peaks, tmp_path / "n.parquet", settings=settings, seed=1)
    settings = NegativeSettings("hard", 3_000, n=1)
    with pytest.raises(BasewiseError, match=r"1 chrom with peaks cannot hold.*b of 2,500 bp"):
        generate_negatives(peaks, tmp_path / "n.parquet", settings=settings, seed=1)
    with pytest.raises(BasewiseError, match=r"no chrom 'chr1'"):
        generate_negatives(
            peaks, tmp_path / "n.parquet", settings=settings, seed=1, chroms=["chr1"]
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "scope"}, "negatives/kind is not known; found 'scope'. Did you mean 'scoped'"),
        ({"per_peak": 1.0}, "need n or per_peak, and not both"),
        ({"per_chrom": {"a": 3}}, "scoped negatives have no quotas of chroms"),
        (
            {"kind": "random", "per_chrom": {"a": 3}},
            "says how many random negatives there are; found 3 in all, n 5",
        ),
        ({"n": None}, "need n or per_peak, and not both"),
        ({"n": -1}, "negatives/n must be 0 or more; found -1"),
        ({"width_bp": 0}, "negatives/width_bp must be 1 or more; found 0"),
        ({"avoid": ("peak",)}, "negatives/avoid is not known; found 'peak'. Did you mean 'peaks'"),
        ({"avoid": ("blacklist",)}, "must avoid the peaks of their scope"),
        ({"avoid": ("catalogue",)}, "must avoid the peaks of their scope"),
        ({"kind": "random", "avoid": ("scope",)}, "random negatives have no scope"),
        ({"kind": "matched", "avoid": ("target", "peaks")}, "matched negatives have no scope"),
        ({"kind": "hard", "avoid": ("scope", "peaks")}, "cannot avoid all peaks"),
        ({"kind": "hard", "avoid": ("scope", "catalogue")}, "cannot avoid all peaks"),
        (
            {"kind": "hard", "avoid": ("target",), "sources": ("other_biotypes",)},
            "hard negatives of other_biotypes are peaks of the target",
        ),
        ({"kind": "random", "when_short": "fewer"}, "negatives/when_short is not known"),
        ({"per_chrom": "size"}, "negatives/per_chrom is not known"),
        ({"sources": ()}, "negatives/sources is empty"),
        ({"step": 0}, "negatives/step must be 1 or more"),
    ],
)
def test_settings_that_make_no_sense(options, message):
    with pytest.raises(BasewiseError) as error:
        NegativeSettings(**{"kind": "scoped", "width_bp": 10, "n": 5} | options)
    assert message in str(error.value)


def test_tables_of_peaks_are_checked():
    frame = make_peaks(n=3)
    with pytest.raises(BasewiseError, match="lacks columns; found summit"):
        FramePeaks(frame.drop(columns="summit"), SIZES)
    for column, value, text in (("end", 10**6, "a:|b:"), ("chrom", "chr1", "chr1:")):
        with pytest.raises(
            BasewiseError, match=rf"1 peaks are empty or do not lie.*found ({text})"
        ):
            FramePeaks(
                frame.astype({"chrom": object}).assign(**{column: [value, *frame[column][1:]]}),
                SIZES,
            )


def test_golden_scoped_negatives_of_the_seed_system(shared):
    """The seed system draws uniformly among usable rows; what is wrong in it differs here.

    seed system                                        here
    usable rows: peaks of any other experiment          sources "all_peaks"; by default of other
                                                        targets in the biotype or other biotypes
    a row may be drawn twice, equal intervals count     windows are distinct
    twice (rows 5 and 6: chr10:50-90)
    no usable row: any row, even a real peak (500       an error, or none (when_short)
    draws of GSE9.SOX2.monocyte hit its own kind)
    names cut by characters (monocyte → monocyt)        names are columns
    widths as in the file, shorter at chrom starts      one width, moved inside
    """
    golden = json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())
    rows = [line.split("\t") for line in golden["fixtures"]["remap.bed"].splitlines()]
    names = [row[3].split(".", 2) for row in rows]
    frame = pd.DataFrame(
        {
            "chrom": [row[0] for row in rows],
            "start": [int(row[1]) for row in rows],
            "end": [int(row[2]) for row in rows],
            "summit": [int(row[6]) for row in rows],
            **{column: [name[i] for name in names] for i, column in enumerate(SCOPE)},
        }
    )
    sizes = {"chr1": 3_000, "chr10": 2_000, "chr2": 2_000, "chrX": 2_000, "chrY": 2_000}
    counts = golden["expected"]["scoped_draw_counts"]["GSE1.CTCF.K562"]
    assert set(counts) == {"2", "5", "6", "7"}
    usable = frame.iloc[[int(row) for row in counts]]
    expected = set(
        zip(
            usable["chrom"],
            usable["start"] - 32 + (usable["end"] - usable["start"]) // 2,
            strict=True,
        )
    )
    found, report = draw_negatives(
        FramePeaks(frame, sizes),
        Ground(sizes, chroms=("chr1", "chr10")),
        NegativeSettings(
            "hard", 64, n=20, sources=("all_peaks",), centre="middle", when_short="fewer"
        ),
        seed=1,
    )
    own = found[(found["experiment"] == "GSE1") & (found["target"] == "CTCF")]
    assert set(zip(own["chrom"], own["start"], strict=True)) == expected
    assert report.short["GSE1.CTCF.K562"] == (3, 20)
    assert min(counts.values()) > 500 * 0.15  # theirs is uniform over rows, too
