"""Recorded decisions replay to the same bytes, and any change in the record is found."""

import os
from pathlib import Path

import pytest

from tests.support.review.replayed import replay, run

_SEED = 11
#: More of them take longer: some 15 ms each.
_DECISIONS = int(os.environ.get("POINTSMAN_TEST_DECISIONS", "400"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("reviews") / "decisions.jsonl"
    done = run(_DECISIONS, _SEED, file)
    assert done.decisions == _DECISIONS and done.differences == 0
    assert done.commands > 2 * _DECISIONS and done.cases > _DECISIONS / 2 and done.tests > 0, (
        "there is something to replay"
    )
    return file


def test_every_new_owner_gives_the_same_result(recorded: Path) -> None:
    differences, restarts = replay(recorded, _SEED, restarting=0.05)
    assert differences == 0 and restarts > 20


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'\\"choice\\":\\"approve\\"', b'\\"choice\\":\\"reject\\"'),
        (b'"made":"', b'"made":"0'),
        (b"Instead: ", b"Instead; "),
    ],
    ids=["a decision", "what came of one", "a text"],
)
def test_one_step_that_was_changed_is_found(
    recorded: Path, tmp_path: Path, was: bytes, becomes: bytes
) -> None:
    whole = recorded.read_bytes()
    assert was in whole
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(whole.replace(was, becomes, 1))
    differences, _ = replay(changed, _SEED)
    assert differences > 0
