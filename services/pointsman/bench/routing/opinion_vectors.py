"""Embedding vectors of texts, cached in a file, as embedding takes most of the time."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pointsman.opinion.embed import SIZE, Embedder, Vectors
from pointsman.opinion.weights import MODEL

VectorsOf = Callable[[Sequence[str]], Vectors]


class VectorCache:
    """A callable that returns vectors of texts. `path` is an .npz file for the cache; None: in memory."""

    def __init__(self, open_embedder: Callable[[], Embedder], path: Path | None = None) -> None:
        self._open = open_embedder
        self._path = path
        self._cached: dict[bytes, Vectors] = {}
        if path is not None and path.exists():
            with np.load(path) as kept:
                if str(kept["model"]) == MODEL.sha256:
                    self._cached = dict(zip(map(bytes, kept["keys"]), kept["vectors"], strict=True))

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return vectors [n, SIZE]; only new texts are embedded."""
        keys = [_key(text) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._cached}
        if new:
            self._cached.update(zip(new, self._open().embed(new.values()), strict=True))
            self._save()
        return np.array([self._cached[key] for key in keys], dtype=np.float32).reshape(-1, SIZE)

    def _save(self) -> None:
        if self._path is None:
            return
        aside = self._path.with_suffix(".part.npz")
        np.savez(
            aside,
            model=np.array(MODEL.sha256),
            keys=np.array([np.frombuffer(key, dtype=np.uint8) for key in self._cached]),
            vectors=np.array(list(self._cached.values()), dtype=np.float32),
        )
        aside.replace(self._path)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
