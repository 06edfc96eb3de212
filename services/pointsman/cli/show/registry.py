"""Draw the registry: changes as a diff, agents as a table, an entry as lines."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import orjson
from rich.table import Table

from pointsman.cli.formats import moment, money, printable
from pointsman.client.agents_now import AgentNow
from pointsman.registry.changes import ChangeKind, RegistryChange
from pointsman.registry.registry import RegisteredAgent
from pointsman.runtime.terminal.plain_table import plain_table
from pointsman.store.ask.agents_sent import Sprawl
from pointsman_schemas.control.registry import ApiKey, RegistryProposed

_SIGNS: dict[ChangeKind, str] = {
    "register": "+", "change": "~", "rules": "~", "suspend": "~", "resume": "~", "retire": "-",
}  # fmt: skip


def diff(changes: Sequence[RegistryChange], *, done: bool = False) -> Iterator[str]:
    """Yield a line for each change, with a line for each field below it, and the totals.

    With `done`, the totals are in the past tense.
    """
    for change in changes:
        subject = "rules for all agents" if change.agent is None else f"{change.kind} {change.agent}"
        yield f"{_SIGNS[change.kind]} {subject}"
        for field in change.fields:
            new = _value(field.after)
            text = (
                new
                if change.kind == "register" or field.before is None
                else f"{_value(field.before)} -> {new}"
            )
            yield f"    {field.name}: {text}"
    if changes:
        signs = [_SIGNS[change.kind] for change in changes]
        words = ("registered", "changed", "retired") if done else ("to register", "to change", "to retire")
        yield ", ".join(f"{signs.count(sign)} {word}" for sign, word in zip("+~-", words, strict=True))


def retired_roles(changes: Sequence[RegistryChange]) -> Iterator[str]:
    """Yield a warning for each gateway and each reviewer that the changes retire."""
    for change in changes:
        if change.kind == "retire" and change.entry is not None:
            if change.entry.gateway:
                yield f"warning: retires the gateway {change.agent}"
            if change.entry.reviews:
                yield f"warning: retires {change.agent}, a reviewer of {', '.join(change.entry.reviews)}"


def proposal_lines(proposal: RegistryProposed) -> Iterator[str]:
    """Yield a line for the proposal, and one for each of its changes."""
    reason = f": {printable(proposal.reason)}" if proposal.reason else ""
    yield f"{proposal.proposal} by {printable(proposal.by)}{reason}"
    for change in proposal.changes:
        if change.agent is not None:
            entry = change.agent.model_dump(mode="json", exclude_defaults=True)
            yield f"    {change.state}: {_value(entry)}"
        elif change.rules is not None:
            yield f"    rules: {_value(change.rules.model_dump(mode='json'))}"


def agents_table(agents: Sequence[AgentNow]) -> Table:
    texts = ("agent", "owner", "state", "expires", "API keys", "last job")
    rows = plain_table(*texts, figures=("jobs", "spend"))
    for agent in agents:
        seen = agent.seen
        rows.add_row(
            printable(agent.agent),
            printable(agent.owner or "-"),
            agent.state,
            str(agent.expires or "-"),
            _api_keys(agent),
            "-" if seen is None else moment(seen.last_at),
            "-" if seen is None else str(seen.jobs),
            "-" if seen is None else money(seen.cost_usd),
        )
    return rows


def _api_keys(agent: AgentNow) -> str:
    until = agent.api_key_expires
    count = str(len(agent.api_keys) or "-")
    return count if until is None else f"{count}, next until {until}"


def entry_lines(agent: RegisteredAgent, today: date) -> Iterator[str]:
    """Yield the entry as YAML, without the digests of API keys, and who changed it last."""
    yield f"state: {agent.state}"
    for name, value in agent.entry.model_dump(mode="json", exclude_defaults=True).items():
        if name != "api_keys":
            yield f"{name}: {_value(value)}"
    yield from _key_lines(agent.entry.api_keys, today)
    if agent.changed_at is not None:
        because = f": {printable(agent.reason)}" if agent.reason else ""
        yield f"changed by {printable(agent.by)} at {moment(agent.changed_at)}{because}"


def _key_lines(keys: Sequence[ApiKey], today: date) -> Iterator[str]:
    if keys:
        yield "api_keys:"
    for key in sorted(keys, key=lambda key: (key.expires is None, key.expires)):
        if key.expires is None:
            yield f"    {key.id}: no end"
        elif key.has_expired(today):
            yield f"    {key.id}: expired since {key.expires}, take it out"
        else:
            yield f"    {key.id}: until {key.expires}"


def _value(value: Any) -> str:
    """Format a value as YAML in flow style, which is JSON."""
    return printable(value) if isinstance(value, str) else orjson.dumps(value).decode()


def findings_table(findings: Sequence[Sprawl]) -> Table:
    rows = plain_table("finding", "agent", "owner", "detail")
    for finding in findings:
        agent, owner = printable(finding.agent_id), printable(finding.owner or "-")
        rows.add_row(finding.finding, agent, owner, printable(finding.detail))
    return rows


def narrower_entries(findings: Sequence[Sprawl]) -> Iterator[str]:
    """Yield a line of YAML for each agent that may do more than it uses."""
    for finding in findings:
        if finding.narrower is not None:
            fields = (f"{name}: {orjson.dumps(value).decode()}" for name, value in finding.narrower.items())
            yield f"  - {{{', '.join(fields)}}}"
