"""``basewise embed``: what a language model makes of sequences, as one file."""

import argparse

from basewise.cli.predict import parse_region
from basewise.models.picks import parse_heads, parse_layers

DESCRIPTION = """\
Embeddings, attention maps, logits and log-likelihoods of every record of a FASTA, or of regions.
OUT.npz holds a few sequences, OUT.zarr (a directory) many, OUT.parquet one row per sequence: pooled
embeddings and likelihoods. Fields: chrom, start, end, strand, name; n_tokens, CLS included; tokens,
token_start and token_end (n, L), places on the chrom; embeddings_<layer> (n, L, D), pooled (n, D);
attention_<layer>_<head> (n, L, L); logits (n, L, V); log_likelihood (n), its parts
token_log_likelihood (n, L) and base_log_likelihood (n, bp), each token's evenly over its bases in
the direction of reading; n_scored_bp (n). Past a shorter sequence's end tokens are 1, places -1,
values NaN. N is never scored.
"""


def add_parser(commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "embed",
        help="embeddings, attention maps, logits and likelihoods of a FASTA, as one file",
        description=DESCRIPTION,
    )
    parser.add_argument("--checkpoint", required=True, metavar="DIR")
    parser.add_argument("--fasta", required=True, metavar="FA")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--region",
        action="append",
        metavar="CHROM:START-END",
        help="0-based, half-open, forward strand; may be repeated",
    )
    where.add_argument(
        "--bed", metavar="BED", help="regions; names in column 4, strands in column 6"
    )
    parser.add_argument("--out", required=True, metavar="OUT.npz|OUT.zarr|OUT.parquet")
    add_outputs(parser)
    add_reading(parser)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--platform", choices=("auto", "cpu", "gpu", "tpu"), default="auto")
    parser.add_argument("--batch-size", type=int, default=8, help="sequences per device and call")
    parser.set_defaults(run=run)


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add what may be asked for."""
    parser.add_argument(
        "--layers", default="", metavar="12,20", help="embeddings; layers count from 1"
    )
    parser.add_argument(
        "--attention", default="", metavar="1:4,7:10", help="LAYER:HEAD; heads count from 0"
    )
    parser.add_argument("--logits", action="store_true")
    parser.add_argument(
        "--likelihood", action="store_true", help="of each token, given all others, masked in turn"
    )
    parser.add_argument(
        "--mask-every",
        type=int,
        metavar="N",
        help="mask every N-th token at once: N passes instead of one per token, approximate",
    )
    parser.add_argument(
        "--pool",
        default="none",
        metavar="none|mean|cls|mean_non_special",
        help="mean over all tokens, CLS included; the CLS token; mean over all but CLS",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add how sequences are read that a model cannot read as they are."""
    parser.add_argument(
        "--long",
        default="refuse",
        metavar="refuse|window",
        help="what to do with sequences longer than the model was trained on",
    )
    parser.add_argument(
        "--overlap", type=int, metavar="BP", help="of windows; a quarter of one if not given"
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        metavar="N",
        help="longest sequence read in one piece, CLS included; the trained length if not given",
    )
    parser.add_argument(
        "--ambiguous",
        default="tokens",
        metavar="tokens|refuse",
        help="read N as tokens of their own, with a warning, or refuse it",
    )


def run(arguments: argparse.Namespace) -> None:
    """Embed into a file."""
    from basewise.inference.embedding import EmbedRequest, embed_fasta

    regions = arguments.bed
    if arguments.region:
        regions = [parse_region(text) for text in arguments.region]
    embed_fasta(
        checkpoint=arguments.checkpoint,
        fasta=arguments.fasta,
        output=arguments.out,
        regions=regions,
        request=EmbedRequest(
            layers=parse_layers(arguments.layers),
            attention=parse_heads(arguments.attention),
            logits=arguments.logits,
            likelihood=arguments.likelihood,
            mask_every=arguments.mask_every,
            pool=arguments.pool,
            long=arguments.long,
            overlap_bp=arguments.overlap,
            max_tokens=arguments.max_tokens,
            ambiguous=arguments.ambiguous,
        ),
        precision=arguments.precision,
        platform=arguments.platform,
        batch_size=arguments.batch_size,
    )
