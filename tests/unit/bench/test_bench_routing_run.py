"""The routing benchmark from files to figures, on made-up outcomes."""

import json
from pathlib import Path

import pytest

from pointsman.bench.routing import run
from pointsman.bench.routing.markdown import figures, write
from pointsman.bench.routing.sources.outcomes import DataError
from pointsman.score.model_file import parse
from tests.support.router.outcomes import made_up, save


def _silent(step: str, share: float) -> None:
    assert step
    assert 0.0 <= share <= 1.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outcomes")
    save(made_up(900), folder / "work.parquet")
    save(made_up(200, seed=2), folder / "extra_other.parquet")
    save(made_up(200, seed=3, tiers=("weak", "strong")), folder / "pairs.parquet")
    return folder


def test_a_report_has_every_part_and_is_written_as_a_page(data: Path, tmp_path: Path) -> None:
    report = run.whole(data, "0.98", _silent, resplits=1)
    assert report["split"]["train"] + report["split"]["test"] == 900
    asked = report["frozen"]["by_quality"]["0.98"]
    assert asked["saved"] > 0.1  # half of the questions are easy, and cost a third
    assert asked["quality"] > 0.95
    assert report["resplits"]["0.98"]["splits"] == 1
    assert len(report["transfer"]) == 2
    assert report["routellm"]["made-up"]["five-fold"]["apgr"] > 0.6
    assert report["frozen"]["prices"]
    assert report["served"]["rewrites"]
    json.dumps(report)
    marked = "# Kept\n<!-- begin: figures -->\nyesterday\n<!-- end: figures -->\nkept\n"
    (tmp_path / "routing.md").write_text(marked)
    write(report, tmp_path)
    page = (tmp_path / "routing.md").read_text()
    assert page.startswith("# Kept\n")
    assert page.endswith("kept\n")
    assert "yesterday" not in page
    for plot in ("cost-quality", "calibration"):
        assert f"](routing/{plot}.svg)" in page
        assert (tmp_path / "routing" / f"{plot}.svg").read_text().endswith("</svg>\n")


def test_a_file_never_seen_is_scored_by_a_router_of_the_folder(data: Path, tmp_path: Path) -> None:
    unseen = tmp_path / "unseen.parquet"
    save(made_up(300, seed=8), unseen)
    report = run.unseen(data, unseen, "0.98", _silent)
    assert report["test"] == 300
    assert report["frozen"]["shift"]["familiar"]
    moved = report["frozen"]["shift"]["size"]
    assert report["guarded"] == report["frozen"]["by_quality"]["0.98"] | {"shift": moved}
    shown = figures(report)
    assert shown.startswith("Trained on 900 questions and 200 of other work; scored once on 300 others.")
    assert f"| guarded: {report['frozen']['shift']['said']} |" in shown
    assert ".svg" not in shown, "the console has no plots"


def test_a_question_of_both_is_refused_or_left_out(data: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.parquet"
    save(made_up(900).take(range(100)), both)
    with pytest.raises(DataError, match="100 questions"):
        run.unseen(data, both, "0.98", _silent)
    assert run.unseen(data, both, "0.98", _silent, drop=True)["trained_on"] == 800


def test_work_of_another_kind_is_left_to_the_strongest_tier(data: Path, tmp_path: Path) -> None:
    """Although its words are known and the score would send half of it to a cheaper tier."""
    outcomes = made_up(300, seed=9)
    object.__setattr__(outcomes, "prompts", tuple(f"{prompt} ({prompt})" for prompt in outcomes.prompts))
    foreign = tmp_path / "brackets.parquet"
    save(outcomes, foreign)
    report = run.unseen(data, foreign, "0.98", _silent)
    assert report["frozen"]["shift"]["said"].startswith("unfamiliar work")
    assert report["frozen"]["by_quality"]["0.98"]["saved"] > 0.1
    assert (report["guarded"]["quality"], report["guarded"]["saved"]) == (1.0, 0.0)


def test_a_shipped_model_is_the_same_each_time(data: Path) -> None:
    content = run.ship(data, _silent)
    assert run.ship(data, _silent) == content
    assert parse(content).name == "general"
