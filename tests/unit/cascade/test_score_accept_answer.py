"""Answers agree if they mean the same in different words; unreadable ones never agree."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointsman.cascade.accept_answer import SHORT, read_answer


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("C", "The answer is (C).", "choice"),
        ("C", "**C**", "choice"),
        ("(B)", "B. because it is larger", "choice"),
        ("42", "Six times seven:\n#### 42", "number"),
        ("1,000", "1000.0", "number"),
        ("$18", "18", "number"),
        ("0.5", "so it is \\boxed{1/2}", "number"),
        ("50%", "0.5", "number"),
        ('{"reasoning": "...", "answer": "7"}', "7", "number"),
        ("[1, 2]", "```python\n[1,2]\n```", "code"),
        ("['a', 'b']", '["a","b"]', "code"),
        ("Final answer: Paris", "Paris.", "text"),
    ],
)
def test_the_same_answer_in_other_words_agrees(one: str, other: str, kind: str) -> None:
    assert read_answer(one).kind == kind
    assert read_answer(one).agrees(read_answer(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("C", "D"), ("42", "-42"), ("1.5", "15"), ("'a b'", "'ab'"), ("Paris", "London"), ("C", "3")],
)
def test_other_answers_do_not_agree(one: str, other: str) -> None:
    assert not read_answer(one).agrees(read_answer(other))


@pytest.mark.parametrize("said", ["", "  \n", "x" * (SHORT + 1), "\\boxed{}", "``", "**"])
def test_nothing_and_long_texts_agree_with_nothing(said: str) -> None:
    assert not read_answer(said).agrees(read_answer(said))


def test_a_sentence_that_begins_with_a_letter_is_no_choice() -> None:
    assert read_answer("A good day").kind == "text"


@given(st.text(alphabet=st.characters(), max_size=300) | st.from_regex(r"[-+$\d.,/%eE{}\\boxed#]{0,60}"))
@example("1E\u06650")
@example("12E39")
@example("1e-41")
@example("1" * 41)
def test_any_text_is_read_and_what_was_read_is_read_alike_again(text: str) -> None:
    answer = read_answer(text)
    if answer.kind in ("choice", "number"):
        assert read_answer(answer.text) == answer
