"""Names of published parameters, old and new, below any prefix; which of them no track needs."""

import re

from basewise.models import borzoi, enformer
from basewise.models.nucleotide_transformer import NAMESPACE
from basewise.models.parameters import SEGMENTATION_NAMESPACE

NAMESPACES = {
    "nucleotide_transformer": NAMESPACE,
    "segment_nt": NAMESPACE,
    "segment_enformer": enformer.NAMESPACE,
    "segment_borzoi": borzoi.NAMESPACE,
}
HEAD = ("~/unet1_d_segmentation_head", "~/fc")
OLD_SPELLINGS = (
    (re.compile(r"(attention_layer_\d+/~/)mha(?=/|$)"), r"\1self_attention"),
    (re.compile(r"/mha_layer_norm"), "/self_attention_layer_norm"),
    (re.compile(r"esm_roberta_lm_head"), "roberta_lm_head"),
)
# Branches beside the one that segments: a checkpoint may have them or not, and none is kept.
LEFT_OUT = enformer.SKIPPED + borzoi.SKIPPED
AVERAGE, UNUSED_STATE = "average", ("hidden", "counter")  # of a batch norm's running statistics
MARKS = {
    "segment_borzoi": "/~_unet_conv/",
    "segment_enformer": "/~_conv_tower/",
    "nucleotide_transformer": "/attention_layer_",
}


def normalise_name(published: str, family: str | None = None) -> str:
    """Return our name of a published ``module/path|leaf``: any model prefix, old and new spellings.

    Args:
        family: of the model; it tells the namespace that replaces the prefix. None takes a prefix
            that is a namespace for one, and all others for that of k-mer models.
    """
    module, _, leaf = published.partition("|")
    prefix, _, path = module.partition("/")
    if path.startswith(HEAD):
        return f"{SEGMENTATION_NAMESPACE}/{path}|{leaf}"
    for old, new in OLD_SPELLINGS:
        path = old.sub(new, path)
    if family is None:
        namespace = prefix if prefix in NAMESPACES.values() else NAMESPACE
    else:
        namespace = NAMESPACES[family]
    return f"{namespace}/{path}|{leaf}"


def is_left_out(name: str) -> bool:
    """Whether an array of ours (by our name) belongs to a branch that is not kept."""
    return name.startswith(LEFT_OUT)


def guess_family(names: list[str]) -> str | None:
    """Return the family whose parameters these names are; None when it cannot be told."""
    return next(
        (family for family, mark in MARKS.items() if any(mark in name for name in names)), None
    )
