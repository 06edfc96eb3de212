"""The score is the same on every machine, and its cost is bounded for long texts."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.score.features import HEAD, TAIL, read
from pointsman.score.net import NetScore, pack, unpack
from tests.support.router.made_score import trained
from tests.support.router.outcomes import made_up

TEXTS = ["", "Add 3 apples.", "Prove that a sheaf exists.", "é ☃ \udc80 \x00", *made_up(40, seed=9).prompts]

_ASK = """
import json, sys
from pointsman.score.model_file import parse
model = parse(sys.stdin.buffer.readline())
texts = json.loads(sys.stdin.buffer.readline())
estimates = [model.estimate(text) for text in texts]
print(json.dumps([[[x.hex() for x in (*e.sufficient, *e.better, *e.cost, e.known)] for e in estimates],
                  [[r.words for r in model.reasons(text, "small")] for text in texts]]))
"""


@pytest.fixture(scope="module")
def model() -> NetScore:
    return trained().model


def _asked_with(seed: str) -> str:
    sent = trained().content + json.dumps(TEXTS).encode() + b"\n"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", _ASK], input=sent, env=environment, capture_output=True, check=True
    )
    return done.stdout.decode()


def test_every_bit_is_the_same_whatever_the_seed_of_hashes() -> None:
    first = _asked_with("0")
    assert json.loads(first)[0]
    assert {_asked_with(seed) for seed in ("1", "31337")} == {first}


def test_a_long_text_is_no_more_work_than_a_short_one() -> None:
    long = " ".join(f"word{at:x}" for at in range(20_000))[:100_000]
    seen = read(long)
    assert len(seen.words) + len(seen.signs) <= HEAD + TAIL
    assert max(sum(map(len, read(text).words)) for text in (long, "x" * 100_000)) <= HEAD + TAIL + 1


def test_the_shape_counts_as_many_features_for_every_text() -> None:
    assert {len(read(text).shape) for text in (*TEXTS, "a\n" * 50_000)} == {len(read("").shape)}


@given(st.text(max_size=300))
def test_every_text_has_probabilities_and_prices(text: str) -> None:
    estimate = trained().model.estimate(text)
    assert all(0.0 <= value <= 1.0 for value in (*estimate.sufficient, *estimate.better, estimate.known))
    assert all(value > 0 for value in estimate.cost)
    assert estimate.sufficient[-1] == 1.0


def test_predictions_agree_with_the_training_data(model: NetScore) -> None:
    easy = model.estimate("Add 17 plums birds coins cards books stones to 1.")
    hard = model.estimate("Prove that the sheaf functor kernel number 17 of 1 exists.")
    assert easy.sufficient[0] > 0.7 > 0.6 > hard.sufficient[0]


def test_unseen_words_are_unknown(model: NetScore) -> None:
    assert model.estimate("zyx wvu tsr").known == 0.0
    assert model.estimate("").known == 0.0


def test_reasons_are_in_words_strongest_first(model: NetScore) -> None:
    reasons = model.reasons("Prove that the sheaf exists.", "small", 3)
    assert [abs(reason.weight) for reason in reasons] == sorted(
        (abs(reason.weight) for reason in reasons), reverse=True
    )
    assert len(reasons) == 3
    assert any("`" in reason.words for reason in reasons)
    assert model.reasons("Prove it.", "frontier") == []


@given(st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=9))
def test_packed_numbers_are_restored(numbers: list[int]) -> None:
    assert unpack(pack(numbers), len(numbers)) == tuple(numbers)
    assert unpack(pack(numbers, 64) * 3, len(numbers), 64) == tuple(3 * number for number in numbers)
