"""Verifies signatures after the fact, from the audit's rows and the registry's history alone.

Routers see a change of the registry shortly after it is made, and may lag behind on the intake. So a key is
accepted for records up to five minutes older than its registration, and shortly after its removal; and a
signature must exist if one was required throughout the five minutes before and after.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pointsman.bus.codec.records import Incoming
from pointsman.identity.keys import KeyUnreadableError
from pointsman.identity.verify import GOOD_FOR, AgentKeys, SignatureVerdict, verify
from pointsman.registry.follow import take_in
from pointsman.registry.registry import RegisteredAgent, RegistryHistory, gateway_keys, signing_keys
from pointsman.store.ask.agents_sent import RegistryRecord, SentRecord, agents_sent, registry_history
from pointsman.store.verify.findings import Finding, Wrong
from pointsman.store.verify.verify import Scope
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged
from pointsman_schemas.topics import Topics

#: By then every reader of the registry has seen a change.
HEARD_WITHIN = timedelta(seconds=10)


@dataclass(slots=True)
class SignedRecords:
    """Counts of records by the verdict on their signature. `hidden`: not verifiable, as masked or sealed."""

    verdicts: Counter[SignatureVerdict] = field(default_factory=Counter)
    hidden: int = 0
    findings: list[Finding] = field(default_factory=list)


class KeyHistory:
    """The keys of each agent over time, and the times at which signatures were required."""

    def __init__(self, records: Iterable[RegistryRecord], people: AgentKeys | None = None) -> None:
        """`people`: the keys that must have signed a change, as for `read_registry`."""
        self._agents: dict[str, list[tuple[datetime, RegisteredAgent]]] = defaultdict(list)
        self._gateways: set[str] = set()
        self._rules: list[tuple[datetime, bool]] = []
        self._ready: dict[tuple[str, ...], AgentKeys] = {}
        history = RegistryHistory()
        for record in records:
            at = record.broker_at
            match take_in(history, _as_read(record), people):  # only changes that routers accept
                case AgentChanged() as message:
                    self._agents[message.agent.id].append((at, RegisteredAgent(message.agent, message.state)))
                    if message.agent.gateway:
                        self._gateways.add(message.agent.id)
                case RegistryChanged() as message:
                    self._rules.append((at, message.rules.identity == "signed"))
                case _:
                    pass

    def keys(self, agent_id: str, at: datetime) -> AgentKeys:
        """Return the agent's keys valid around a time, and the gateways' keys if it has API keys."""
        gateways = gateway_keys(
            gateway.entry
            for id in self._gateways
            for gateway in self._entries_around(id, at)
            if gateway.may_act(at)
        )
        key_sets = (
            signing_keys(agent.entry, gateways, at.date()) for agent in self._entries_around(agent_id, at)
        )
        texts = tuple(sorted({text for keys in key_sets for text in keys}))
        if texts not in self._ready:
            try:
                self._ready[texts] = AgentKeys({"": texts})
            except KeyUnreadableError:
                self._ready[texts] = AgentKeys({})
        return self._ready[texts]

    def _entries_around(self, agent_id: str, at: datetime) -> list[RegisteredAgent]:
        entries = self._agents.get(agent_id, [])
        first = max(0, bisect_right(entries, at - HEARD_WITHIN, key=lambda entry: entry[0]) - 1)
        return [agent for since, agent in entries[first:] if since <= at + GOOD_FOR]

    def demanded(self, at: datetime) -> bool:
        """Return whether every router required signatures at that time."""
        before = [signed for since, signed in self._rules if since <= at - GOOD_FOR]
        meanwhile = [signed for since, signed in self._rules if at - GOOD_FOR < since <= at + GOOD_FOR]
        return bool(before) and before[-1] and all(meanwhile)


def look_at(history: KeyHistory, record: SentRecord, counted: SignedRecords) -> None:
    """Count one record, and report it if it was routed although it lacked a required signature."""
    at_ms = int(record.broker_at.timestamp() * 1000)
    keys = history.keys(record.agent_id or "", record.broker_at)
    verdict = verify(keys, "", record.origin[0], record.headers, record.value, at_ms=at_ms).verdict
    if record.hidden and verdict is SignatureVerdict.WRONG:
        counted.hidden += 1
        return
    counted.verdicts[verdict] += 1
    if record.routed and verdict is not SignatureVerdict.VALID and history.demanded(record.broker_at):
        problem = f"its job was routed, and its signature is {verdict}, of the agent {record.agent_id}"
        counted.findings.append(Finding(Wrong.SIGNATURE, problem, *record.origin))


def _as_read(record: RegistryRecord) -> Incoming:
    at_ms = int(record.broker_at.timestamp() * 1000)
    headers = tuple(record.headers)
    return Incoming(*record.origin, at_ms, record.key, record.value, headers, by_broker=True)


async def check_signatures(
    dsn: str, topics: Topics, scope: Scope, people: AgentKeys | None = None
) -> SignedRecords:
    """Check the signatures of all records sent by agents; `people` as for `KeyHistory`.

    Raises:
        StoreUnavailableError, StoreError: a query failed.
    """
    history = KeyHistory(await registry_history(dsn, topics.registry.name), people)
    names = [topic.name for topic in (topics.intake, topics.control, topics.feedback)]
    start, end = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    if scope.day is not None:
        start = datetime.combine(scope.day, datetime.min.time(), UTC)
        end = datetime.combine(scope.day, datetime.max.time(), UTC)
    counted = SignedRecords()
    async with agents_sent(dsn, names, start, end, scope.job_id) as records:
        async for record in records:
            look_at(history, record, counted)
    return counted
