"""Names of peaks and genes: every layout, any name, and what the seed system made of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.peaks.genes import parse_gene_name
from basewise.peaks.names import Scope, get_name_parser, make_scope

WORD = st.text(
    st.characters(codec="ascii", exclude_characters="._:,\t\n\r", min_codepoint=33),
    min_size=1,
    max_size=8,
)
MODIFIED = st.tuples(WORD, st.none() | WORD).map(
    lambda x: x[0] if x[1] is None else f"{x[0]}_{x[1]}"
)

# where the seed system's column parser, used by its filters, is wrong: name -> what it makes of it
SPLIT_IS_RIGHT = {
    "GSE2.SOX2.cell.with.dots": ("GSE2", "SOX2", "dots"),  # a biotype may hold dots
    "GSE4.TP53.cell+drug": ("GSE4", "TP53", None),  # … and any letter
    "GSE5.MYC.a,b": ("GSE5", "MYC", None),
    "nodots": ("nodots", None, None),  # no name of the layout: a broken row, not a null
    "GSE8.GATA1.": ("GSE8", None, None),
}
# where the seed system's genes are wrong: target -> (its genes, ours)
GENES_DIFFER = {
    "NKX6-1": (["NKX6", "NKX1"], ["NKX6-1"]),  # NKX genes have a hyphen in their names
    "NKX2-2": (["NKX2", "NKX2"], ["NKX2-2"]),
    "NKX2-1_p": (["NKX2", "1_p"], ["NKX2-1"]),  # the modification goes first
    "TBX2_x-y": (["TBX2_x", "TBX2_y"], ["TBX2"]),
    "RXR_x": (["RXR"], ["RXRA"]),  # RXR means RXRA wherever it stands
    "RXR-RARA": (["RXR", "RARA"], ["RXRA", "RARA"]),
}


@pytest.fixture(scope="module")
def expected(shared):
    return json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())["expected"]


def test_split_names_as_the_seed_system(expected):
    parse = get_name_parser("all")
    for name, parts in expected["parse_exp_target_cell"].items():
        (scope,) = parse(name)
        assert [scope.experiment, scope.target, scope.biotype] == parts
        assert scope.name == name


def test_column_parser_of_the_seed_system_agrees_but_where_it_is_wrong(expected):
    parse = get_name_parser("all")
    for row in expected["remap_regex"]:
        theirs = (row["experiment"], row["target"], row["cell_type"])
        ours = [tuple(scope[:3]) for scope in parse(row["name"])]
        if row["name"] in SPLIT_IS_RIGHT:
            assert theirs == SPLIT_IS_RIGHT[row["name"]]
            assert ours != [theirs]
        else:
            assert ours == [theirs]


def test_genes_of_targets_as_the_seed_system_but_where_it_is_wrong(expected):
    for target, genes in expected["parse_gene_name"].items():
        theirs, ours = GENES_DIFFER.get(target, (genes, genes))
        assert theirs == genes
        assert parse_gene_name(target) == ours, target


@given(WORD, MODIFIED, st.lists(MODIFIED, min_size=1, max_size=4))
def test_all_names_come_back_whole(experiment, target, biotype):
    name = f"{experiment}.{target}.{'.'.join(biotype)}"
    (scope,) = get_name_parser("all")(name)
    assert scope.name == name
    assert scope.target == target
    assert bool(scope.modification) == ("_" in target + "".join(biotype))


@given(MODIFIED, st.lists(MODIFIED, min_size=1, unique=True))
def test_nr_names_give_a_scope_per_biotype(target, biotypes):
    scopes = get_name_parser("nr")(f"{target}:{','.join(biotypes)}")
    assert scopes == [make_scope("", target, biotype) for biotype in biotypes]


@given(st.lists(MODIFIED, min_size=1, unique=True))
def test_crm_names_give_a_scope_per_target(targets):
    scopes = get_name_parser("crm")(",".join(targets))
    assert [scope.target for scope in scopes] == targets
    assert {scope.biotype for scope in scopes} == {""}


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        *(("all", name) for name in ("", "CTCF", "GSE1.CTCF", "GSE1.CTCF.", ".CTCF.K562")),
        *(("nr", name) for name in ("CTCF", "CTCF:", ":K562", "CTCF:a,,b")),
        *(("crm", name) for name in ("", "A,,B")),
    ],
)
def test_names_that_do_not_fit(layout, name):
    assert get_name_parser(layout)(name) == []


def test_repeated_parts_of_a_name_count_once():
    assert len(get_name_parser("nr")("CTCF:a,b,a")) == 2
    assert len(get_name_parser("crm")("A,B,A")) == 2


def test_modifications_are_read_and_cut():
    (scope,) = get_name_parser("all")("GSE1.ESR1_S118ph.MCF-7_E2_1h")
    assert scope == Scope("GSE1", "ESR1_S118ph", "MCF-7_E2_1h", "S118ph,E2_1h")
    assert scope.unmodified == Scope("GSE1", "ESR1", "MCF-7", "")


def test_unknown_layouts_name_the_nearest():
    with pytest.raises(BasewiseError, match=r"layout.*'al'.*Did you mean 'all'"):
        get_name_parser("al")


def test_whole_names_come_first_where_genes_are_known():
    known = {"HLA-A", "HLA", "PAX3", "FOXO1", "YML081C-A"}
    assert parse_gene_name("HLA-A", known) == ["HLA-A"]
    assert parse_gene_name("YML081C-A_x", known) == ["YML081C-A"]
    assert parse_gene_name("PAX3-FOXO1_x", known) == ["PAX3", "FOXO1"]
    assert parse_gene_name("NFYA-B", {"NFYA", "NFYB"}) == ["NFYA", "NFYB"]
