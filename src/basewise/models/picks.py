"""Which layers and attention heads people ask for: 1-based layers, 0-based heads. No JAX here."""

from collections.abc import Iterable

from basewise.errors import BasewiseError

Head = tuple[int, int]  # (1-based layer, 0-based head)


def parse_layers(text: str) -> tuple[int, ...]:
    """Return the layers of ``12,20``.

    Raises:
        BasewiseError: something else than whole numbers.
    """
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise BasewiseError(
            "layers are whole numbers with commas between", found=repr(text), hint="Like 12,20."
        ) from None


def parse_heads(text: str) -> tuple[Head, ...]:
    """Return the (layer, head) pairs of ``1:4,7:10``.

    Raises:
        BasewiseError: something else than LAYER:HEAD pairs.
    """
    try:
        pairs = [part.split(":") for part in text.split(",") if part.strip()]
        return tuple((int(layer), int(head)) for layer, head in pairs)
    except ValueError:
        raise BasewiseError(
            "attention maps are LAYER:HEAD pairs with commas between",
            found=repr(text),
            hint="Like 1:4,7:10; layers count from 1, heads from 0.",
        ) from None


def check_picks(
    layers: Iterable[int], attention: Iterable[Head], *, n_layers: int, n_heads: int
) -> None:
    """Compare the layers and heads asked for with those a model has.

    Raises:
        BasewiseError: a layer or head the model does not have, or one asked for twice.
    """
    layers, attention = list(layers), list(attention)
    for layer in (*layers, *(layer for layer, _ in attention)):
        if not 1 <= layer <= n_layers:
            raise BasewiseError(
                "no such layer", found=layer, hint=f"Layers are numbered 1 to {n_layers}."
            )
    for layer, head in attention:
        if not 0 <= head < n_heads:
            raise BasewiseError(
                f"no such attention head in layer {layer}",
                found=head,
                hint=f"Heads are numbered 0 to {n_heads - 1}.",
            )
    for what, picks in (("layer", layers), ("attention map", attention)):
        if twice := [pick for pick in picks if picks.count(pick) > 1]:
            raise BasewiseError(f"a {what} is asked for twice", found=twice[0])
