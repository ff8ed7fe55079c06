"""What is asked of a language model, checked before anything is computed. No JAX here."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from basewise.errors import BasewiseError, nearest
from basewise.models.picks import Head, check_picks, parse_heads

POOLS = ("none", "mean", "cls", "mean_non_special")
LONG = ("refuse", "window")
AMBIGUOUS = ("tokens", "refuse")


@dataclass(frozen=True)
class EmbedRequest:
    """Which outputs, and what to do about sequences that the model cannot read in one piece.

    Attributes:
        layers: embeddings of these layers, 1-based; the last one is given after the norm that
            opens the vocabulary head, as published.
        attention: maps of these (1-based layer, 0-based head).
        logits: of every token, over the vocabulary.
        likelihood: the log-likelihood of each token given all others, per base and per sequence.
        pool: "none" gives embeddings per token, "mean" their mean over all tokens, CLS included,
            "cls" the CLS token's, "mean_non_special" their mean over all but CLS.
        long: "refuse" sequences that are too long, or cut them into overlapping windows
            ("window").
        overlap_bp: shared by neighbouring windows; None for a quarter of a window.
        max_tokens: longest sequence read in one piece, CLS included; None for the length that the
            model was trained on.
        mask_every: for the likelihood, mask every n-th token at once, which takes n passes per
            sequence and is an approximation; None masks one token at a time, which is exact.
        ambiguous: what a k-mer model does with N: read it as a token of its own, after which the
            frame of the k-mers starts anew ("tokens"), or refuse the sequence ("refuse").
    """

    layers: tuple[int, ...] = ()
    attention: tuple[Head, ...] = ()
    logits: bool = False
    likelihood: bool = False
    pool: str = "none"
    long: str = "refuse"
    overlap_bp: int | None = None
    max_tokens: int | None = None
    mask_every: int | None = None
    ambiguous: str = "tokens"

    def __post_init__(self):
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "attention", tuple((la, head) for la, head in self.attention))
        for name, legal in (("pool", POOLS), ("long", LONG), ("ambiguous", AMBIGUOUS)):
            value = getattr(self, name)
            if value not in legal:
                raise BasewiseError(
                    f"unknown {name}", found=repr(value), hint=nearest(value, legal)
                )
        for name, least in (("overlap_bp", 0), ("max_tokens", 2), ("mask_every", 2)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise BasewiseError(f"{name} must be at least {least}", found=value)
        if self.mask_every is not None and not self.likelihood:
            raise BasewiseError("mask_every is about the likelihood, which is not asked for")
        if self.pool != "none" and not self.layers:
            raise BasewiseError(
                "only embeddings can be pooled, and none are asked for",
                found=f"pool {self.pool}",
                hint="Name layers.",
            )
        if not (self.layers or self.attention or self.logits or self.likelihood):
            raise BasewiseError(
                "nothing is asked for", hint="Ask for layers, attention, logits or likelihood."
            )

    @classmethod
    def of_chapter(cls, chapter: Mapping) -> "EmbedRequest":
        """Return the request of the config's chapter embedding; its other keys are left out."""
        names = {field.name for field in fields(cls)}
        values = {name: value for name, value in chapter.items() if name in names}
        return cls(**{**values, "attention": parse_heads(",".join(chapter["attention"]))})

    @property
    def is_per_token(self) -> bool:
        """Whether anything of the size of a sequence is asked for."""
        has_embeddings = bool(self.layers) and self.pool == "none"
        return has_embeddings or bool(self.attention) or self.logits

    def check_format(self, form: str) -> None:
        """Compare the request with what a file's format is for.

        Raises:
            BasewiseError: outputs per token in Parquet.
        """
        if form == "parquet" and self.is_per_token:
            raise BasewiseError(
                "Parquet holds one row per sequence, and outputs per token are asked for",
                hint="Pool the embeddings (mean, cls or mean_non_special) and leave out attention "
                "and logits, or write zarr.",
            )

    def check(self, name: str, *, n_layers: int, n_heads: int, has_logits: bool) -> None:
        """Compare the request with what a model called ``name`` has.

        Raises:
            BasewiseError: a layer, head or vocabulary head that it does not have.
        """
        check_picks(self.layers, self.attention, n_layers=n_layers, n_heads=n_heads)
        wanted = "logits" if self.logits else "likelihood" if self.likelihood else None
        if wanted and not has_logits:
            raise BasewiseError(
                f"{name} cannot give {'logits' if self.logits else 'a likelihood'}",
                found="no vocabulary head (lm_head false in its config.json)",
                hint="It was trained for something else; its embeddings and attention are there.",
            )
