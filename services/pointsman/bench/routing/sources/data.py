"""Read files of outcomes, split them by question, and keep training and test apart.

A file is Parquet with `prompt` and, per tier in ascending capability, `score_<tier>`. Optional columns are
`cost_<tier>`, `out_tokens_<tier>`, `answer_<tier>`, `model_<tier>`, `source` or `benchmark`, `task` or
`category`. Rows whose `contaminated` is true are dropped.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pointsman.bench.routing.sources.outcomes import DataError, Floats, TierAnswers
from pointsman.bench.routing.sources.stem import place

TEST_SHARE = 0.3
#: The benchmark's split; another salt gives another split.
SPLIT = "pointsman-routing-1"


def read(path: Path) -> TierAnswers:
    """Return the outcomes in a file.

    Raises:
        DataError: the file cannot be read, is not Parquet, or lacks the columns above.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = path.read_bytes()
        table = pq.read_table(pa.BufferReader(data))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}", "give a Parquet file of outcomes") from error
    except pa.ArrowException as error:
        raise DataError(f"{path} is not Parquet: {error}", "give a Parquet file of outcomes") from error
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return parse(columns, path.stem, hashlib.sha256(data).hexdigest())


def parse(columns: dict[str, list[Any]], name: str, sha256: str) -> TierAnswers:
    """Return the outcomes in columns; raises as `read`."""
    tiers = tuple(key.removeprefix("score_") for key in columns if key.startswith("score_"))
    if "prompt" not in columns or len(tiers) < 2:
        raise DataError(
            f"{name}: has the columns {', '.join(columns) or 'none'}",
            "`prompt` and at least two `score_<tier>` are needed, the weakest tier first",
        )
    dropped = columns.get("contaminated") or [False] * len(columns["prompt"])
    rows = [row for row, gone in enumerate(dropped) if not gone]

    def numbers(prefix: str) -> Floats:
        gaps = [None] * len(dropped)
        return np.array(
            [[columns.get(prefix + t, gaps)[row] for t in tiers] for row in rows],
            dtype=float,  # None: NaN
        ).reshape(len(rows), len(tiers))

    def texts(*keys: str) -> tuple[str, ...]:
        column = next((columns[key] for key in keys if key in columns), None)
        return tuple("" if column is None or column[row] is None else str(column[row]) for row in rows)

    score = numbers("score_")
    if not np.isfinite(score).all():
        raise DataError(f"{name}: a score is missing", "leave out the rows that not every tier has answered")
    prompts = texts("prompt")
    return TierAnswers(
        name=name,
        sha256=sha256,
        tiers=tiers,
        models=tuple("|".join(sorted(set(texts(f"model_{tier}")))) for tier in tiers),
        prompts=prompts,
        source=texts("source", "benchmark"),
        task=texts("task", "category"),
        score=score,
        cost=numbers("cost_"),
        out_tokens=numbers("out_tokens_"),
        answers=tuple(texts(f"answer_{tier}") for tier in tiers),
    )


def split(outcomes: TierAnswers, *, salt: str = SPLIT) -> tuple[TierAnswers, TierAnswers]:
    """Return train and test set, split by a hash of the stem: reproducible, each question on one side."""
    in_test = [place(of, salt) < TEST_SHARE for of in outcomes.stems]
    train = [row for row, test in enumerate(in_test) if not test]
    test = [row for row, test in enumerate(in_test) if test]
    return outcomes.take(train, f"{outcomes.name}:train"), outcomes.take(test, f"{outcomes.name}:test")


def folds(outcomes: TierAnswers, count: int, salt: str = "folds") -> list[int]:
    """Return the fold of each row, from 0. Rows with the same stem are in the same fold."""
    return [int(place(of, salt) * count) for of in outcomes.stems]


def without(outcomes: TierAnswers, others: Iterable[TierAnswers]) -> TierAnswers:
    """Return the rows whose stem is in none of `others`, for training when those are the test."""
    stems = {of for other in others for of in other.stems}
    return outcomes.take([row for row, of in enumerate(outcomes.stems) if of not in stems])


def refuse_overlap(train: TierAnswers, test: TierAnswers) -> None:
    """Raise DataError if a question is in both sets."""
    both = set(train.stems) & set(test.stems)
    if both:
        raise DataError(
            f"{len(both)} questions of {test.name} are in {train.name} too, the first: {min(both)[:60]}",
            "a router is never tested on what it was trained on: --drop-overlap trains without them",
        )
