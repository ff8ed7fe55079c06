"""A binding model with its pairs bound in: a track model like any other, one track per pair.

The trunk runs once per tile, and all pairs share it. A model of windows reads one window around
every bin; a model of tracks keeps the middle of one.

Shapes: B tiles, w windows of a tile, n bins of a window, K pairs, T proteins of a bucket of up to
j residues with P channels, C contexts with vectors of length Z.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.models.binding.geometry import check_centre
from basewise.models.binding.model import BindingModel, build_binding_model
from basewise.models.binding.pairs import PairPredictor
from basewise.models.track_model import TrackModel
from basewise.tiling import TileSpec, place_windows
from basewise.track import Track

TRACKS_FAMILY = "binding_tracks"
NAMESPACE = "binding_pairs"


@dataclass(frozen=True)
class BoundArchitecture:
    """The ``architecture`` of a config.json.

    Attributes:
        trunk, adapter: as of the binding model.
        window_bp: width of the windows that it was trained on.
        buckets: [number of proteins, residues they are padded to] of proteins of like lengths.
        n_contexts: contexts; 0 where the adapter conditions on nothing.
        pairs: [protein, context] of each track; proteins are counted over all buckets.
    """

    trunk: dict
    adapter: dict
    window_bp: int
    buckets: list[list[int]]
    n_contexts: int
    pairs: list[list[int]]

    def __post_init__(self):
        n_proteins = sum(number for number, _ in self.buckets)
        for protein, context in self.pairs:
            if not (0 <= protein < n_proteins and 0 <= context < max(self.n_contexts, 1)):
                raise BasewiseError(
                    "architecture/pairs names a protein or a context that there is not",
                    found=f"{[protein, context]} of {n_proteins} and {self.n_contexts}",
                )


@dataclass(frozen=True)
class BoundModel:
    """The pure functions of a model with its pairs; parameters are always an argument.

    They are those of the binding model and ``{"pairs"}``: what of a pair no window changes.
    """

    model: BindingModel
    architecture: BoundArchitecture

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters, of proteins and contexts that are 0."""
        config = self.model.config
        return self.bind(
            self.model.init(rng),
            [
                (jnp.zeros((number, length, config.protein_dim)), jnp.ones((number, length), bool))
                for number, length in self.architecture.buckets
            ],
            jnp.zeros((self.architecture.n_contexts, config.context_dim or 0)),
        )

    def bind(
        self, params: dict, buckets: Sequence[tuple[jax.Array, jax.Array]], contexts: jax.Array
    ) -> dict:
        """Return the parameters of a binding model with what of the pairs no window changes.

        Args:
            params: of the binding model; heads on its trunk are left out.
            buckets: proteins float (T, j, P) and mask bool (T, j) of each.
            contexts: float (C, Z).
        """
        adapter = params["adapter"]
        prepared = self._predictor.prepare(adapter, buckets)
        pairs = {f"{NAMESPACE}/proteins_{i}": dict(made) for i, made in enumerate(prepared)}
        folded = self._predictor.fold(adapter)
        if folded is not None:
            pairs[f"{NAMESPACE}/folded"] = folded._asdict()
        if self.architecture.n_contexts:
            pairs[f"{NAMESPACE}/contexts"] = {"vectors": contexts}
        return {part: params[part] for part in ("edges", "layers", "adapter")} | {"pairs": pairs}

    def predict(self, params: dict, windows: jax.Array) -> jax.Array:
        """Return logits (w, K), or tracks (w, K, n), of the trunk's inputs of w windows."""
        return self.predict_embedded(params, self.model.trunk.embed(params, windows))

    def predict_embedded(self, params: dict, embeddings: jax.Array) -> jax.Array:
        """Return the same of windows that the trunk has embedded, float (w, n, E)."""
        pairs = params["pairs"]
        made = [pairs[f"{NAMESPACE}/proteins_{i}"] for i in range(len(self.architecture.buckets))]
        contexts = pairs.get(f"{NAMESPACE}/contexts", {}).get("vectors")
        return self._predictor.predict_prepared(
            params["adapter"],
            pairs.get(f"{NAMESPACE}/folded"),
            embeddings,
            made,
            contexts,
            np.array(self.architecture.pairs, np.int32),
        )

    @property
    def _predictor(self) -> PairPredictor:
        return PairPredictor(self.model.adapter)


def build_bound_model(architecture: dict, dtype=jnp.float32) -> BoundModel:
    """Return the model of a config.json's ``architecture``.

    Raises:
        BasewiseError: an unknown or missing field, or pairs of what there is not.
    """
    read = check_fields(BoundArchitecture, architecture, "architecture")
    parts = {"trunk": read.trunk, "adapter": read.adapter}
    return BoundModel(build_binding_model(parts, dtype), read)


def build_track_model(
    architecture: dict, tile_spec: TileSpec, tracks: tuple[Track, ...], dtype=jnp.float32
) -> TrackModel:
    """Return the track model of a checkpoint's ``architecture`` (BoundArchitecture).

    Raises:
        BasewiseError: an unknown field, another number of tracks than of pairs, or a geometry that
            the model cannot have.
    """
    bound = build_bound_model(architecture, dtype)
    trunk, window_bp = bound.model.trunk, bound.architecture.window_bp
    if len(tracks) != len(bound.architecture.pairs):
        raise BasewiseError(
            f"a model of {len(bound.architecture.pairs)} pairs has as many tracks",
            found=len(tracks),
        )
    if not bound.model.config.binary_target:
        check_centre(bound.model, tile_spec, window_bp)

    def encode(bases: np.ndarray) -> np.ndarray:
        places = np.array([[0, bases.shape[1]]])
        if bound.model.config.binary_target:
            places = place_windows(tile_spec, window_bp, bases.shape[1])
        width_bp = int(places[0, 1] - places[0, 0])
        windows = bases[:, places[:, :1] + np.arange(width_bp)]
        inputs = trunk.encode(windows.reshape(-1, width_bp))
        return inputs.reshape(*windows.shape[:2], *inputs.shape[1:])

    def apply(params: dict, inputs: jax.Array) -> jax.Array:
        values = bound.predict(params, inputs.reshape(-1, *inputs.shape[2:]))
        values = values.reshape(*inputs.shape[:2], *values.shape[1:])
        if not bound.model.config.binary_target:
            return values[:, 0].swapaxes(1, 2)
        is_squared = bound.model.config.target_mse_loss
        return jnp.clip(values, 0.0, 1.0) if is_squared else jax.nn.sigmoid(values)

    return TrackModel(
        tile_spec=tile_spec,
        tracks=tracks,
        init=bound.init,
        encode=encode,
        logits=_refuse_logits,
        apply=apply,
    )


def _refuse_logits(params: dict, inputs: jax.Array) -> jax.Array:
    raise BasewiseError(
        "a model with its pairs bound in is not trained", hint="Train the one it was made of."
    )
