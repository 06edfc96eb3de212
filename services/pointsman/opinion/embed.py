"""Embed texts by MiniLM on ONNX Runtime, in one thread.

Texts are embedded one by one, so a vector does not depend on other texts. Its last bits can differ between
processors, so a decision records the opinion and is recomputed from that.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pointsman.opinion.weights import MODEL, TOKENIZER, OpinionMissingError, locate

Vectors = npt.NDArray[np.float32]

SIZE = 384
#: Word pieces of a text that are used, as many as the model was trained for.
READ = 256
#: Characters of a text that are tokenized. Ordinary text of this length has more than `READ` word pieces.
_LOOKED_AT = 8_000


class Embedder:
    """The embedding model. Open it once per process: loading takes a third of a second and 100 MB."""

    def __init__(self, session: Any, tokenizer: Any) -> None:
        self._session = session
        self._tokenizer = tokenizer

    @classmethod
    def open(cls, folder: Path | None = None) -> "Embedder":
        """Load the model from its package, or from `folder` with `model.onnx` and `tokenizer.json`.

        Raises:
            OpinionMissingError: a package or file is missing, or is not the expected one.
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
        """Return vectors [n, SIZE] of length 1."""
        return np.array([self._one(text) for text in texts], dtype=np.float32).reshape(-1, SIZE)

    def _one(self, text: str) -> Vectors:
        ids = np.array([self._tokenizer.encode(text[:_LOOKED_AT]).ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        vector: Vectors = self._session.run(None, inputs)[0][0].mean(axis=0)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)
