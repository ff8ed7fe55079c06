"""The elements that segmentation models know, with their Sequence Ontology terms and colours."""

from dataclasses import dataclass

from basewise.colours import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PALE_GREY,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
)
from basewise.errors import BasewiseError


@dataclass(frozen=True)
class Element:
    """One class of a segmentation.

    Attributes:
        name: the name in tracks, labels and files.
        so_term, so_id: Sequence Ontology, as a GFF3 type.
        colour: ``#RRGGBB``; the Okabe-Ito palette first, then darker or lighter kin of it.
        is_region: True for stretches, False for sites of a few bp.
    """

    name: str
    so_term: str
    so_id: str
    colour: str
    is_region: bool = True


# In the order of the channels of the published SegmentNT models.
ELEMENTS = (
    Element("protein_coding_gene", "protein_coding_gene", "SO:0001217", BLUE),
    Element("lncRNA", "lncRNA_gene", "SO:0002127", SKY),
    Element("exon", "exon", "SO:0000147", ORANGE),
    Element("intron", "intron", "SO:0000188", PALE_GREY),
    Element("splice_donor", "five_prime_cis_splice_site", "SO:0000163", GREEN, False),
    Element("splice_acceptor", "three_prime_cis_splice_site", "SO:0000164", PURPLE, False),
    Element("5UTR", "five_prime_UTR", "SO:0000204", YELLOW),
    Element("3UTR", "three_prime_UTR", "SO:0000205", "#B8860B"),
    Element("CTCF-bound", "CTCF_binding_site", "SO:0001974", BLACK),
    Element("polyA_signal", "polyA_signal_sequence", "SO:0000551", "#882255", False),
    Element("enhancer_Tissue_specific", "enhancer", "SO:0000165", VERMILION),
    Element("enhancer_Tissue_invariant", "enhancer", "SO:0000165", "#8B3A00"),
    Element("promoter_Tissue_specific", "promoter", "SO:0000167", "#66CCAA"),
    Element("promoter_Tissue_invariant", "promoter", "SO:0000167", "#004D40"),
)

ELEMENT_NAMES = tuple(element.name for element in ELEMENTS)

_BY_NAME = {element.name: element for element in ELEMENTS}


def get_element(name: str) -> Element:
    """The element of this name; a BasewiseError that lists the names when there is none."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise BasewiseError(
            "unknown element", found=repr(name), hint=f"Known elements: {', '.join(_BY_NAME)}"
        ) from None
