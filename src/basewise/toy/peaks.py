"""What experiments see of toy sites: peaks as a ReMap BED has them, and the factors' proteins.

Both biotypes have every site. One factor is seen modified, one in a complex, which binds where
either of its two does.
"""

from itertools import product

import numpy as np

from basewise.toy.sites import ToySite

TARGETS = {"TOYA": ("TOYA",), "TOYB_S5ph": ("TOYB",), "TOYC-TOYA": ("TOYC", "TOYA")}
BIOTYPES = ("liver", "K-1.2")
PROTEINS = {
    "TOYA": "MKRARNTEAARRSRARKLQRMKQLEDKVEELLSKNYHLENEVARLKKLVGER",
    "TOYB": "MSLQDLSHWWFFGGYYPCCHHEEDGWTPYFNHSCGDLFWHPYGDSTWFGHCC",
    "TOYC": "MPPGVIVTVTPGPISTVIVQPMQNPGTVISIPVTNPGQPVIMTPGSVTIPGN",
}
REACH_BP, JITTER_BP = (90, 111), 6
STREAM = 6

Row = tuple[str, int, int, str, float, str, int, int, str]


def list_peaks(sites: tuple[ToySite, ...], chromsizes: dict[str, int], seed: int) -> list[Row]:
    """Return rows of BED9 by position, one per site, target that binds it, and biotype.

    A name is EXPERIMENT.TARGET.BIOTYPE.

    Two flaws that real files have are added: a row that comes twice, and one on a chrom that the
    genome lacks.
    """
    rng = np.random.default_rng([seed, STREAM])
    rows: list[Row] = []
    for site in sites:
        bound = [target for target, factors in TARGETS.items() if site.factor in factors]
        for target, biotype in product(bound, BIOTYPES):
            shift = int(rng.integers(-JITTER_BP, JITTER_BP + 1))
            summit = (site.start + site.end) // 2 + shift
            before, behind = rng.integers(*REACH_BP, 2).tolist()
            start, end = max(0, summit - before), min(chromsizes[site.chrom], summit + behind)
            score = round(float(rng.gamma(2, 20)) + 1, 2)
            name = f"GSE{1 + list(TARGETS).index(target)}.{target}.{biotype}"
            rows.append((site.chrom, start, end, name, score, ".", summit, summit + 1, "0,0,0"))
    if rows:
        rows += [rows[0], ("chrUn_1", 10, 90, *rows[0][3:6], 50, 51, "0,0,0")]
    return sorted(rows, key=lambda row: row[:3])
