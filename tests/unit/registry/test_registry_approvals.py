"""Who may change the registry: one person, or two if the rules require it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from pointsman.registry.registry import RegistryHistory
from pointsman_schemas.control.registry import (
    AgentChanged,
    AgentEntry,
    ProposedChange,
    RegistryChanged,
    RegistryProposed,
    RegistryRules,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENTRY = AgentEntry(id="a", owner="x")
WIDER = AgentEntry(id="a", owner="x", tiers=("frontier",))
ID = UUID(int=7)


def two_people() -> RegistryHistory:
    """One agent exists, and changes need two people."""
    history = RegistryHistory()
    rules = RegistryRules(unregistered="reject", approvals=2)
    assert history.hear(AgentChanged(agent=ENTRY, by="dana"), "dana", NOW) is None
    assert history.hear(RegistryChanged(rules=rules, by="dana"), "dana", NOW) is None
    return history


def proposal(*changes: ProposedChange, by: str = "dana") -> RegistryProposed:
    return RegistryProposed(proposal=ID, changes=changes or (ProposedChange(agent=WIDER),), by=by)


def approved(agent: AgentEntry = WIDER, by: str = "dana", approved_by: str | None = "jo") -> AgentChanged:
    return AgentChanged(agent=agent, by=by, approved_by=approved_by, proposal=ID)


def test_what_is_proposed_holds_once_another_has_approved_it() -> None:
    history = two_people()
    assert history.hear(proposal(), "dana", NOW) is None
    assert history.agents["a"].entry == ENTRY
    assert history.hear(approved(), "jo", NOW) is None
    assert (history.agents["a"].entry, history.agents["a"].by) == (WIDER, "dana")
    assert history.proposals == {}


@pytest.mark.parametrize(
    ("change", "sender", "why_not"),
    [
        (AgentChanged(agent=WIDER, by="dana"), "dana", "dana may not change it alone"),
        (approved(approved_by="dana"), "dana", "dana may not change it alone"),
        (approved(), "dana", "dana sent a change of jo"),
        (approved(by="mallory"), "jo", "jo approved what mallory has not proposed"),
        (approved(AgentEntry(id="a", owner="y")), "jo", "jo approved what dana has not proposed"),
        (AgentChanged(agent=WIDER, by="dana", approved_by="jo"), "jo", "jo approved what dana has not"),
        (
            RegistryChanged(rules=RegistryRules(unregistered="admit"), by="dana"),
            "dana",
            "dana may not change it alone",
        ),
        (proposal(by="jo"), "dana", "dana sent a proposal of jo"),
    ],
)
def test_invalid_approvals_are_ignored(
    change: AgentChanged | RegistryChanged | RegistryProposed, sender: str, why_not: str
) -> None:
    history = two_people()
    assert history.hear(proposal(), "dana", NOW) is None
    assert (history.hear(change, sender, NOW) or "").startswith(why_not)
    assert history.agents["a"].entry == ENTRY
    assert history.rules is not None
    assert history.rules.approvals == 2


def test_an_approval_counts_once() -> None:
    history = two_people()
    history.hear(proposal(), "dana", NOW)
    history.hear(approved(), "jo", NOW)
    back = AgentChanged(agent=ENTRY, by="dana", approved_by="jo", proposal=UUID(int=8))
    again = RegistryProposed(proposal=UUID(int=8), changes=(ProposedChange(agent=ENTRY),), by="dana")
    assert history.hear(again, "dana", NOW) is None
    assert history.hear(back, "jo", NOW) is None
    assert history.hear(approved(), "jo", NOW) == "jo approved what dana has not proposed"
    assert history.agents["a"].entry == ENTRY


def test_one_person_stops_an_agent_at_once_and_two_let_it_go_on() -> None:
    history = two_people()
    stop = AgentChanged(agent=ENTRY, state="suspended", by="dana")
    assert history.hear(stop, "dana", NOW) is None
    assert history.agents["a"].state == "suspended"
    assert history.hear(AgentChanged(agent=ENTRY, by="dana"), "dana", NOW) is not None
    wider = AgentChanged(agent=WIDER, state="suspended", by="dana")
    assert history.hear(wider, "dana", NOW) is not None, "what is stopped is not changed on the way"
    assert (history.agents["a"].state, history.agents["a"].entry) == ("suspended", ENTRY)


def test_a_proposal_of_several_is_approved_change_by_change() -> None:
    history = two_people()
    other = AgentEntry(id="b", owner="y")
    history.hear(proposal(ProposedChange(agent=WIDER), ProposedChange(agent=other)), "dana", NOW)
    assert history.hear(approved(), "jo", NOW) is None
    assert history.hear(approved(other), "jo", NOW) is None
    assert set(history.agents) == {"a", "b"}
    assert history.proposals == {}
