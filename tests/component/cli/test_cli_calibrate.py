"""`pointsman policy calibrate` as a process: the threshold or what is missing, and the exit code."""

import json
from pathlib import Path

import pytest

from tests.support.running.command import Command


@pytest.fixture
def pointsman(tmp_path: Path) -> Command:
    return Command(tmp_path, {})


def lines(count: int, confidence: str = "0.97") -> str:
    return f'{{"confidence": {confidence}, "correct": true}}\n' * count


async def test_a_threshold_with_its_evidence(pointsman: Command) -> None:
    (pointsman.folder / "judged.jsonl").write_text(lines(120) + lines(80, "0.94"))
    done = await pointsman.run("policy", "calibrate", "judged.jsonl", "--json")
    assert done.code == 0, done.err
    report = done.json
    assert (report["threshold"], report["answers"], report["accepted"]) == ("0.93", 200, 200)
    assert (report["errors"], report["error"], report["alpha"], report["level"]) == (0, 0.05, 0.05, 0.01)
    assert 0 < report["bound"] <= 0.05
    output = await pointsman.run("policy", "calibrate", "judged.jsonl")
    assert "alpha 0.05" in " ".join(output.out.split())
    assert "200 of 200" in output.out


async def test_too_few_answers_end_with_1_and_how_many_are_missing(pointsman: Command) -> None:
    (pointsman.folder / "judged.jsonl").write_text(lines(50))
    done = await pointsman.run("policy", "calibrate", "judged.jsonl")
    assert (done.code, done.out) == (1, "")
    assert "at least 40 more answers above 0.50" in done.err


@pytest.mark.parametrize(
    "line", ["{}", "no", json.dumps({"confidence": 1, "correct": "yes"}), "[" * 10_001, '{"correct": true}']
)
async def test_an_invalid_line_is_named(pointsman: Command, line: str) -> None:
    (pointsman.folder / "judged.jsonl").write_text(f"{lines(1)}\n{line}\n")
    done = await pointsman.run("policy", "calibrate", "judged.jsonl")
    assert done.code == 1
    assert done.err.startswith("error: line 3 is not a judged answer")
