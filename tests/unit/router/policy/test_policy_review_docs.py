"""docs/review.md: its examples are valid, and its tables have every key and source."""

import re
from pathlib import Path
from typing import get_args

from pointsman.confidence.calibrate import STARTS, JudgedAnswer, JudgedTally, TooFew, calibrate
from pointsman.router.policy.policy_file import parse
from pointsman.router.policy.review_plan import BUILT_IN
from pointsman.router.policy.review_section import ListedQueue, ListedThreshold
from pointsman_schemas.control.review_plans import SOURCES_OF, ConfidenceSource
from tests.support.text.parsed import parse_agents

PAGE = (Path(__file__).parents[4] / "docs" / "review.md").read_text("utf-8")
SECTION, ENTRY, PEOPLE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BARE = "name: ours\ntiers: [small]\ndefault: {tier: small, reason: All.}\n"


def test_the_examples_are_read() -> None:
    review = parse(BARE + SECTION).review
    assert review is not None
    queues = [queue.name for queue in review.queues]
    agents = parse_agents("unregistered: admit\n" + ENTRY, ("small",), queues=queues).agents
    assert agents[0].confidence[0].queue == "legal"
    assert BUILT_IN.deadline_s == 4 * 3600
    (person,) = parse_agents("unregistered: admit\n" + PEOPLE, ("small",), queues=queues).agents
    assert person.reviews == ("legal", "board")


def test_every_key_and_every_source_is_told() -> None:
    keys = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert {*ListedQueue.model_fields, *ListedThreshold.model_fields} <= keys
    documented = dict(re.findall(r"^\| `(\w+)` \| (routing|answer) \|", PAGE, re.MULTILINE))
    assert set(documented) == set(get_args(ConfidenceSource))
    assert all(source in SOURCES_OF[of] for source, of in documented.items())


def test_how_many_answers_it_takes() -> None:
    nothing = calibrate(JudgedTally.of([]), 0.05, 0.05)
    assert isinstance(nothing, TooFew)
    assert f"it takes {nothing.more} answers above a threshold" in " ".join(PAGE.split())
    assert f"({', '.join(map(str, STARTS))})" in " ".join(PAGE.split())
    enough = [JudgedAnswer(0.97, True)] * nothing.more
    assert not isinstance(calibrate(JudgedTally.of(enough), 0.05, 0.05), TooFew)
