"""The rights derived from the registry, and the servers to compare with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsman.access.apply import Servers
from pointsman.access.derive import Access, derive
from pointsman.access.explained import load as load_explained
from pointsman.claims.settings import ClaimsPart
from pointsman.cli.settings import load
from pointsman.registry.follow import read_registry
from pointsman.router.policy.policy_file import load as load_policy
from pointsman.router.settings import RouterSettings
from pointsman.runtime.clock import utc_now
from pointsman.store.settings import OwnerPart


@dataclass(frozen=True, slots=True)
class AccessScope:
    """`only`: one server, None for both. `login`: users who may have our roles. `explained`: a file."""

    only: str | None = None
    login: Sequence[str] = ()
    explained: Path | None = None


async def derived(
    settings: RouterSettings, owner: OwnerPart | None, scope: AccessScope
) -> tuple[Servers, Access]:
    """Return the servers, and the rights that the current registry gives."""
    file = load_policy(settings.policy)
    agents = (await read_registry(settings, settings.topics, settings.registry_people)).agents.values()
    now = utc_now()
    access = derive(
        settings.topics,
        file.tiers,
        [
            agent.entry
            for agent in agents
            if agent.entry.kafka and agent.state == "active" and not agent.has_expired(now)
        ],
        cascade=() if file.cascade is None else file.cascade.tiers,
        claims_in_postgres=load(ClaimsPart).claims.startswith(("postgresql://", "postgres://")),
    )
    dsn = None if scope.only == "kafka" or owner is None else owner.owner_dsn
    meant = load_explained(scope.explained, settings.prefix)
    return Servers(None if scope.only == "postgres" else settings, dsn, tuple(scope.login), meant), access
