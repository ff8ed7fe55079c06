"""Labels: annotation files as intervals per element, and as arrays along a window."""

from basewise.labels.annotation import read_annotation
from basewise.labels.arrays import label_array
from basewise.labels.chroms import find_annotated_chroms
from basewise.labels.elements import ELEMENT_NAMES, ELEMENTS, Element, get_element

__all__ = [
    "ELEMENTS",
    "ELEMENT_NAMES",
    "Element",
    "find_annotated_chroms",
    "get_element",
    "label_array",
    "read_annotation",
]
