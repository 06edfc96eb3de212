"""`review show` and `review next` print commands that can be pasted."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pointsman.cli.main import app
from pointsman.client import reviews
from pointsman.client.reviews import KnownCase, KnownCases
from pointsman.identity.keys import PrivateKey
from pointsman.review.case import claimed, plan_of, queue_of
from pointsman.store.ask import similar_reviews
from pointsman_schemas.reviews import ReviewChanged
from tests.support.review.cases import case, claim, later, request, value_of

REQUESTED = request()
JOB = str(REQUESTED.job.job_id)


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POINTSMAN_AGENT", raising=False)
    monkeypatch.delenv("POINTSMAN_KEY_FILE", raising=False)


def shown(monkeypatch: pytest.MonkeyPatch, current: ReviewChanged, *arguments: str) -> str:
    async def cases(*_: Any) -> KnownCases:
        return KnownCases({current.job_id: current}, {f"request/{JOB}".encode(): value_of(REQUESTED)})

    async def none_similar(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(reviews, "read_cases", cases)
    monkeypatch.setattr(similar_reviews, "similar_reviews", none_similar)
    return CliRunner().invoke(app, ["review", "show", JOB, *arguments], catch_exceptions=False).stdout


def test_show_names_the_reviewer_that_is_given_else_the_claims_else_a_placeholder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = claimed(case(REQUESTED), claim(REQUESTED), later(1), queue_of(plan_of(REQUESTED), "legal"), 0)
    assert isinstance(taken, ReviewChanged)
    assert f"approve {JOB} --by ben\n" in shown(monkeypatch, case(REQUESTED), "--by", "ben")
    assert f"approve {JOB} --by ID\n" in shown(monkeypatch, taken), "not in the name of who claimed it"
    assert f"approve {JOB} --by ID\n" in shown(monkeypatch, case(REQUESTED))


class Nobody:
    """A double of the reviewer's connection."""

    def __init__(self, *_: Any) -> None: ...

    async def __aenter__(self) -> "Nobody":
        return self

    async def __aexit__(self, *_: Any) -> None: ...


def test_next_repeats_the_reviewer_and_the_key_that_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    async def claim_next(*_: Any) -> tuple[KnownCase, None]:
        return KnownCase(case(REQUESTED), REQUESTED), None

    Path("my key.pem").write_text(PrivateKey.generate().pem)
    monkeypatch.setattr(reviews, "Reviewer", Nobody)
    monkeypatch.setattr(reviews, "claim_next", claim_next)

    def run(*arguments: str) -> str:
        return CliRunner().invoke(app, ["review", "next", *arguments], catch_exceptions=False).stdout

    assert f"approve {JOB} --by ana --key 'my key.pem'\n" in run("--by", "ana", "--key", "my key.pem")
    assert f"approve {JOB}\n" in run()
