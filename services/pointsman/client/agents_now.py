"""Lists the agents with their recent activity, from the registry and the audit database."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from pointsman.identity.verify import AgentKeys
from pointsman.registry.follow import read_registry
from pointsman.registry.registry import RegisteredAgent
from pointsman.runtime.settings import KafkaPart
from pointsman.store.ask.agents_sent import AgentSeen, agents_seen
from pointsman.store.errors import StoreError, StoreUnavailableError
from pointsman_schemas.base import Json
from pointsman_schemas.control.registry import ApiKey
from pointsman_schemas.topics import Topics

#: The period of the recent activity.
LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class AgentNow:
    """An agent. `registered`: None if not in the registry; `seen`: recent jobs, None if there are none."""

    agent: str
    registered: RegisteredAgent | None
    seen: AgentSeen | None
    today: date

    @property
    def state(self) -> str:
        """active, suspended, retired, expired or unregistered."""
        if self.registered is None:
            return "unregistered"
        expires = self.registered.entry.expires
        expired = self.registered.state == "active" and expires is not None and self.today >= expires
        return "expired" if expired else self.registered.state

    @property
    def owner(self) -> str | None:
        return None if self.registered is None else self.registered.entry.owner

    @property
    def expires(self) -> date | None:
        return None if self.registered is None else self.registered.entry.expires

    @property
    def api_keys(self) -> tuple[ApiKey, ...]:
        """The valid API keys."""
        listed = () if self.registered is None else self.registered.entry.api_keys
        return tuple(key for key in listed if not key.has_expired(self.today))

    @property
    def api_key_expires(self) -> date | None:
        """The next expiry day of a valid API key."""
        return min((key.expires for key in self.api_keys if key.expires is not None), default=None)

    @property
    def cost_usd(self) -> Decimal | None:
        return None if self.seen is None else self.seen.cost_usd

    def to_json(self) -> Json:
        """Return the fields as JSON."""
        seen = self.seen
        return {
            "agent": self.agent,
            "owner": self.owner,
            "state": self.state,
            "expires": self.expires,
            "api_keys": len(self.api_keys),
            "api_key_expires": self.api_key_expires,
            "last_at": None if seen is None else seen.last_at,
            "jobs": 0 if seen is None else seen.jobs,
            "cost_usd": self.cost_usd,
        }


async def agents_now(
    kafka: KafkaPart, topics: Topics, dsn: str, now: datetime, people: AgentKeys | None = None
) -> tuple[list[AgentNow], str | None]:
    """Return registered agents, then other active ones; and why the database failed, if it did.

    Raises:
        BusError: the registry cannot be read.
    """
    registered = (await read_registry(kafka, topics, people)).agents
    seen_by_id: dict[str, AgentSeen] = {}
    problem = None
    try:
        seen_by_id = {agent.agent_id: agent for agent in await agents_seen(dsn, now - LATELY)}
    except (StoreError, StoreUnavailableError) as error:
        problem = str(error)
    names = [*sorted(registered), *sorted(seen_by_id.keys() - registered.keys())]
    today = now.date()
    return [AgentNow(name, registered.get(name), seen_by_id.get(name), today) for name in names], problem
