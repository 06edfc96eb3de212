"""Check that Kafka answers, advertises addresses that can be reached, and has the topics."""

from collections.abc import Sequence

from pointsman.bus.admin.probe import Probe, probe
from pointsman.bus.admin.topics import plan
from pointsman.bus.errors import BrokerTooOldError, BusError
from pointsman.bus.tcp_check import addresses
from pointsman.cli.checks.finding import CheckResult
from pointsman.cli.formats import count
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topic import Topic

#: Releases that can lose transaction markers when a broker is killed (KAFKA-20734).
LOSE_MARKERS = ("4.3", "4.4")


async def kafka(settings: KafkaPart, topics: Sequence[Topic] | None) -> list[CheckResult]:
    """Return the findings about Kafka. `topics` is None if the policy cannot be read."""
    probed = await probe(settings)
    findings = [_answers(probed, settings), _listeners(probed, settings)]
    if topics is None:
        return [
            *findings,
            CheckResult("topics", None, "not looked at: the policy, which names the tiers, cannot be read"),
        ]
    if not probed.reachable:
        return [*findings, CheckResult("topics", None, "not looked at: Kafka is not reachable")]
    return [*findings, await _topics(settings, topics)]


def _answers(probed: Probe, settings: KafkaPart) -> CheckResult:
    if probed.problem is not None:
        return CheckResult(
            "kafka",
            False,
            probed.problem,
            probed.fix
            or "pointsman dev                              # starts one on this machine\n"
            "export POINTSMAN_KAFKA=HOST:PORT           # or says where yours is",
        )
    brokers = count(len(probed.brokers), "broker")
    text = f"{probed.bootstrap}, release {probed.release}, {brokers}, by {_spoken(settings)}"
    if probed.transactions < 2:
        error = BrokerTooOldError(probed.bootstrap)
        return CheckResult("kafka", False, f"{text}; {error}", error.hint)
    if probed.release in LOSE_MARKERS:
        text += (
            ";\na partition without a leader may lose the end of a transaction (KAFKA-20734), and jobs are\n"
            "done twice after a broker was killed; Kafka 4.2 keeps it"
        )
    return CheckResult("kafka", True, text)


def _spoken(settings: KafkaPart) -> str:
    """Describe security protocol, mechanism and user, without secrets."""
    mechanism, user = settings.kafka_sasl_mechanism, settings.kafka_username
    if not settings.logs_in:
        return settings.kafka_security_protocol
    login = "" if mechanism == "OAUTHBEARER" else f" as {user!r}"
    return f"{settings.kafka_security_protocol} with {mechanism}{login}"


def _listeners(probed: Probe, settings: KafkaPart) -> CheckResult:
    if probed.problem is not None:
        return CheckResult("listeners", None, "not looked at: Kafka is not reachable")
    bad = [broker for broker in probed.brokers if broker.problem]
    if not bad:
        listeners = ", ".join(f"{broker.host}:{broker.port}" for broker in probed.brokers)
        return CheckResult("listeners", True, f"each broker is reached where it says it is: {listeners}")
    problems = "; ".join(
        f"broker {broker.id} sends its clients to {broker.host}:{broker.port}, but {broker.problem}"
        for broker in bad
    )
    host, port = addresses(probed.bootstrap)[0]
    return CheckResult(
        "listeners",
        False,
        problems,
        "in that broker's configuration, then restart it:\n"
        f"advertised.listeners={settings.kafka_security_protocol}://{host}:{port}  # reachable from here",
    )


async def _topics(settings: KafkaPart, topics: Sequence[Topic]) -> CheckResult:
    try:
        changes = [change for change in await plan(settings, topics) if change.to_do]
    except BusError as error:
        return CheckResult("topics", False, str(error), error.hint)
    if changes:
        others = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
        return CheckResult("topics", False, f"to do: {changes[0].detail}{others}", "pointsman topics apply")
    return CheckResult("topics", True, f"{len(topics)} as declared")
