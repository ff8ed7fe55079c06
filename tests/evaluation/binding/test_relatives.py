"""The most alike protein is a relative, whatever is long or repeats itself."""

import numpy as np
import pytest

from basewise.evaluation.binding.relatives import nearest_proteins
from basewise.peaks import read_proteins

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def test_the_nearest_protein_is_the_one_of_alike_residues():
    chains = {
        "A": ("MKRARNTEAARR",),
        "A2": ("MKRARNTEAAKK",),
        "B": ("GGGGWWWWCCCC",),
        "AB": ("MKRARNTE", "WWWWCC"),
    }
    assert nearest_proteins(["A2"], ["A", "B"], chains)["A2"][0] == "A"
    likeness = nearest_proteins(["A"], ["A"], chains)["A"][1]
    assert likeness == pytest.approx(1.0)
    assert 0 < nearest_proteins(["AB"], ["B"], chains)["AB"][1] < 1


def test_a_shared_domain_outweighs_stretches_of_few_residues():
    rng = np.random.default_rng(0)

    def draw(letters: str, n: int) -> str:
        return "".join(rng.choice(list(letters), n))

    domain, repeats = draw(RESIDUES, 40), draw("NQNNS", 120)
    chains = {
        "asked": (repeats + domain,),
        "relative": (draw(RESIDUES, 200) + domain[:30] + draw(RESIDUES, 10),),
        "repeats": (draw("NQSN", 1500),),
        "other": (draw(RESIDUES, 1500),),
    }
    found = nearest_proteins(["asked"], ["other", "repeats", "relative"], chains)
    assert found["asked"][0] == "relative"


def test_residues_without_a_score_are_read():
    chains = {"A": ("MKRUOXBZJ",), "B": ("mkru",), "C": ("WWWWWW",)}
    assert nearest_proteins(["A"], ["B", "C"], chains)["A"][0] == "B"
    assert nearest_proteins(["C"], ["A"], {"A": ("MK",), "C": ("QQQQ",)})["C"] == ("A", 0.0)


def test_yeast_factors_are_given_their_relatives(shared):
    proteins = read_proteins(shared / "real/yeast/factors")
    names = ["MIG1", "MIG2", "CIN5", "CAD1", "ROX1", "MLP1"]
    chains = {name: tuple(protein.sequence for protein in proteins.of(name)) for name in names}
    found = nearest_proteins(["MIG1", "CIN5"], ["CAD1", "MIG2", "MLP1", "ROX1"], chains)
    assert (found["MIG1"][0], found["CIN5"][0]) == ("MIG2", "CAD1")
