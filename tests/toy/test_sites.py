"""Planted sites: where they may be, on both strands, all else as it was."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.toy import make_toy_genome, write_toy_binding
from basewise.toy.peaks import BIOTYPES, PROTEINS, TARGETS
from basewise.toy.sites import (
    APART_BP,
    DECOY_BITS,
    MOTIFS,
    SITE_BITS,
    encode,
    find_room,
    find_sites,
    plant_sites,
)


@pytest.fixture(scope="module")
def both():
    """A genome without sites and the same with them."""
    chromsizes = {"one": 120_000, "two": 40_000}
    return [make_toy_genome(5, chromsizes, sites=sites) for sites in (False, True)]


def test_only_planted_bases_change(both):
    bare, planted = both
    for chrom, bases in bare.sequences.items():
        changed = np.flatnonzero(planted.sequences[chrom] != bases)
        assert find_room(bases, bare.tables[chrom])[changed].all()
        assert (len(changed) > 0) is (len(bases) > 10_000)
        lower = (bases & 0x20, planted.sequences[chrom] & 0x20)
        np.testing.assert_array_equal(*lower)
        np.testing.assert_array_equal(bare.tables[chrom], planted.tables[chrom])
    assert bare.blacklist == planted.blacklist
    assert bare.sites == ()


def test_the_same_seed_plants_the_same_and_another_does_not(both):
    bare, planted = both
    again, sites = plant_sites(bare.sequences, bare.tables, 5)
    assert sites == planted.sites
    assert all(np.array_equal(again[chrom], bases) for chrom, bases in planted.sequences.items())
    assert plant_sites(bare.sequences, bare.tables, 6)[1] != sites


def test_sites_are_apart_but_for_chance_and_on_both_strands(both):
    bare, planted = both
    by_chance = {site[:4] for chrom, b in bare.sequences.items() for site in find_sites(chrom, b)}
    own = [site for site in planted.sites if site[:4] not in by_chance]
    assert len(own) >= 3 * (120_000 + 40_000) / 4_000 * 0.9
    assert {site.strand for site in own} == {"+", "-"}
    assert {site.factor for site in own} == set(MOTIFS)
    starts = np.array([site.start for site in own if site.chrom == "one"])
    near = np.diff(np.sort(starts)) < APART_BP - 13
    assert near.sum() <= 2  # a site that a planted one made with the bases around it
    room = find_room(bare.sequences["one"], bare.tables["one"])
    assert room[starts].mean() > 0.95


def test_decoys_are_like_motifs_and_are_no_sites():
    rng = np.random.default_rng(1)
    for motif in MOTIFS.values():
        for bits, lowest, highest in (((0.0, SITE_BITS), 0, SITE_BITS), (DECOY_BITS, *DECOY_BITS)):
            copies = [motif.draw(rng, bits) for _ in range(40)]
            scores = [motif.score(copy)[0] for copy in copies]
            assert lowest <= min(scores) <= max(scores) <= highest
            assert len({copy.tobytes() for copy in copies}) > 5  # degenerate


@settings(deadline=None, max_examples=25)
@given(
    factor=st.sampled_from(sorted(MOTIFS)),
    at=st.integers(0, 80),
    is_minus=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_written_site_is_found_where_it_is(factor, at, is_minus, seed):
    rng = np.random.default_rng(seed)
    bases = np.full(100, ord("n"), np.uint8)
    copy = MOTIFS[factor].draw(rng, (0.0, SITE_BITS))
    copy = 3 - copy[::-1] if is_minus else copy
    bases[at : at + len(copy)] = np.frombuffer(b"ACGT", np.uint8)[copy]
    (site,) = find_sites("one", bases)
    assert site == ("one", at, at + len(copy), factor, "-+"[not is_minus])
    assert (encode(bases) < 4).sum() == len(copy)


def test_peaks_are_at_sites_and_proteins_are_those_of_the_targets(both, tmp_path):
    _, planted = both
    paths = {name: tmp_path / name for name in ("sites.bed", "peaks.bed.gz", "proteins.fa")}
    write_toy_binding(
        planted, 5, sites_bed=paths["sites.bed"], peaks_bed=paths["peaks.bed.gz"],
        proteins=paths["proteins.fa"],
    )  # fmt: skip
    lines = gzip.decompress(paths["peaks.bed.gz"].read_bytes()).decode().splitlines()
    rows = [line.split("\t") for line in lines]
    n_bound = sum(site.factor in own for site in planted.sites for own in TARGETS.values())
    assert len(rows) == n_bound * len(BIOTYPES) + 2
    assert len({tuple(row) for row in rows}) == len(rows) - 1  # one comes twice
    known = [row for row in rows if row[0] in planted.sequences]
    assert len(known) == len(rows) - 1
    sites = {}
    for site in planted.sites:
        for target, factors in TARGETS.items():
            if site.factor in factors:
                sites.setdefault((site.chrom, target), []).append(site)
    for chrom, start, end, name, score, _, summit, *_ in known:
        experiment, target, biotype = name.split(".", 2)
        assert experiment.startswith("GSE")
        assert biotype in BIOTYPES
        assert float(score) > 0
        assert 0 <= int(start) < int(summit) < int(end) <= len(planted.sequences[chrom])
        centres = [(site.start + site.end) // 2 for site in sites[chrom, target]]
        assert min(abs(int(summit) - centre) for centre in centres) <= 6
    written = paths["proteins.fa"].read_text().split(">")[1:]
    assert {record.split()[0]: record.split("\n")[1] for record in written} == PROTEINS
    assert len(paths["sites.bed"].read_text().splitlines()) == len(planted.sites)
