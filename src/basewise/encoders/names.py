"""What the names of targets and biotypes are encoded of, and encoding them all."""

import os
from collections.abc import Iterable, Mapping

from basewise.encoders.cache import write_embeddings
from basewise.encoders.encoder import PROTEIN, TEXT, Encoder
from basewise.errors import BasewiseError, nearest
from basewise.peaks import Proteins
from basewise.peaks.genes import parse_gene_name

SHOWN = 5


def find_chains(targets: Iterable[str], proteins: Proteins) -> dict[str, tuple[str, ...]]:
    """Return the chains of each target: one protein's, or those of a complex in order.

    Raises:
        BasewiseError: targets that lack a protein, with the nearest gene that has one.
    """
    found = {target: proteins.of(target) for target in dict.fromkeys(targets)}
    lacking = [target for target, chains in found.items() if not chains]
    if lacking:
        gene = next(g for g in parse_gene_name(lacking[0], proteins) if g not in proteins)
        more = ", …" if len(lacking) > SHOWN else ""
        raise BasewiseError(
            f"{len(lacking)} targets have no protein: {', '.join(lacking[:SHOWN])}{more}",
            found=f"no protein of {gene}",
            hint=nearest(gene, proteins),
        )
    return {
        target: tuple(protein.sequence for protein in chains) for target, chains in found.items()
    }


def encode_targets(
    targets: Iterable[str],
    proteins: Proteins,
    encoder: Encoder,
    cache: str | os.PathLike,
    index: str | os.PathLike,
) -> int:
    """Encode the proteins of targets, those that the cache lacks; return how many those were.

    Args:
        index: the table of the result, by target (`read_embeddings`).

    Raises:
        BasewiseError: an encoder of text, a target without protein, or a protein that is none.
    """
    encoder.check_kind(PROTEIN)
    return write_embeddings(find_chains(targets, proteins), encoder, cache, index)


def encode_biotypes(
    texts: Mapping[str, str],
    encoder: Encoder,
    cache: str | os.PathLike,
    index: str | os.PathLike,
) -> int:
    """Encode the contexts that biotypes are, those that the cache lacks; return how many.

    Args:
        texts: what is read for each biotype (`describe_contexts`).
        index: the table of the result, by biotype (`read_embeddings`).

    Raises:
        BasewiseError: an encoder of proteins, or no biotype.
    """
    encoder.check_kind(TEXT)
    return write_embeddings(texts, encoder, cache, index)
