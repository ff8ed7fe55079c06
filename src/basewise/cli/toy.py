"""``basewise toy``: toy genomes with known genes, and the toy model that reads them."""

import argparse
from pathlib import Path


def add_parser(commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("toy", help="make toy genomes and the toy model")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    genome = actions.add_parser("genome", help="make a toy genome and its annotation")
    genome.add_argument("--seed", type=int, required=True)
    genome.add_argument("--out", type=Path, required=True, metavar="DIR")
    genome.set_defaults(run=run_genome)
    model = actions.add_parser("model", help="train the toy model on fresh toy genomes")
    model.add_argument("--out", type=Path, required=True, metavar="DIR")
    model.add_argument("--steps", type=int, default=None)
    model.set_defaults(run=run_model)
    binding = actions.add_parser("binding", help="train the toy model of binding")
    binding.add_argument("--out", type=Path, required=True, metavar="DIR")
    binding.set_defaults(run=run_binding)


def run_genome(arguments: argparse.Namespace) -> None:
    """Write toy.fa, toy.gtf, toy_blacklist.bed, and what factors bind: toy_sites.bed and others."""
    from basewise.toy import make_toy_genome, write_toy_binding, write_toy_genome

    folder = arguments.out
    toy = make_toy_genome(arguments.seed, sites=True)
    write_toy_genome(toy, folder / "toy.fa", folder / "toy.gtf", folder / "toy_blacklist.bed")
    write_toy_binding(
        toy,
        arguments.seed,
        sites_bed=folder / "toy_sites.bed",
        peaks_bed=folder / "toy_remap.bed.gz",
        proteins=folder / "toy_proteins.fa",
    )


def run_model(arguments: argparse.Namespace) -> None:
    """Train the toy SegmentNT and write its checkpoint."""
    from basewise.toy.model import STEPS, train_toy_model

    train_toy_model(arguments.out, steps=arguments.steps or STEPS)


def run_binding(arguments: argparse.Namespace) -> None:
    """Train the toy model of binding and write its checkpoint."""
    from basewise.toy.binding import train_toy_binding

    train_toy_binding(arguments.out)
