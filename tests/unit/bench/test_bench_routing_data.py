"""Outcomes are split so that no question is in both training and test data."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pointsman.bench.routing.sources.data import folds, parse, read, refuse_overlap, split, without
from pointsman.bench.routing.sources.files import folder
from pointsman.bench.routing.sources.outcomes import DataError
from pointsman.bench.routing.sources.stem import stem
from tests.support.router.outcomes import made_up

ASKED = "What is 2 + 2?\nA. 3\nB. 4"


def _columns(**more: list[object]) -> dict[str, list[object]]:
    return {"prompt": [ASKED, "Who?"], "score_weak": [0, 1], "score_strong": [1, 1], **more}


def test_a_stem_is_the_question_without_its_options() -> None:
    assert stem(ASKED) == stem("what is 2+2\nA. 5\nB. 6") == "whatis22"
    assert stem("?!") == "?!"


def test_the_same_question_is_always_in_one_split() -> None:
    outcomes = made_up(300)
    twice = parse(
        {
            "prompt": [*outcomes.prompts, *(f"{prompt}\nA. 1" for prompt in outcomes.prompts)],
            "score_a": [1] * 600,
            "score_b": [1] * 600,
        },
        "twice",
        "",
    )
    train, test = split(twice)
    assert not set(train.stems) & set(test.stems)
    assert len(train) + len(test) == 600
    assert 0.2 < len(test) / 600 < 0.4
    fold = folds(twice, 5)
    assert fold[:300] == fold[300:]


def test_the_split_is_fixed() -> None:
    outcomes = made_up(50)
    assert split(outcomes)[1].prompts == split(outcomes)[1].prompts
    assert split(outcomes, salt="another")[1].prompts != split(outcomes)[1].prompts


def test_an_overlap_is_refused_with_a_hint() -> None:
    train, test = split(made_up(50))
    refuse_overlap(train, test)
    with pytest.raises(DataError, match=r"1 questions of .* are in") as caught:
        refuse_overlap(train, train.take([3]))
    assert "never tested on what it was trained on" in caught.value.hint
    refuse_overlap(without(train, [train.take([3])]), train.take([3]))


def test_contaminated_rows_are_dropped() -> None:
    kept = parse(_columns(contaminated=[True, False]), "x", "")
    assert kept.prompts == ("Who?",)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"prompt": ["x"], "score_a": [1]}, "has the columns"),
        ({"score_a": [1], "score_b": [1]}, "has the columns"),
        ({"prompt": ["x"], "score_a": [None], "score_b": [1]}, "a score is missing"),
    ],
)
def test_unsuitable_columns_are_refused(columns: dict[str, list[object]], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        parse(columns, "x", "")


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "work.parquet"
    pq.write_table(pa.table(_columns()), path)
    outcomes = read(path)
    assert outcomes.tiers == ("weak", "strong")
    assert len(outcomes.sha256) == 64
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="not Parquet"):
        read(path)
    with pytest.raises(DataError):
        read(tmp_path / "none.parquet")


def test_a_folder_without_work_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table(_columns()), tmp_path / "pairs.parquet")
    with pytest.raises(DataError, match="no outcomes"):
        folder(tmp_path)
