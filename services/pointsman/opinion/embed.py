"""Texts to vectors: MiniLM on ONNX Runtime, one thread.

Texts are embedded one by one, so a vector does not depend on other texts. Its last bits can differ between
processors, so a decision records the opinion, and is recomputed from that.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pointsman.opinion.weights import MODEL, TOKENIZER, OpinionMissingError, locate

Vectors = npt.NDArray[np.float32]

SIZE = 384
#: Word pieces of a text that are read; the model was made for this many.
READ = 256
#: More characters than this never fill less than `READ` word pieces in a usual text; the bound of the work.
_LOOKED_AT = 8_000


class Embedder:
    """Open one per process: loading takes a third of a second and 100 MB."""

    def __init__(self, session: Any, tokenizer: Any) -> None:
        self._session = session
        self._tokenizer = tokenizer

    @classmethod
    def open(cls, folder: Path | None = None) -> "Embedder":
        """From the installed packages, or from `folder` with `model.onnx` and `tokenizer.json`.

        Raises:
            OpinionMissingError: something is not installed, or not the right file.
        """
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise OpinionMissingError(f"the package {error.name} is not installed") from error
        model, words = locate(MODEL, folder), locate(TOKENIZER, folder)
        tokenizer = Tokenizer.from_str(words.decode())
        tokenizer.no_padding()
        tokenizer.enable_truncation(READ)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return cls(
            onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]), tokenizer
        )

    def embed(self, texts: Iterable[str]) -> Vectors:
        """[n, SIZE], each of length 1."""
        return np.array([self._one(text) for text in texts], dtype=np.float32).reshape(-1, SIZE)

    def _one(self, text: str) -> Vectors:
        ids = np.array([self._tokenizer.encode(text[:_LOOKED_AT]).ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        vector: Vectors = self._session.run(None, inputs)[0][0].mean(axis=0)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)
