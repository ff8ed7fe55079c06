"""The pairs that a model of binding is to be asked for: rows of a table, with their proteins.

No JAX here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from basewise.encoders.residues import clean_protein
from basewise.errors import BasewiseError, nearest
from basewise.peaks.genes import parse_gene_name
from basewise.peaks.proteins import Proteins, read_chains

UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class BoundTarget:
    """One row: a factor in a biotype, and the track that is made of it.

    Attributes:
        target, biotype: their names.
        protein: FASTA of this row's protein, one record per chain; None looks the target up.
        name: of the track; None for TARGET.BIOTYPE in letters that may be in a file's name.
        colour: "#RRGGBB"; None for one of a few in turn.
        unseen_biotype: read a biotype by its name though the model was never trained on it.
        where: the file and line, for errors.
    """

    target: str
    biotype: str
    protein: str | None = None
    name: str | None = None
    colour: str | None = None
    unseen_biotype: bool = False
    where: str = "targets"

    @property
    def track(self) -> str:
        """Name of the track."""
        if self.name:
            return self.name
        return UNSAFE.sub("_", f"{self.target}.{self.biotype}").strip("._-") or "track"

    @property
    def protein_key(self) -> str:
        """What tells its protein from those of other rows."""
        return self.protein or self.target

    def to_dict(self) -> dict:
        """Plain values, in the order of the fields; those that are not given are left out."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in told.items() if value not in (None, False)}


def check_targets(targets: Sequence[BoundTarget]) -> None:
    """Raise BasewiseError for no row at all, a pair or a track's name that comes twice."""
    if not targets:
        raise BasewiseError("there is no target to bind", hint="Give one row per track.")
    pairs: dict[tuple, BoundTarget] = {}
    names: dict[str, BoundTarget] = {}
    for row in targets:
        pair = (row.protein_key, row.target, row.biotype)
        if pair in pairs:
            raise BasewiseError(
                f"{row.where}: {row.target} in {row.biotype} comes a second time",
                found=f"the first in {pairs[pair].where}",
            )
        if row.track in names:
            raise BasewiseError(
                f"{row.where}: column 'name': two tracks would have one name",
                found=f"{row.track!r}, as in {names[row.track].where}",
                hint="Name them apart in the column 'name'.",
            )
        pairs[pair], names[row.track] = row, row


def find_proteins(
    targets: Iterable[BoundTarget], proteins: Proteins | None
) -> dict[str, tuple[str, ...]]:
    """Return the chains of each row's protein, by its ``protein_key``.

    Args:
        proteins: where rows that name no FASTA of their own are looked up.

    Raises:
        BasewiseError: a target without a protein, with the nearest that has one; a letter that is
            no amino acid, with its place.
    """
    found = {}
    for row in targets:
        if row.protein_key in found:
            continue
        if row.protein is not None:
            chains = read_chains(row.protein)
        elif proteins is None:
            raise BasewiseError(
                f"{row.where}: target {row.target!r} has no protein",
                found="neither proteins nor a FASTA in the column 'protein'",
            )
        else:
            chains = tuple(protein.sequence for protein in proteins.of(row.target))
        if not chains:
            genes = parse_gene_name(row.target, proteins)
            gene = next(gene for gene in genes if gene not in proteins)
            raise BasewiseError(
                f"{row.where}: target {row.target!r} has no protein",
                found=f"no {gene} among {len(proteins)} proteins",
                hint=f"{nearest(gene, proteins)} Or name a FASTA in the column 'protein'.",
            )
        record = f"{row.where}: the protein of {row.target}"
        found[row.protein_key] = tuple(clean_protein(chain, record) for chain in chains)
    return found


def check_biotypes(
    targets: Iterable[BoundTarget], config: Mapping, *, is_closed: bool = False
) -> None:
    """Refuse biotypes that a model was not trained on, as far as its config.json tells.

    Args:
        config: of the binding checkpoint.
        is_closed: whether its contexts are a table with a row each, which no other can be read by.

    Raises:
        BasewiseError: such a biotype, and the nearest that was trained on.
    """
    known = (config.get("data") or {}).get("biotypes")
    if known is None or config["architecture"]["adapter"].get("context_dim") is None:
        return
    for row in targets:
        if row.biotype in known or (row.unseen_biotype and not is_closed):
            continue
        allowed = " Or say yes in the column 'unseen_biotype', to read it by its name alone."
        raise BasewiseError(
            f"{row.where}: checkpoint {config['name']} was not trained on the biotype",
            found=repr(row.biotype),
            hint=nearest(row.biotype, known) + ("" if is_closed else allowed),
        )
