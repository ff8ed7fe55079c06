"""Chrom names: tables, habits of naming, and names that must not be guessed."""

import pytest

from basewise.errors import BasewiseError
from basewise.genome.aliases import read_aliases, resolve_aliases

ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII"]
YEAST = [*ROMAN, "XIV", "XV", "XVI"]


def sizes(names):
    return dict.fromkeys(names, 100)


@pytest.mark.parametrize(
    ("names", "chroms", "expected"),
    [
        (["1", "X", "MT"], ["chr1", "chrX", "chrM"], ["chr1", "chrX", "chrM"]),
        (["chr1", "chrM"], ["1", "MT"], ["1", "MT"]),
        (["Chr1", "ChrM", "ChrC"], ["1", "Mt", "Pt"], ["1", "Mt", "Pt"]),
        (["chr01", "CHR2"], ["chr1", "chr2"], ["chr1", "chr2"]),
        ([f"chr{i + 1}" for i in range(16)], YEAST, YEAST),
        ([f"chr{name}" for name in YEAST] + ["chrM"], [*YEAST, "Mito"], [*YEAST, "Mito"]),
        (YEAST, [str(i + 1) for i in range(16)], [str(i + 1) for i in range(16)]),
        (["1", "5", "X"], ["I", "II", "III", "IV", "V", "X"], ["I", "V", "X"]),  # worm
        (["chrX", "chrV"], ["X", "V"], ["X", "V"]),
        (["chrXII"], YEAST, ["XII"]),  # a few of many, as in a blacklist
        (["chrI", "chrII", "chrXII"], YEAST, ["I", "II", "XII"]),
        (["chrX", "chrV"], YEAST, ["X", "V"]),
        (["XII", "IX", "X"], [f"chr{i + 1}" for i in range(16)], ["chr12", "chr9", "chr10"]),
        (["XII"], [f"chr{name}" for name in YEAST], ["chrXII"]),
    ],
)
def test_habits_of_naming(names, chroms, expected):
    assert resolve_aliases(names, sizes(chroms)) == dict(zip(names, expected, strict=True))


@pytest.mark.parametrize(
    ("names", "chroms"),
    [
        (["10"], ["I", "II", "III", "IV", "V", "X"]),  # the worm's X is no ten
        (["MT"], ["chrM", "chrMito"]),  # two candidates
        (["chr1_KI270706v1_random", "scaffold_2", "chr"], ["chr1", "chr2"]),
        (["X"], ["chr10", "chr1"]),
        (["X", "V"], [f"chr{i + 1}" for i in range(16)]),
        (["X", "chrM"], [f"chr{i + 1}" for i in range(22)]),
    ],
)
def test_what_is_not_guessed(names, chroms):
    assert resolve_aliases(names, sizes(chroms)) == {}


def test_a_table_comes_before_guesses_and_after_exact_names(tmp_path):
    path = tmp_path / "alias.tsv"
    path.write_text("# ucsc\tncbi\nchr1\tNC_1\tone\t\n\nchr2\tNC_2\t1\nchr9\tnine\n")
    names = ["NC_1", "one", "NC_2", "1", "chr1", "nine", "2"]
    assert resolve_aliases(names, sizes(["chr1", "chr2"]), path) == {
        "NC_1": "chr1",
        "one": "chr1",
        "NC_2": "chr2",
        "1": "chr2",
        "chr1": "chr1",
        "2": "chr2",
    }
    assert read_aliases(path)[0] == ("chr1", "NC_1", "one")


def test_a_name_of_two_chroms_is_refused(tmp_path):
    path = tmp_path / "alias.tsv"
    path.write_text("chr1\tx\nchr2\tx\n")
    with pytest.raises(BasewiseError, match=r"line 2 repeats a name of line 1; found 'x'"):
        resolve_aliases(["x"], sizes(["chr1"]), path)
