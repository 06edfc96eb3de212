"""`agents.yaml`: the registry as a file."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo, field_validator

from pointsman.registry.registry import Registry
from pointsman.runtime import yaml_file
from pointsman.runtime.unknown_tier import unknown_tier
from pointsman.runtime.yaml_file import Loc
from pointsman_schemas.control.registry import AgentEntry, RegistryRules
from pointsman_schemas.control.review_plans import SOURCES_OF, EntryThreshold

#: With `strict: true` an entry expires within this time; its owner must then renew it.
LONGEST = timedelta(days=90)


class ListedAgent(AgentEntry):
    """An entry checked against the policy's tiers and queues and against the other entries."""

    @field_validator("tiers")
    @classmethod
    def _check_tiers(cls, tiers: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        policy_tiers: Sequence[str] = _context(info).get("tiers", tiers or ())
        for tier in tiers or ():
            if tier not in policy_tiers:
                raise ValueError(unknown_tier(tier, policy_tiers))
        return tiers

    @field_validator("reviews")
    @classmethod
    def _known_queues(cls, queues: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        for queue in queues or ():
            _check_queue(queue, info)
        return queues

    @field_validator("confidence")
    @classmethod
    def _to_be_had(
        cls, thresholds: tuple[EntryThreshold, ...], info: ValidationInfo
    ) -> tuple[EntryThreshold, ...]:
        for threshold in thresholds:
            _check_queue(threshold.queue, info)
            if threshold.source not in SOURCES_OF[threshold.of]:
                listed = ", ".join(SOURCES_OF[threshold.of])
                raise ValueError(
                    f"`{threshold.source}` is not a confidence of the {threshold.of}; those are {listed}"
                )
        return thresholds

    @field_validator("id")
    @classmethod
    def _unique(cls, id: str, info: ValidationInfo) -> str:
        ids = _context(info).setdefault("agents", set())
        if id in ids:
            raise ValueError(f"agent `{id}` is listed twice; merge the two entries")
        ids.add(id)
        return id


class AgentsFile(RegistryRules):
    """The content of an agents file."""

    agents: tuple[ListedAgent, ...] = ()

    @property
    def entries(self) -> list[AgentEntry]:
        """The agents as they are published."""
        return [AgentEntry.model_validate(agent.model_dump()) for agent in self.agents]

    @property
    def rules(self) -> RegistryRules:
        return RegistryRules(**{name: getattr(self, name) for name in RegistryRules.model_fields})

    @property
    def registry(self) -> Registry:
        """The registry after the file is applied."""
        return Registry.of(self.entries, self.rules)


#: The expiry days of registered agents, by id.
Expiries = Mapping[str, date | None]


def load(
    path: Path,
    tiers: Sequence[str],
    today: date | None = None,
    *,
    queues: Sequence[str] | None = None,
    registered: Expiries | None = None,
    keys_follow: bool = False,
) -> AgentsFile:
    """Read the file; `tiers` and `queues` are the policy's (None: any queue is valid).

    `today` (UTC): check the expiry of strict entries against it. `registered`: only the expiry day on record
    may be in the past, not a new one. `keys_follow`: agents without a key get one later.

    Raises:
        FileError: the file is invalid; lists every problem with file, line and column.
    """
    context = {"tiers": tiers, "queues": queues}
    check = partial(_problems, today, registered, keys_follow)
    return yaml_file.load(path, AgentsFile, context=context, check=check)


def _problems(
    today: date | None, registered: Expiries | None, keys_follow: bool, file: AgentsFile
) -> Iterator[tuple[Loc, str]]:
    owners: dict[str, str] = {}
    for place, agent in enumerate(file.agents):
        loc: Loc = ("agents", place)
        has_keys = keys_follow or agent.public_keys is not None or agent.api_keys
        if file.identity == "signed" and not has_keys:
            yield (
                loc,
                "`identity: signed` asks for `public_keys`; make one: pointsman agents key FILE",
            )
        for number, key in enumerate(agent.api_keys):
            owner = owners.setdefault(key.sha256, agent.id)
            if owner != agent.id:
                yield (
                    (*loc, "api_keys", number),
                    f"is a key of agent `{owner}` too, so that nobody knows whose it is; make another: "
                    "pointsman agents key --api",
                )
        if file.strict:
            yield from _strict(loc, agent, today)
            if today is not None and registered is not None and agent.expires is not None:
                on_record = registered.get(agent.id)
                if agent.expires <= today and agent.expires != on_record:
                    yield (*loc, "expires"), f"is over: it would be refused from the start, today is {today}"


def _strict(loc: Loc, agent: AgentEntry, today: date | None) -> Iterator[tuple[Loc, str]]:
    if not agent.owner.strip():
        yield (*loc, "owner"), "is blank; `strict: true` asks for the team that answers for it"
    if agent.contact is None:
        yield loc, "`strict: true` asks for `contact`: how to reach the owner"
    elif not agent.contact.strip():
        yield (*loc, "contact"), "is blank; `strict: true` asks how to reach the owner"
    if agent.expires is None:
        yield loc, f"`strict: true` asks for `expires`: a day within {LONGEST.days} days"
    elif today is not None and agent.expires > today + LONGEST:
        latest = today + LONGEST
        yield (*loc, "expires"), f"is more than {LONGEST.days} days ahead; the latest is {latest}"


def _check_queue(queue: str, info: ValidationInfo) -> None:
    policy_queues: Sequence[str] | None = _context(info).get("queues")
    if policy_queues is not None and queue not in policy_queues:
        raise ValueError(f"unknown queue `{queue}`; the policy's queues are {', '.join(policy_queues)}")


def _context(info: ValidationInfo) -> dict[str, Any]:
    return info.context if isinstance(info.context, dict) else {}
