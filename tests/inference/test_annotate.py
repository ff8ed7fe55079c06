"""Values of loaded models: equal to the bare model, whatever the batch, strand or device."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest

import basewise
from basewise.checkpoints.store import load_checkpoint
from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome, reverse_complement
from basewise.inference.apply import Applier
from basewise.inference.devices import select_devices
from basewise.inference.pipeline import predict_tiles
from basewise.tiling import find_scorable, tile_regions


@pytest.fixture(scope="module")
def annotator(tiny_checkpoint):
    return basewise.load(tiny_checkpoint, batch_size=3)


def as_bases(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def bare_values(checkpoint, text: str) -> np.ndarray:
    """The model applied to one window, with no tiling and no batching."""
    model, params, _ = load_checkpoint(checkpoint)
    with jax.default_matmul_precision("highest"):
        return np.asarray(model.apply(params, model.encode(as_bases(text)[None])))[0]


@pytest.mark.parametrize("length", [48, 96, 240])
def test_one_window_equals_the_bare_model(annotator, tiny_checkpoint, random_bases, length):
    text = random_bases(1, length)
    values = annotator.predict(text)
    assert values.shape == (1, length, 3)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[0], bare_values(tiny_checkpoint, text), atol=2e-5)
    assert values.std() > 0.05, "the tiny model must not be flat, or these tests show nothing"


def test_each_core_equals_the_bare_model_on_its_own_window(
    annotator, tiny_checkpoint, random_bases
):
    text = random_bases(2, 1000)
    genome = MemoryGenome({"c": text})
    spec = annotator.applier.model.tile_spec
    scorable = find_scorable(genome.read("c", 0, 1000), spec, max_ambiguous_run_bp=0)
    tiles = list(tile_regions("c", scorable, spec))
    assert len(tiles) == 6
    given = list(predict_tiles(annotator.applier, genome, tiles))
    assert [tile for tile, _ in given] == tiles
    for tile, core in given:
        window = bare_values(tiny_checkpoint, text[tile.start : tile.end])
        expected = window[tile.core_start - tile.start : tile.core_end - tile.start].T
        np.testing.assert_allclose(core, expected, atol=2e-5)


def test_batches_change_no_byte_on_cpu(tiny_checkpoint, random_bases):
    sequences = [random_bases(3, 2000), random_bases(4, 130), random_bases(5, 600)]
    single, many = (
        basewise.load(tiny_checkpoint, batch_size=size, platform="cpu").predict(sequences)
        for size in (1, 5)
    )
    np.testing.assert_array_equal(single, many)


def test_both_strands_are_symmetric(tiny_checkpoint, random_bases):
    both = basewise.load(tiny_checkpoint, strands="both")
    text = random_bases(6, 240)
    turned = reverse_complement(as_bases(text)).tobytes().decode()
    np.testing.assert_allclose(
        both.predict(text)[0], both.predict(turned)[0, ::-1], rtol=0, atol=1e-5
    )
    forward = basewise.load(tiny_checkpoint)
    mean = (forward.predict(text)[0] + forward.predict(turned)[0, ::-1]) / 2
    np.testing.assert_allclose(both.predict(text)[0], mean, rtol=0, atol=1e-5)


def test_lower_case_is_upper_case_and_n_is_nan(annotator, random_bases):
    text = random_bases(7, 480)
    np.testing.assert_array_equal(annotator.predict(text), annotator.predict(text.lower()))
    holed = text[:200] + "NR" + text[202:]
    values = annotator.predict(holed)[0]
    assert np.isnan(values[194:208]).all()
    assert np.isfinite(values[:194]).all()
    assert np.isfinite(values[208:]).all()


def test_shorter_sequences_are_padded_with_nan(annotator, random_bases):
    values = annotator.predict([random_bases(8, 240), random_bases(9, 96), "ACGT"])
    assert values.shape == (3, 240, 3)
    assert np.isfinite(values[1, :96]).all()
    assert np.isnan(values[1, 96:]).all()
    assert np.isnan(values[2]).all(), "4 bp are too short for any window"


def test_regions_read_their_real_flanks(annotator, tiny_checkpoint, random_bases):
    text = random_bases(10, 900)
    genome = MemoryGenome({"a": text, "b": random_bases(11, 500)})
    regions = [("b", 10, 20), ("a", 400, 450), ("a", 430, 470)]
    parts = annotator.predict_regions(genome, regions)
    assert [part.shape for part in parts] == [(10, 3), (50, 3), (40, 3)]
    np.testing.assert_array_equal(parts[1][30:], parts[2][:20])
    # The two regions of a touch: one window, centred on both, less than a k-mer off.
    start = next(
        start
        for start in range(435 - 120, 435 - 120 - 6, -1)
        if np.allclose(
            bare_values(tiny_checkpoint, text[start : start + 240])[400 - start : 450 - start],
            parts[1],
            atol=2e-5,
        )
    )
    assert (start - 400) % 6 == 0


@pytest.mark.parametrize(
    ("region", "message"),
    [(("z", 0, 5), "have no z"), (("a", 0, 901), "not inside a"), (("a", 5, 5), "not inside a")],
)
def test_regions_outside_are_refused(annotator, random_bases, region, message):
    with pytest.raises(BasewiseError, match=message):
        annotator.predict_regions(MemoryGenome({"a": random_bases(10, 900)}), [region])


@pytest.fixture
def watch_runs(monkeypatch):
    """Record the shapes of inputs, and how many rows of each batch count."""
    runs, run = [], Applier.run

    def watched(applier, inputs, offsets, keep_bins):
        runs.append((inputs[0].shape, len(offsets)))
        return run(applier, inputs, offsets, keep_bins)

    monkeypatch.setattr(Applier, "run", watched)
    return runs


def test_many_short_stretches_share_a_few_programs(annotator, random_bases, watch_runs):
    lengths = range(48, 240, 24)
    stretches = [random_bases(70 + length, length) for length in lengths]
    annotator.predict(stretches[0] + "N" * 150 + stretches[-1])
    assert len({shape for shape, _ in watch_runs}) == 2, "a few may each be read whole"
    watch_runs.clear()
    many = ("N" * 150).join(stretches * 2 + [random_bases(3, 24), random_bases(4, 30)])
    values = annotator.predict(many)[0]
    assert np.isfinite(values).any(axis=1).sum() > 0.9 * sum(lengths)
    spec = annotator.applier.model.tile_spec
    assert 1 < len({shape for shape, _ in watch_runs}) <= len(spec.contexts())


def test_sequences_share_batches(annotator, random_bases, watch_runs):
    texts = [random_bases(90 + number, 96) for number in range(7)]
    together = annotator.predict(texts)
    assert [n_rows for _, n_rows in watch_runs] == [3, 3, 1]
    np.testing.assert_array_equal(together[5], annotator.predict(texts[5])[0])


def test_no_region_is_no_work(annotator, random_bases):
    assert annotator.predict_regions(MemoryGenome({"c": random_bases(8, 96)}), []) == []


def test_tracks_can_be_picked_by_name(annotator, tiny_checkpoint, random_bases):
    text = random_bases(12, 240)
    picked = basewise.load(tiny_checkpoint, tracks=["splice_donor", "exon"])
    assert [track.name for track in picked.tracks] == ["splice_donor", "exon"]
    np.testing.assert_array_equal(picked.predict(text), annotator.predict(text)[..., [2, 0]])
    with pytest.raises(BasewiseError, match=r"no track 'exons'.*It has exon, intron"):
        basewise.load(tiny_checkpoint, tracks=["exons"])


def test_bfloat16_is_close(annotator, tiny_checkpoint, random_bases):
    text = random_bases(13, 240)
    half = basewise.load(tiny_checkpoint, precision="bfloat16").predict(text)
    error = np.abs(half - annotator.predict(text))
    assert 0 < error.mean() < 0.02


def test_a_device_that_is_not_there_ends_the_run():
    if jax.default_backend() == "gpu":
        pytest.skip("this machine has a GPU")
    with pytest.raises(BasewiseError, match="asks for a GPU, and JAX sees none"):
        select_devices("gpu")


def test_two_devices_give_the_values_of_one(tiny_checkpoint, annotator, random_bases, two_devices):
    sequences = [random_bases(seed, 700) for seed in range(3)]
    code = (
        "import sys, json, numpy as np, basewise, jax\n"
        "assert len(jax.local_devices()) == 2\n"
        "values = basewise.load(sys.argv[1], batch_size=2).predict(json.loads(sys.argv[2]))\n"
        "sys.stdout.buffer.write(values.tobytes())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tiny_checkpoint), json.dumps(sequences)],
        env=two_devices,
        capture_output=True,
        check=True,
    )
    values = np.frombuffer(result.stdout, np.float32).reshape(3, 700, 3)
    np.testing.assert_allclose(values, annotator.predict(sequences), atol=2e-5)


def test_values_that_are_not_finite_end_the_run(tiny_checkpoint, tmp_path, random_bases):
    from basewise.checkpoints.store import save_checkpoint

    _, params, config = load_checkpoint(tiny_checkpoint)
    params["head"]["segmentation_head/~/fc"]["b"][0] = np.nan
    save_checkpoint(tmp_path / "broken", config, params)
    with pytest.raises(BasewiseError, match=r"values at 1:0-240 are not finite"):
        basewise.load(tmp_path / "broken").predict(random_bases(14, 240))
