"""The locus figure draws what it is given, whole or not at all."""

import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.report.locus_figure import plot_locus
from basewise.tracks.bigwig.writer import BigWigWriter

ROWS = {"chr1": np.array([[120, 180]])}


@pytest.fixture
def bigwigs(tmp_path):
    paths = {}
    for name in ("exon", "intron"):
        paths[name] = tmp_path / f"{name}.bw"
        with BigWigWriter(paths[name], {"chr1": 500}) as writer:
            writer.add("chr1", 100, np.linspace(0, 1, 200, dtype=np.float32))
    return paths


def test_values_calls_and_labels_change_the_picture(bigwigs, tmp_path):
    pictures = []
    for number, (calls, labels, region) in enumerate(
        [
            ({}, {}, ("chr1", 0, 400)),
            ({"exon": ROWS}, {}, ("chr1", 0, 400)),
            ({}, {"exon": ROWS}, ("chr1", 0, 400)),
            ({}, {}, ("chr1", 300, 400)),
        ]
    ):
        output = tmp_path / f"{number}.png"
        plot_locus(bigwigs, calls, labels, region, output)
        assert output.read_bytes().startswith(b"\x89PNG")
        pictures.append(output.read_bytes())
    assert len(set(pictures)) == len(pictures)


def test_an_unknown_element_leaves_no_file(bigwigs, tmp_path):
    with pytest.raises(BasewiseError, match="unknown element"):
        plot_locus({"exom": bigwigs["exon"]}, {}, {}, ("chr1", 0, 10), tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
