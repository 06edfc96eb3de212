"""The registry's file says where it is wrong, also about tiers that only the policy knows."""

import pytest

from pointsman.router.agents_file import parse
from pointsman.runtime.yaml_file import FileError

TIERS = ("small", "medium")

BROKEN = """\
unregistered: maybe
agents:
  - {id: one, owner: x, tiers: [small, medum]}
  - {id: one, owner: y}
  - {id: two words, owner: y, kind: sql}
  - {id: three, max_chars: 0}
"""


def test_every_mistake_is_said_at_once_with_its_place() -> None:
    with pytest.raises(FileError) as caught:
        parse(BROKEN, TIERS)
    found = caught.value.problems
    for expected in (
        "agents.yaml:1:15: unregistered: must be 'admit' or 'reject'",
        "agents.yaml:3:32: agents[0].tiers: there is no tier `medum`, did you mean `medium`?",
        "agents.yaml:4:10: agents[1].id: agent `one` is there already",
        "agents.yaml:5:10: agents[2].id: must match",
        "agents.yaml:5:31: agents[2]: unknown key `kind`, did you mean `kinds`?",
        "agents.yaml:6:5: agents[3]: `owner` is missing",
        "agents.yaml:6:28: agents[3].max_chars: must be",
    ):
        assert [line for line in found if line.startswith(expected)], (expected, found)
    assert len(found) == 7


def test_whether_strangers_are_admitted_must_be_said() -> None:
    with pytest.raises(FileError, match="`unregistered` is missing"):
        parse("agents: []", TIERS)


def test_one_value_stands_for_a_list_of_one() -> None:
    registry = parse("{unregistered: reject, agents: [{id: a, owner: o, tiers: small, kinds: sql}]}", TIERS)
    assert registry.agents["a"].tiers == ("small",)
    assert registry.agents["a"].kinds == ("sql",)
    assert not registry.admits_unregistered
