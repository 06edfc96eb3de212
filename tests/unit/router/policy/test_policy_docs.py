"""docs/policy.md: its example is a valid policy, and its trace is a real one."""

import re
from pathlib import Path
from typing import get_args

from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import PolicyFile, parse
from pointsman.router.scoring.score_section import ModelFile, ScoreSection
from pointsman.score.estimate import Bar
from pointsman_schemas.cascades import Accept
from tests.support.router.fixed_score import FixedScore, fixed_score
from tests.unit.router.policy.test_policy import job

PAGE = (Path(__file__).parents[4] / "docs" / "policy.md").read_text("utf-8")
EXAMPLE, OPINION, CASCADE, SHADOW, MODELS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def read(model: FixedScore) -> PolicyFile:
    return parse(EXAMPLE, read_model=lambda name: ModelFile.holding(name.encode(), model))


def test_the_example_is_a_policy() -> None:
    file = read(fixed_score({}))
    assert [rule.tier for rule in file.rules] == ["asked", "frontier", "scored"]
    assert file.score is not None
    assert file.score.model.content == b"models/questions.json"


def test_its_checks_are_the_real_output() -> None:
    policy = Policy.compile(read(fixed_score({"Which": (0.81, 0.97, 0.9)}, bar=Bar(0.1, 0.0112))))
    decision = decide(policy, job("Which ".ljust(61, "?"), kind="question"))
    for check in decision.checks[1:]:
        mark = "✓" if check.passed else "✗"
        assert re.search(f"{mark}  {check.name} +{re.escape(check.detail)}\n", PAGE), check
    assert [check.name for check in decision.checks[1:]] == ["contract", "questions", "small", "medium"]


def test_its_example_of_doubt_is_the_real_output() -> None:
    policy = Policy.compile(read(fixed_score({"odd": (0.9, 0.9, 0.31)}, floor=0.6)))
    assert decide(policy, job("odd", kind="question")).checks[-1].detail in PAGE


def test_every_key_of_the_section_is_documented() -> None:
    table = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert table == {*ScoreSection.model_fields, *get_args(Accept)}


def test_its_cascade_can_stand_in_the_example() -> None:
    read_model = ModelFile.holding(b"", fixed_score({}))
    before, _, after = EXAMPLE.partition("default:\n")
    file = parse(before + CASCADE + after[after.index("score:") :], read_model=lambda _: read_model)
    assert file.cascade is not None
    assert file.cascade.accept == "agreement"


def test_its_opinion_can_stand_in_the_example() -> None:
    file = parse(EXAMPLE.partition("score:\n")[0] + OPINION)
    assert file.score is not None and file.score.opinion is not None
    assert file.score.opinion.band == 0.05


def test_its_shadows_can_be_added_to_the_example() -> None:
    read_model = ModelFile.holding(b"", fixed_score({}))
    file = parse(EXAMPLE + SHADOW, read_model=lambda _: read_model)
    assert file.shadow is not None
    assert set(file.shadow.model_dump()) == set(re.findall(r"^  (\w+):", SHADOW, re.MULTILINE))


def test_its_names_of_models_can_be_added_to_the_example() -> None:
    read_model = ModelFile.holding(b"", fixed_score({}))
    file = parse(EXAMPLE + MODELS, read_model=lambda _: read_model)
    assert file.models == {"gpt-4.1-mini": "small", "our-best": "frontier"}
