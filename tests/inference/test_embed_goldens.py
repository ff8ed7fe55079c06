"""The reference's embeddings, attention maps and logits, from token ids and through the command."""

from pathlib import Path

import numpy as np
import pytest

import basewise
from basewise.cli import main

CASES = ["v1", "v2", "agro", "codon", "segment"]


def assert_close(value, expected, tolerance=2e-5):
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(value, expected, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("name", CASES)
def test_token_ids_give_what_the_reference_gives(golden, name):
    case = golden(name)
    model = basewise.load(case.checkpoint, batch_size=2)
    model = model if name != "segment" else model._embedder
    layers = range(1, case.config["num_layers"] + 1)
    heads = case.heads()
    has_logits = name != "segment"
    given = model.embed_tokens(case.tokens, layers=layers, attention=list(heads), logits=has_logits)
    for layer in layers:
        assert_close(given[f"embeddings_{layer}"], case.outputs[f"embeddings_{layer}"])
    for (layer, head), expected in heads.items():
        assert_close(given[f"attention_{layer}_{head}"], expected, 2e-6)
    if has_logits:
        assert_close(given["logits"], case.outputs["logits"])


@pytest.mark.parametrize("name", CASES)
def test_the_command_gives_what_the_reference_gives(golden, name, tmp_path):
    case = golden(name)
    fasta, out = tmp_path / "rows.fa", tmp_path / "out.npz"
    texts = write_rows(case, fasta)
    layers = list(range(1, case.config["num_layers"] + 1))
    heads = case.heads()
    command = ["embed", "--checkpoint", str(case.checkpoint), "--fasta", str(fasta)]
    command += ["--layers", ",".join(map(str, layers)), "--max-tokens", str(case.tokens.shape[1])]
    command += ["--attention", ",".join(f"{layer}:{head}" for layer, head in heads)]
    if name != "segment":
        command.append("--logits")
    assert main([*command, "--out", str(out)]) == 0
    assert_file_matches(out, case, texts)


def write_rows(case, fasta: Path) -> dict[int, str]:
    """Write the rows without masks as a FASTA; return them as letters."""
    texts = {row: case.spell(row) for row in range(len(case.tokens))}
    texts = {row: text for row, text in texts.items() if text is not None}
    assert texts, "every row holds masks"
    fasta.write_text("".join(f">row{row}\n{text}\n" for row, text in texts.items()))
    return texts


def assert_file_matches(out: Path, case, texts: dict[int, str]) -> None:
    """Compare an npz with all that the reference has of these rows, up to their pads."""
    with np.load(out) as archive:
        given = dict(archive)
    layers = range(1, case.config["num_layers"] + 1)
    assert given["chrom"].tolist() == [f"row{row}" for row in texts]
    for index, row in enumerate(texts):
        n = given["n_tokens"][index]
        assert n == (case.tokens[row] != 1).sum()
        np.testing.assert_array_equal(given["tokens"][index, :n], case.tokens[row, :n])
        for layer in layers:
            values = given[f"embeddings_{layer}"][index]
            assert_close(values[:n], case.outputs[f"embeddings_{layer}"][row, :n])
            assert np.isnan(values[n:]).all()
        for (layer, head), expected in case.heads().items():
            values = given[f"attention_{layer}_{head}"][index]
            assert_close(values[:n, :n], expected[row, :n, :n], 2e-6)
        if "logits" in given:
            assert_close(given["logits"][index, :n], case.outputs["logits"][row, :n])
