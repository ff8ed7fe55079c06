"""Proteins of targets, sizes of data sets, descriptions of biotypes; the seed system's rows."""

import gzip
import json

import pytest

from basewise.errors import BasewiseError
from basewise.peaks import read_biotypes, read_experiments, read_proteins
from basewise.peaks.names import get_name_parser


@pytest.fixture(scope="module")
def golden(shared):
    return json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())


@pytest.fixture(scope="module")
def factors(golden, tmp_path_factory):
    folder = tmp_path_factory.mktemp("factors")
    for name, text in golden["fixtures"]["factor_fastas"].items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def sequences(proteins, target):
    found = [protein.sequence for protein in proteins.of(target)]
    return found[0] if len(found) == 1 else found


def test_factors_of_the_seed_system(golden, factors):
    proteins = read_proteins(factors)
    for target, expected in golden["expected"]["factor_ds"].items():
        assert sequences(proteins, target) == expected, target


def test_species_are_tried_in_order(golden, factors):
    proteins = read_proteins(factors, species=("mouse", "human", "unknown"))
    for target, expected in golden["expected"]["factor_ds_mouse_first"].items():
        assert sequences(proteins, target) == expected


def test_where_the_seed_system_counts_otherwise(golden, factors):
    """It counts files, of species that it then drops too, and does not look into folders.

    Its filter does look into folders, so ONLYSUB passes the filter and has no protein.
    """
    assert golden["expected"]["factor_ds_len"] == 8
    assert golden["expected"]["remap_dataset"]["items"][-1][1] == []
    proteins = read_proteins(factors)
    assert set(proteins) == {"CTCF", "PAX3", "FOXO1", "RXRA", "SOX2", "SS18-SSX", "ONLYSUB"}
    assert sequences(proteins, "ONLYSUB") == "MKKKKK"


def test_items_of_the_seed_system(golden, factors, tmp_path):
    """Protein, context and peaks_NR of each row that its data set holds."""
    (tmp_path / "experiments.json").write_text(json.dumps(golden["fixtures"]["experiments.json"]))
    sizes = read_experiments(tmp_path / "experiments.json")
    proteins = read_proteins(factors)
    parse = get_name_parser("all")
    expected = golden["expected"]["remap_dataset"]
    for row, (_, protein, context, peaks_nr, _, _) in zip(
        expected["rows"], expected["items"], strict=True
    ):
        (scope,) = parse(row[6])
        assert scope.biotype == context  # the row says "dots" where the item says the whole
        assert sizes.get(scope.name, 0) == peaks_nr[0]
        if scope.target != "ONLYSUB":
            assert sequences(proteins, scope.target) == protein


def test_complexes_need_all_their_proteins(tmp_path):
    for gene in ("PAX3", "NFYA", "NFYB"):
        (tmp_path / f"{gene}.{gene}_HUMAN.fasta").write_text(f">x\nM{gene}\n".replace("X3", ""))
    proteins = read_proteins(tmp_path)
    assert proteins.of("PAX3-FOXO1") == ()
    assert [protein.gene for protein in proteins.of("NFYA-B_x")] == ["NFYA", "NFYB"]


def test_the_choice_is_the_same_whatever_the_order(tmp_path):
    records = [
        ">tr|A1|CTCF_HUMAN fragment GN=CTCF\nMMMMMMMMMM\n",
        ">sp|P2|CTCF2_HUMAN short GN=CTCF\nMAA\n",
        ">sp|P1|CTCF1_HUMAN longest GN=CTCF\nMAAA\n",
        ">sp|P3|CTCF_MOUSE GN=CTCF\nMAAAAAAA\n",
        ">SOX2 SOX2_ORF some words\nMSS\nSS*\n",
    ]
    for number, order in enumerate([records, records[::-1], records[2:] + records[:2]]):
        path = tmp_path / f"{number}.fa.gz"
        path.write_bytes(gzip.compress("".join(order).encode()))
        proteins = read_proteins(path, species=("human", "mouse", "orf"))
        assert proteins["CTCF"].entry == "CTCF1_HUMAN"
        assert proteins["SOX2"].sequence == "MSSSS"
        assert proteins.by_entry["SOX2_ORF"].gene == "SOX2"


def test_yeast_has_a_protein_of_every_target(shared):
    folder = shared / "real" / "yeast" / "factors"
    proteins = read_proteins(folder)
    assert len(proteins) == 252
    assert proteins.of("REB1")[0].entry == "YBR049C"


def test_yeast_as_one_fasta(shared, tmp_path):
    folder = shared / "real" / "yeast" / "factors"
    path = tmp_path / "all.fasta"
    path.write_text("".join(file.read_text() for file in sorted(folder.glob("*.fasta"))))
    of_file, of_folder = read_proteins(path), read_proteins(folder)
    assert dict(of_file) == dict(of_folder)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("CTCF.fasta", ">x\nMA\n", "does not name gene and entry"),
        ("CTCF.X.fasta", ">x\nMA\n>y\nMA\n", "one record; found 2"),
        ("CTCF.X.fasta", "", "one record; found 0"),
        ("CTCF.X.fasta", ">x\n\n", "no amino acid"),
        ("CTCF.X.fasta", ">x\nMA*C\n", "line 2 is no protein"),
        ("CTCF.X.fasta", "MA\n", "line 1 is no protein"),
        ("CTCF.X.fasta", ">x\nM1A\n", "line 2 is no protein"),
        ("CTCF.X_FLY.fasta", ">x\nMA\n", "of human, mouse, unknown; found fly"),
        ("notes.txt", "none", "holds no protein"),
    ],
)
def test_files_that_are_no_proteins(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(BasewiseError, match=message):
        read_proteins(tmp_path)


def test_proteins_that_are_not_there(tmp_path):
    with pytest.raises(BasewiseError, match="do not exist"):
        read_proteins(tmp_path / "none")


def test_experiments_of_a_table(tmp_path):
    path = tmp_path / "experiments.tsv"
    path.write_text("dataset_name\tpeaks_NR\nGSE1.CTCF.K562\t12\n\nGSE2.MYC.a.b\t0\n")
    assert read_experiments(path) == {"GSE1.CTCF.K562": 12, "GSE2.MYC.a.b": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"experiments": [{"details": {"datasets": [{"dataset_name": "a", "peaks_NR": "12"}]}}]}',
         "peaks_NR of 'a' is no whole number; found '12'"),
        ('{"experiments": [{"details": {"datasets": [{"dataset_name": "a", "peaks_NR": 1.5}]}}]}',
         "no whole number; found 1.5"),
        ('{"experiments": [{"details": {"datasets": [{"dataset_name": "a", "peaks_NR": NaN}]}}]}',
         "no whole number; found nan"),
        ('{"experiments": []}', "names no data set"),
        ('{"experiment": []}', "not a list of ReMap's experiments"),
        ('{"experiments": [', "not a list of ReMap's experiments"),
        ("a\tmany\n", "line 1: peaks_NR of 'a' is no whole number"),
        ("a\n", "line 1 is not a data set"),
        ("a\t1\na\t2\n", "two sizes of 'a'"),
        ("", "names no data set"),
    ],
)  # fmt: skip
def test_experiments_that_cannot_be_read(tmp_path, text, message):
    path = tmp_path / "experiments"
    path.write_text(text)
    with pytest.raises(BasewiseError, match=message):
        read_experiments(path)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_biotypes_are_described_by_their_columns(tmp_path, suffix):
    path = tmp_path / f"biotypes{suffix}"
    rows = (
        "biotype,germ_layer,cellline_cat,other\nK562,mesoderm,cancer,1\nK562,no,no,2\nHeLa,,x,3\n"
    )
    path.write_text(rows.replace(",", "\t") if suffix == ".tsv" else rows)
    assert read_biotypes(path) == {"K562": "K562 | mesoderm | cancer", "HeLa": "HeLa |  | x"}
    with pytest.raises(BasewiseError, match="lacks a column; found no 'layer'"):
        read_biotypes(path, columns=["layer"])
