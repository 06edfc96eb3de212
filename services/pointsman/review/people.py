"""Decides from the registry who may act on a case; pure."""

from datetime import datetime

from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import verify_record
from pointsman.identity.verify import AgentKeys, SignatureVerdict
from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman.review.case import RefusedCommand
from pointsman_schemas.reviews import ReviewChanged, ReviewRefusal


def may_not_act(
    registry: Registry, by: str, case: ReviewChanged, record: Incoming, at: datetime
) -> RefusedCommand | None:
    """Return why `by` may not act on the case with this record; None if it may."""
    person = registry.agents.get(by)
    return (
        _no_reviewer(person, by, case.queue, at)
        or _unsigned(registry, person, by, record)
        or _own(registry, person, by, case.agent_id)
    )


def _no_reviewer(person: RegisteredAgent | None, by: str, queue: str, at: datetime) -> RefusedCommand | None:
    if person is None or queue not in (person.entry.reviews or ()):
        problem = f"`{by}` is no reviewer of queue {queue}"
        hint = f"have it added to agents.yaml and applied: - {{id: {by}, owner: <team>, reviews: [{queue}]}}"
    elif person.state != "active" or person.has_expired(at):
        problem = f"the registration of `{by}` is {person.state if person.state != 'active' else 'expired'}"
        hint = f"ask {person.entry.owner}, who owns it"
    else:
        return None
    return RefusedCommand(ReviewRefusal.NOT_A_REVIEWER, f"{problem}; {hint}")


def _unsigned(
    registry: Registry, person: RegisteredAgent | None, by: str, record: Incoming
) -> RefusedCommand | None:
    """Check the signature: a person with a key must sign, whatever the rules require of agents.

    A repeated command is refused because of its revision.
    """
    keys = () if person is None else person.entry.public_keys or ()
    if not keys and registry.rules.identity == "claimed":
        return None
    verdict = verify_record(record, by, AgentKeys({by: keys})).verdict
    if verdict is SignatureVerdict.VALID:
        return None
    return RefusedCommand(ReviewRefusal.SIGNATURE, f"the signature is {verdict}; sign with your own key")


def _own(registry: Registry, person: RegisteredAgent | None, by: str, agent_id: str) -> RefusedCommand | None:
    """Refuse people who would decide on their own agents, their team's, or those that name them."""
    agent = registry.agents.get(agent_id)
    theirs = {agent_id}
    if agent is not None:
        theirs |= {agent.entry.owner, agent.entry.contact or agent_id}
    if by in theirs or (agent is not None and person is not None and person.entry.owner == agent.entry.owner):
        return RefusedCommand(
            ReviewRefusal.OWN_JOB, f"{agent_id} asks on your own behalf; another person has to decide"
        )
    return None
