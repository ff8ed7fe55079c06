"""The checkpoint of a binding model: what it is made of, what it was trained on, its parameters.

config.json beside the keys of every checkpoint: ``window_bp``; ``encoders`` and ``residues``, how
proteins and contexts are to be encoded; ``training``, ``data``, ``metrics``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from basewise.checkpoints.config import read_config
from basewise.checkpoints.store import load_parameters
from basewise.encoders import Encoder, build_encoder, read_embeddings
from basewise.encoders.encoder import PROTEIN, TEXT
from basewise.encoders.registry import TABLE
from basewise.errors import BasewiseError
from basewise.models.binding.model import FAMILY, BindingModel, build_binding_model

KEY_LENGTH = 16  # of noted keys; that tells texts apart
SIDES = {"proteins": PROTEIN, "contexts": TEXT}


@dataclass(frozen=True)
class BindingCheckpoint:
    """A binding model as it was saved.

    Attributes:
        params: float32 tree.
        config: its config.json.
    """

    model: BindingModel
    params: dict
    config: dict

    @property
    def window_bp(self) -> int:
        """Width of the windows that it was trained on."""
        return int(self.config["window_bp"])

    @property
    def residues(self) -> dict:
        """residue_stride and max_residues, as `PairTable` takes them."""
        return dict(self.config["residues"])

    def build_encoder(
        self, side: str, *, platform: str | None = None, batch_size: int | None = None
    ) -> Encoder:
        """Return the encoder of "proteins" or "contexts", as it was in training.

        Args:
            platform, batch_size: where it computes, if it has weights, and how many chains or
                texts at once; None as it chooses.

        Raises:
            BasewiseError: it was not noted, or computes something else today.
        """
        noted = self.config["encoders"].get(side)
        if noted is None:
            raise BasewiseError(
                f"checkpoint {self.config['name']} does not say how its {side} were encoded",
                hint=f"Hand over an index of {side} that the same encoder made.",
            )
        encoder = make_encoder(side, noted, platform=platform, batch_size=batch_size)
        if encoder.fingerprint != noted["fingerprint"]:
            raise BasewiseError(
                f"encoder {noted['encoder']} is not the one that checkpoint "
                f"{self.config['name']} was trained with",
                found=f"fingerprint {encoder.fingerprint[:12]}, not {noted['fingerprint'][:12]}",
            )
        return encoder


def load_binding(checkpoint: str | os.PathLike, dtype=jnp.float32) -> BindingCheckpoint:
    """Return the binding model of a checkpoint directory.

    Raises:
        BasewiseError: a checkpoint of another family, an adapter for another trunk, or files that
            are missing or damaged.
    """
    config = read_config(checkpoint)
    if config["family"] != FAMILY:
        raise BasewiseError(
            f"{checkpoint} is no checkpoint of binding",
            found=f"{config['name']}, a {config['family']}",
        )
    model = build_binding_model(config["architecture"], dtype)
    return BindingCheckpoint(model, load_parameters(checkpoint), config)


def make_encoder(side: str, noted: Mapping, **speed) -> Encoder:
    """Return the encoder of a section: ``encoder`` and settings, null ones left out.

    Args:
        speed: platform and batch_size of `build_encoder`.
    """
    settings = {
        key: value
        for key, value in noted.items()
        if key not in ("encoder", "fingerprint", "name", "keys") and value is not None
    }
    return build_encoder(noted["encoder"], kind=SIDES[side], **speed, **settings)


def note_encoders(
    sections: Mapping,
    contexts: str | os.PathLike | None = None,
    proteins: str | os.PathLike | None = None,
) -> dict:
    """Return the sections with the fingerprint of each encoder, for a config.json.

    Args:
        contexts: the index of encoded contexts, whose names a table of contexts is made for. The
            keys of their texts are noted too.
        proteins: the index of encoded proteins.

    Raises:
        BasewiseError: a side or an encoder that there is not, a table of something else, or an
            encoder whose vectors are not as long as those of the index.
    """
    indices = {"proteins": proteins, "contexts": contexts}
    noted = {}
    for side, section in sections.items():
        if side not in SIDES:
            raise BasewiseError(f"unknown key training config/encoders/{side}")
        is_table = section["encoder"] == TABLE and contexts is not None
        if is_table:
            section = {**section, "names": sorted(read_embeddings(contexts))}
        encoder = make_encoder(side, section)
        if is_table:
            _check_rows(encoder, contexts)
        if indices[side] is not None:
            _check_length(encoder, side, indices[side])
        given = {key: value for key, value in section.items() if value is not None}
        noted[side] = {**given, "name": encoder.name, "fingerprint": encoder.fingerprint}
        if SIDES[side] == TEXT and contexts is not None:
            noted[side]["keys"] = _shorten_keys(contexts)
    return noted


def _shorten_keys(contexts: str | os.PathLike) -> dict[str, str]:
    index = read_embeddings(contexts)
    return {name: index.keys(name)[0][:KEY_LENGTH] for name in index}


def choose_texts(
    texts: Mapping[str, str], encoder: Encoder, noted: Mapping[str, str]
) -> dict[str, str]:
    """Return the texts of biotypes as training had them: those given, or the bare names.

    Args:
        texts: by biotype.
        encoder: of contexts, as it was in training.
        noted: ``keys`` of `note_encoders`; a biotype that is not in it was never trained on.

    Raises:
        BasewiseError: a biotype that was read otherwise.
    """
    chosen = {}
    for biotype, text in texts.items():
        key = noted.get(biotype)
        if key is None or encoder.key(text)[:KEY_LENGTH] == key:
            chosen[biotype] = text
        elif encoder.key(biotype)[:KEY_LENGTH] == key:
            chosen[biotype] = biotype
        else:
            raise BasewiseError(
                f"biotype {biotype!r} was read otherwise in training",
                found=f"the text {text!r}",
                hint="Give the table of biotypes, and its columns, that the model learned with.",
            )
    return chosen


def _check_length(encoder: Encoder, side: str, index: str | os.PathLike) -> None:
    """Refuse an index that another encoder made, or the same with other settings."""
    found = read_embeddings(index).dim
    if found != encoder.dim:
        raise BasewiseError(
            f"{index} was not made by {encoder.name} as config/encoders/{side} describes it",
            found=f"vectors of {found} numbers, not {encoder.dim}",
            hint="Give the encoder and settings that made it, or encode anew.",
        )


def _check_rows(table: Encoder, contexts: str | os.PathLike) -> None:
    """Refuse an index that another table made: of texts, or of more names."""
    index = read_embeddings(contexts)
    for name in index:
        if not np.array_equal(index[name], table.encode([name])[0]):
            raise BasewiseError(
                f"{contexts} was not made by a table of its names",
                found=f"another row for {name!r}",
                hint="Encode the contexts anew, by their names alone.",
            )


def start_from(initial: str | os.PathLike, architecture: Mapping) -> dict:
    """Return the parameters of a binding checkpoint to go on from.

    Raises:
        BasewiseError: its trunk or adapter is another than is asked for.
    """
    loaded = load_binding(initial)
    for part in ("trunk", "adapter"):
        asked, found = architecture[part], loaded.config["architecture"][part]
        if asked != found:
            raise BasewiseError(
                f"{initial} has another {part} than the training config asks for",
                found=_first_difference(asked, found),
                hint="Go on with the architecture that it was trained with.",
            )
    return loaded.params


def start_trunk(checkpoint: str | os.PathLike) -> tuple[dict, dict]:
    """Return the description of a checkpoint's trunk, and its parameters ``edges``, ``layers``.

    Raises:
        BasewiseError: files that are missing or damaged.
    """
    config = read_config(checkpoint)
    if config["family"] == FAMILY:
        described = config["architecture"]["trunk"]
    else:
        described = {"family": config["family"], "architecture": config["architecture"]}
    params = load_parameters(checkpoint)
    return described, {part: params[part] for part in ("edges", "layers")}


def _first_difference(asked: Mapping, found: Mapping, where: str = "") -> str:
    for key in sorted({*asked, *found}):
        a, b = asked.get(key), found.get(key)
        if a != b:
            if isinstance(a, Mapping) and isinstance(b, Mapping):
                return _first_difference(a, b, f"{where}{key}/")
            return f"{where}{key} {b}, not {a}"
    return "nothing"
