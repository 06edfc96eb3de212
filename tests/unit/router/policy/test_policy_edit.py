"""Editing a policy to use the score changes only a few lines of the file."""

import difflib

import pytest

from pointsman import starter
from pointsman.router.policy.cascade_section import AcceptFile
from pointsman.router.policy.policy_edit import with_accept, with_score
from pointsman.router.policy.policy_file import PolicyFile, parse
from pointsman.router.scoring.score_section import ModelFile
from tests.support.router.fixed_score import fixed_score
from tests.support.router.scored_policy import TEXT
from tests.support.worker.accept_models import accept_model

SHIPPED = starter.POLICY.read_text("utf-8")
FLOW = "name: a\ntiers: [small, medium, frontier]\ndefault: {reason: Plain., tier: medium} # ours\n"
QUOTED = """\
tiers: [small, medium, frontier]
score:   # learned in March
  quality: "0.99"
  prices: {small: 2}   # doubled
  model: 'old.json'
name: quoted
default:
  # as before
  tier: "frontier"

  reason: Plain.
"""


def read(text: str) -> PolicyFile:
    def read_model(name: str) -> ModelFile:
        return ModelFile.holding(name.encode(), fixed_score({}))

    return parse(text, read_model=read_model)


@pytest.mark.parametrize(("text", "fallback"), [(SHIPPED, "medium"), (FLOW, "medium"), (QUOTED, "frontier")])
def test_the_default_becomes_scored_with_the_old_tier_as_fallback(text: str, fallback: str) -> None:
    before, after = read(text), read(with_score(text, "models/new.json", "0.99"))
    assert (after.default.tier, after.default.fallback) == ("scored", fallback)
    assert after.default.reason == before.default.reason
    assert after.score is not None
    assert after.score.model.content == b"models/new.json"
    assert (after.rules, after.tiers, after.limits) == (before.rules, before.tiers, before.limits)


@pytest.mark.parametrize("text", [SHIPPED, FLOW, QUOTED])
def test_nothing_else_changes_comments_included(text: str) -> None:
    after = with_score(text, "models/new.json", "0.99")
    removed = [line for line in difflib.ndiff(text.splitlines(), after.splitlines()) if line.startswith("- ")]
    assert len(removed) <= 3
    assert all("#" not in line or line.partition("#")[2] in after for line in removed)


def test_a_default_that_is_scored_keeps_its_fallback_and_gets_the_new_model() -> None:
    after = with_score(TEXT, "models/new.json", "0.99")
    assert after == TEXT.replace("model: fixed", "model: models/new.json")


def test_other_keys_of_the_section_are_kept() -> None:
    after = read(with_score(QUOTED, "models/new.json", "0.99"))
    assert after.score is not None
    assert after.score.prices == {"small": 2}


AGREEING = """\
name: ours
tiers: [small, medium, frontier]
default: {tier: cascade, reason: Cheap first.}
cascade:
  tiers: [small, medium, frontier]
  accept: agreement   # for now
  on_failure: end
"""
LIKELY = AGREEING.replace("agreement   # for now", "logprob\n  threshold: 0.9  # of its tokens")
LEARNED = AGREEING.replace("agreement   # for now", "model\n  quality: 0.99\n  model: old.json")
IN_LINE = """\
name: ours
tiers: [small, medium, frontier]
default: {tier: cascade, reason: Cheap first.}
cascade: {accept: agreement, tiers: [small, medium, frontier]}  # as it was
"""
IN_LINE_LIKELY = IN_LINE.replace("agreement", "logprob, threshold: 0.9")


def read_cascade(text: str) -> PolicyFile:
    model = accept_model()

    def read_accept(name: str) -> AcceptFile:
        return AcceptFile(name.encode(), "f" * 64, model)

    return parse(text, read_accept=read_accept)


@pytest.mark.parametrize("text", [AGREEING, LIKELY, LEARNED, IN_LINE, IN_LINE_LIKELY])
def test_the_cascade_accepts_by_the_model_and_nothing_else_changes(text: str) -> None:
    before = read_cascade(text)
    edited = with_accept(text, "models/new.json", "0.99")
    after = read_cascade(edited)
    assert before.cascade is not None and after.cascade is not None
    assert (after.cascade.accept, after.cascade.quality, after.cascade.threshold) == ("model", "0.99", None)
    assert after.cascade.model is not None
    assert after.cascade.model.content == b"models/new.json"
    assert (after.cascade.tiers, after.cascade.on_failure) == (
        before.cascade.tiers,
        before.cascade.on_failure,
    )
    assert (after.default, after.rules, after.tiers) == (before.default, before.rules, before.tiers)
    comments = [part for line in text.splitlines() for part in line.split("#")[1:]]
    assert [part for line in edited.splitlines() for part in line.split("#")[1:]] == comments
    assert with_accept(edited, "models/new.json", "0.99") == edited
