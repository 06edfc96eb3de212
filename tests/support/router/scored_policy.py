"""A policy with a fixed score, and jobs for it."""

from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import PolicyFile, parse
from pointsman.router.scoring.score_section import ModelFile
from pointsman.score.net import NetScore

TEXT = """\
name: scored
tiers: [small, medium, frontier]
default: {tier: scored, fallback: frontier, reason: The score decides.}
rules:
  - {name: code, when: {kind: code}, tier: frontier, reason: Code.}
  - {name: mail, when: {kind: mail}, tier: scored, fallback: medium, reason: Mails.}
score: {model: fixed, quality: 0.99}
"""


def scored_file(model: NetScore, text: str = TEXT, content: bytes = b"bytes") -> PolicyFile:
    """The policy file with `model`, if it has one; `content` replaces the model's bytes."""
    return parse(text, read_model=lambda _: ModelFile.holding(content, model))


def scored_policy(model: NetScore, text: str = TEXT) -> Policy:
    return Policy.compile(scored_file(model, text))
