"""A device without room: batches are halved until they fit, and the bytes stay the same."""

import jax
import numpy as np
import pytest

from basewise.checkpoints.store import load_checkpoint
from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome
from basewise.inference.apply import Applier
from basewise.inference.embedding.programs import Programs, Row
from basewise.inference.memory import is_out_of_memory, run_halving
from basewise.inference.pipeline import predict_tiles
from basewise.tiling import find_scorable, tile_regions

FULL = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."


class Small:
    """A result that turns out, when it is waited for, not to have fitted."""

    def __init__(self, value, error):
        self.value, self.error = value, error

    def __array__(self, dtype=None, copy=None):
        if self.error:
            raise jax.errors.JaxRuntimeError(self.error)
        return np.asarray(self.value, dtype)


@pytest.fixture
def small_device(monkeypatch):
    """A function (rows that fit, at once?) after which larger batches fail, at once or in the end;
    it returns the list of batch sizes that were tried."""
    run = Applier.run
    tried = []

    def shrink(limit: int, *, at_once: bool = True, message: str = FULL):
        def attempt(self, inputs, offsets, keep_bins):
            tried.append(self.rows_per_device)
            error = message if self.rows_per_device > limit else None
            if error and at_once:
                raise jax.errors.JaxRuntimeError(error)
            return tuple(Small(value, error) for value in run(self, inputs, offsets, keep_bins))

        monkeypatch.setattr(Applier, "run", attempt)
        return tried

    return shrink


@pytest.fixture
def make_applier(tiny_checkpoint):
    def make(rows: int) -> Applier:
        model, params, _ = load_checkpoint(tiny_checkpoint)
        return Applier(
            model, params, jax.devices("cpu")[:1], channels=(0, 1, 2), rows_per_device=rows
        )

    return make


@pytest.fixture
def work(make_applier, random_bases):
    """A genome and its tiles, of two lengths."""
    genome = MemoryGenome({"c": random_bases(1, 3000), "d": random_bases(2, 60)})
    spec = make_applier(1).model.tile_spec
    tiles = []
    for chrom, size in genome.chromsizes.items():
        scorable = find_scorable(genome.read(chrom, 0, size), spec, max_ambiguous_run_bp=0)
        tiles += tile_regions(chrom, scorable, spec)
    assert len({tile.context_bp for tile in tiles}) == 2
    return genome, tiles


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("limit", "tried"), [(8, {8}), (3, {8, 4, 2}), (1, {8, 4, 2, 1})])
def test_smaller_batches_give_the_same_bytes(
    make_applier, work, small_device, limit, tried, at_once
):
    expected = list(predict_tiles(make_applier(8), *work))
    sizes = small_device(limit, at_once=at_once)
    given = list(predict_tiles(make_applier(8), work[0], iter(work[1])))
    assert set(sizes) == tried
    assert [tile for tile, _ in given] == work[1]
    for (_, core), (_, same) in zip(given, expected, strict=True):
        np.testing.assert_array_equal(core, same)


def test_halved_batches_stay_halved(make_applier, work, small_device):
    sizes = small_device(2)
    applier = make_applier(8)
    list(predict_tiles(applier, *work))
    assert applier.rows_per_device == 2
    sizes.clear()
    list(predict_tiles(applier, *work))
    assert set(sizes) == {2}


def test_memory_may_run_out_in_the_middle(make_applier, work, small_device):
    sizes = small_device(8)
    expected = list(predict_tiles(make_applier(4), *work))
    given = []
    for pair in predict_tiles(make_applier(4), *work):
        given.append(pair)
        if len(given) == 9:
            small_device(2, at_once=False)
    assert set(sizes) == {4, 2}
    for (_, core), (_, same) in zip(given, expected, strict=True):
        np.testing.assert_array_equal(core, same)


def test_one_tile_that_does_not_fit_ends_in_one_line(make_applier, work, small_device):
    sizes = small_device(0)
    with pytest.raises(BasewiseError, match="no memory for one tile of 240 bp") as caught:
        list(predict_tiles(make_applier(4), *work))
    assert sorted(set(sizes)) == [1, 2, 4]
    assert "\n" not in str(caught.value)


def test_other_errors_of_the_device_pass(make_applier, work, small_device):
    sizes = small_device(0, message="INTERNAL: the fan stopped")
    with pytest.raises(jax.errors.JaxRuntimeError, match="the fan stopped"):
        list(predict_tiles(make_applier(4), *work))
    assert set(sizes) == {4}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (FULL, True),
        ("INTERNAL: CUDA_ERROR_OUT_OF_MEMORY", True),
        ("INVALID_ARGUMENT: shapes", False),
    ],
)
def test_what_counts_as_out_of_memory(text, verdict):
    assert is_out_of_memory(jax.errors.JaxRuntimeError(text)) is verdict


def test_sequences_are_embedded_in_smaller_batches_too(language_model, monkeypatch):
    from basewise.checkpoints.store import load_language_model
    from basewise.models.request import EmbedRequest

    model, params, _ = load_language_model(language_model)
    request = EmbedRequest(layers=(1, 3))
    rng = np.random.default_rng(5)
    rows = [
        Row(rng.integers(6, 70, 9, dtype=np.int32), np.zeros(9, np.float32), key)
        for key in range(7)
    ]

    def embed(programs):
        return list(programs.observe(iter(rows), request, 9, is_padded=False))

    expected = embed(Programs(model, params, jax.devices("cpu")[:1], 4))
    programs = Programs(model, params, jax.devices("cpu")[:1], 4)
    get = jax.device_get

    def refuse(results):
        if programs.rows_per_device > 2:
            raise jax.errors.JaxRuntimeError(FULL)
        return get(results)

    monkeypatch.setattr(jax, "device_get", refuse)
    given = embed(programs)
    assert programs.rows_per_device == 2
    assert [key for key, _, _ in given] == list(range(7))
    for (_, values, _), (_, same, _) in zip(given, expected, strict=True):
        for name in same:
            np.testing.assert_array_equal(values[name], same[name])


def test_items_are_drawn_no_sooner_than_they_are_needed():
    class Runner:
        rows_per_device = 1

    drawn = []

    def items():
        for number in range(5):
            drawn.append(number)
            yield number

    def run(numbered):
        for place, item in numbered:
            yield [place], item

    results = run_halving(Runner(), items(), run)
    assert next(results) == ([0], 0)
    assert drawn == [0]
    assert [item for _, item in results] == [1, 2, 3, 4]
