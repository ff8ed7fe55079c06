"""Species by their names, and whether a model knows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.species import GROUPS, SPECIES, explain_untrained, find_species, is_trained_on


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Homo sapiens", "human"),
        ("homo_sapiens", "human"),
        ("H. sapiens", "human"),
        ("GRCh38.p14", "human"),
        ("hg38", "human"),
        (" T2T-CHM13 ", "human"),
        ("R64-1-1", "yeast"),
        ("dm6", "fruit fly"),
        ("Arabidopsis", "thale cress"),
        ("Ornithorhynchus anatinus", "ornithorhynchus anatinus"),
    ],
)
def test_names_of_all_kinds_are_understood(name, expected):
    assert find_species(name) == expected


@given(st.sampled_from([(k, *v[2].split()) for k, v in SPECIES.items()]).flatmap(st.sampled_from))
def test_every_name_in_the_table_stands_for_one_species(name):
    common = find_species(name)
    assert common in SPECIES
    assert find_species(name.upper()) == find_species(name.replace(" ", "_")) == common
    assert find_species(SPECIES[common][0]) == common


@pytest.mark.parametrize(
    ("species", "trained", "expected"),
    [
        ("hg38", ["human"], True),
        ("mouse", ["human"], False),
        ("mouse", ["vertebrates", "fungi"], True),
        ("maize", ["vertebrates", "fungi"], False),
        ("Ornithorhynchus anatinus", ["human"], False),
        ("Ornithorhynchus anatinus", ["vertebrates"], None),
        ("mouse", [], None),
        ("", ["human"], None),
        ("plants", ["human"], False),
        ("vertebrates", ["human"], None),
        ("Saccharomyces cerevisiae", ["yeast"], True),
        ("something", ["Something"], True),
    ],
)
def test_whether_a_model_knows_a_species(species, trained, expected):
    assert is_trained_on(species, trained) is expected
    line = explain_untrained("m", trained, species)
    assert (line is None) == (expected is not False)


def test_the_warning_says_who_what_and_so_what():
    line = explain_untrained("m", GROUPS[:2], "TAIR10", trained_on="850 species")
    assert line.startswith(
        "m was trained on 850 species (vertebrates, invertebrates), not on thale"
    )
    assert "less accurate" in line
    assert "\n" not in line
    assert "human, mouse" in explain_untrained("m", ["human", "mouse"], "rat")
