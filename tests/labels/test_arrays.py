"""Label arrays equal a brute-force count of bases; elements are well formed."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.intervals import merge
from basewise.labels import ELEMENT_NAMES, ELEMENTS, get_element, label_array

SIZE_BP = 120
ROW = st.tuples(st.integers(0, SIZE_BP), st.integers(0, SIZE_BP)).map(sorted)
ROWS = st.lists(ROW, max_size=12)


@given(st.lists(ROWS, min_size=3, max_size=3), st.integers(-30, 150), st.integers(0, 90))
def test_label_array_equals_brute_force(rows, start, width):
    elements = ["exon", "intron", "5UTR"]
    labels = {e: {"c": merge(r)} for e, r in zip(elements, rows, strict=True)}
    got = label_array(labels, elements[::-1], "c", start, start + width)
    expected = [
        [any(a <= base < b for a, b in row) for row in rows[::-1]]
        for base in range(start, start + width)
    ]
    assert got.dtype == np.uint8
    assert got.shape == (width, 3)
    assert got.flags.c_contiguous
    assert got.astype(bool).tolist() == expected


def test_a_chrom_without_labels_is_zero():
    labels = {"exon": {"c": np.array([[0, 5]])}}
    assert label_array(labels, ["exon"], "d", 0, 4).tolist() == [[0]] * 4
    with pytest.raises(KeyError):
        label_array(labels, ["intron"], "c", 0, 4)


def test_elements_are_distinct_and_in_the_published_order():
    assert len(ELEMENTS) == 14 == len(set(ELEMENT_NAMES))
    assert ELEMENT_NAMES[:4] == ("protein_coding_gene", "lncRNA", "exon", "intron")
    assert ELEMENT_NAMES[-1] == "promoter_Tissue_invariant"
    assert len({e.colour for e in ELEMENTS}) == 14
    assert all(re.fullmatch(r"#[0-9A-F]{6}", e.colour) for e in ELEMENTS)
    assert all(re.fullmatch(r"SO:\d{7}", e.so_id) for e in ELEMENTS)
    terms = {(e.so_term, e.so_id) for e in ELEMENTS}
    assert len(terms) == len({t for t, _ in terms}) == len({i for _, i in terms})
    assert get_element("5UTR").so_term == "five_prime_UTR"
    with pytest.raises(BasewiseError, match="Known elements: protein_coding_gene, lncRNA"):
        get_element("gene")
