"""Splits: every window in one, none that shares with train what the split is named after."""

from itertools import product

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.peaks.genes import parse_gene_name
from basewise.peaks.splits import UNUSED, SplitRules, assign_splits, count_splits

CHROMS = ("chr1", "chr2", "chr3", "chr10")
TARGETS = ("ESR1", "ESR1_S118ph", "PAX3", "FOXO1", "PAX3-FOXO1", "NFYA-B", "NFYB", "NKX2-1", "CTCF")
BIOTYPES = ("MCF-7", "MCF-7_E2", "K562", "cell.with.dots", "")


@st.composite
def rules(draw):
    def pick(names):
        chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
        cut = draw(st.integers(0, len(chosen)))
        return tuple(chosen[:cut]), tuple(chosen[cut:])

    valid, test = {}, {}
    for axis, names in (("chroms", CHROMS), ("targets", TARGETS), ("biotypes", BIOTYPES[:-1])):
        valid[f"valid_{axis}"], test[f"test_{axis}"] = pick(names)
    try:
        return SplitRules(**valid, **test)
    except BasewiseError:  # related names on both sides
        return SplitRules(**test)


def all_windows() -> pd.DataFrame:
    rows = list(product(CHROMS, TARGETS, BIOTYPES, ("peak", "scoped")))
    return pd.DataFrame(rows, columns=["chrom", "target", "biotype", "kind"])


def genes_of(target: str) -> set[str]:
    return {target.partition("_")[0], *parse_gene_name(target)}


@given(rules())
def test_nothing_held_out_leaks_into_train(chosen):
    windows = all_windows()
    windows["split"] = assign_splits(windows, chosen).astype(str)
    assert set(windows["split"]) <= {*chosen.names, UNUSED}
    train = windows[windows["split"] == "train"]
    held = {*chosen.valid_chroms, *chosen.test_chroms}
    assert held.isdisjoint(train["chrom"])
    of_targets = {g for t in (*chosen.valid_targets, *chosen.test_targets) for g in genes_of(t)}
    assert not any(genes_of(target) & of_targets for target in train["target"].unique())
    of_biotypes = {b.partition("_")[0] for b in (*chosen.valid_biotypes, *chosen.test_biotypes)}
    assert not any(b.partition("_")[0] in of_biotypes for b in train["biotype"].unique() if b)
    for split, rows in windows.groupby("split"):
        others = windows[windows["split"] == "train"]
        for axis in ("chrom", "target", "biotype"):
            is_new = axis in split.split("_") or (split == "valid" and axis == "chrom")
            if split not in ("train", UNUSED) and is_new:
                assert set(rows[axis]).isdisjoint(others[axis]), (split, axis)
    valid = windows[windows["split"].str.startswith("valid")]
    for axis, names in (("chrom", chosen.test_chroms), ("target", chosen.test_targets)):
        assert set(names).isdisjoint(valid[axis])


def test_names_of_splits():
    windows = pd.DataFrame(
        {
            "chrom": ["chr1", "chr2", "chr3", "chr1", "chr1", "chr3", "chr3", "chr2", "chr2"],
            "target": ["PAX3", "PAX3", "PAX3", "CTCF", "PAX3", "CTCF", "CTCF", "CTCF", "PAX3"],
            "biotype": ["K562", "K562", "K562", "K562", "liver", "K562", "liver", "K562", "liver"],
            "kind": "peak",
        }
    )
    chosen = SplitRules(
        valid_chroms=("chr2",),
        test_chroms=("chr3",),
        test_targets=("CTCF",),
        test_biotypes=("liver",),
    )
    windows["split"] = assign_splits(windows, chosen)
    assert windows["split"].tolist() == [
        *("train", "valid", "test_chrom", "test_target", "test_biotype", "test_target_chrom"),
        *("test_target_biotype_chrom", UNUSED, UNUSED),
    ]
    assert chosen.names[0] == "train"
    assert UNUSED not in chosen.names
    counts = count_splits(windows).set_index("split")["n"].to_dict()
    assert counts[UNUSED] == 2
    seed_like = SplitRules(
        valid_chroms=("chr2",), valid_targets=("CTCF",), valid_biotypes=("liver",)
    )
    assert seed_like.names == [
        *("train", "valid", "valid_biotype", "valid_biotype_chrom", "valid_target"),
        *("valid_target_chrom", "valid_target_biotype", "valid_target_biotype_chrom"),
    ]


def test_complexes_and_modified_forms_follow_their_parts():
    windows = all_windows()
    windows["split"] = assign_splits(
        windows, SplitRules(test_targets=("PAX3", "NFYB", "ESR1"), test_biotypes=("MCF-7",))
    ).astype(str)
    train = windows[windows["split"] == "train"]
    assert set(train["target"]) == {"FOXO1", "NKX2-1", "CTCF"}
    assert set(train["biotype"]) == {"K562", "cell.with.dots", ""}
    both = SplitRules(valid_targets=("PAX3",), test_targets=("FOXO1",))
    splits = assign_splits(windows, both).astype(str)
    assert set(splits[windows["target"] == "PAX3-FOXO1"]) == {UNUSED}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"valid_chroms": ("chr1", "chr2"), "test_chroms": ("chr2",)},
            "splits/valid_chroms and splits/test_chroms hold the same chroms; found chr2",
        ),
        (
            {"valid_biotypes": ("MCF-7",), "test_biotypes": ("MCF-7_E2",)},
            "hold the same biotypes; found MCF-7",
        ),
        ({"test_targets": "CTCF"}, "splits/test_targets is a list of names; found 'CTCF'"),
    ],
)
def test_rules_that_contradict_themselves(options, message):
    with pytest.raises(BasewiseError) as error:
        SplitRules(**options)
    assert message in str(error.value)


def test_names_that_do_not_exist_are_named():
    SplitRules(test_targets=("ESR1_S104ph",), test_biotypes=("MCF-7",)).check(
        CHROMS, TARGETS, BIOTYPES
    )
    with pytest.raises(BasewiseError, match=r"valid_chroms names '1', which no window has"):
        SplitRules(valid_chroms=("1",)).check(CHROMS, TARGETS, BIOTYPES)
    with pytest.raises(BasewiseError, match=r"Did you mean 'K562'"):
        SplitRules(test_biotypes=("K526",)).check(CHROMS, TARGETS, BIOTYPES)
