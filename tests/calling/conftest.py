"""A strict reader of GFF3, which knows nothing of our own code."""

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest

SO_TERMS = {
    "gene", "protein_coding_gene", "lncRNA_gene", "lncRNA", "ncRNA_gene", "exon", "intron",
    "five_prime_UTR", "three_prime_UTR", "splice_site", "five_prime_cis_splice_site",
    "three_prime_cis_splice_site", "polyA_signal_sequence", "promoter", "enhancer",
    "CTCF_binding_site", "insulator_binding_site", "sequence_feature",
}  # fmt: skip
RESERVED_TAGS = {
    "ID", "Name", "Alias", "Parent", "Target", "Gap", "Derives_from", "Note", "Dbxref",
    "Ontology_term", "Is_circular",
}  # fmt: skip


@pytest.fixture
def read_strict() -> Callable[[str], list[dict]]:
    """A reader of GFF3 text that takes what the specification admits and asserts on the rest."""
    return _read_strict


def _read_strict(text: str) -> list[dict]:
    """Return the features, unescaped, 0-based half-open; AssertionError if the text is bad."""
    assert text.endswith("\n")
    assert "\r" not in text
    lines = text[:-1].split("\n")
    assert lines[0] == "##gff-version 3"
    regions, features, ids = {}, [], set()
    closed_chroms, last = set(), ("", 0)
    for line in lines[1:]:
        if line.startswith("##sequence-region "):
            assert not features, "a pragma after a feature"
            _, seqid, first, final = line.split(" ")
            assert seqid not in regions
            regions[seqid] = (int(first), int(final))
            assert 1 <= int(first) <= int(final)
            continue
        assert not line.startswith("#"), line
        feature = _read_feature(line, regions)
        assert feature["attributes"]["ID"] not in ids, "an ID twice"
        ids.add(feature["attributes"]["ID"])
        if feature["chrom"] != last[0]:
            assert feature["chrom"] not in closed_chroms, "a chrom in two blocks"
            closed_chroms.add(feature["chrom"])
        else:
            assert feature["start"] >= last[1], "not sorted"
        last = (feature["chrom"], feature["start"])
        features.append(feature)
    return features


def _read_feature(line: str, regions: dict) -> dict:
    columns = line.split("\t")
    assert len(columns) == 9, line
    seqid, source, kind, start, end, score, strand, phase, attributes = columns
    assert re.fullmatch(r"(?:[a-zA-Z0-9.:^*$@!+_?|-]|%[0-9A-F]{2})+", seqid), seqid
    for column in (source, kind):
        assert re.fullmatch(r"(?:[^\x00-\x1f\x7f%]|%[0-9A-F]{2})+", column), column
    assert kind in SO_TERMS, kind
    assert re.fullmatch(r"[1-9][0-9]*", start)
    assert re.fullmatch(r"[1-9][0-9]*", end)
    low, high = regions[seqid]
    assert low <= int(start) <= int(end) <= high
    assert re.fullmatch(r"\d\.\d{3,4}", score), score
    assert 0 <= float(score) <= 1
    assert strand == "."
    assert phase == "."
    parsed = {}
    for pair in attributes.split(";"):
        assert re.fullmatch(r"(?:[^\x00-\x1f\x7f%;=&,]|%[0-9A-F]{2})+=[^=]+", pair), pair
        tag, value = pair.split("=")
        assert re.fullmatch(r"(?:[^\x00-\x1f\x7f%;=&,]|%[0-9A-F]{2})+", value), value
        assert tag in RESERVED_TAGS or tag[0].islower(), tag
        assert unquote(tag) not in parsed
        parsed[unquote(tag)] = unquote(value)
    return {
        "chrom": unquote(seqid),
        "source": unquote(source),
        "type": kind,
        "start": int(start) - 1,
        "end": int(end),
        "score": float(score),
        "attributes": parsed,
    }
