"""Start the services on top of Kafka and Postgres, show the sample jobs, and supervise them until the end."""

import asyncio
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psutil

from pointsman.dev.interrupts import Interrupts, undisturbed
from pointsman.dev.options import DevOptions
from pointsman.dev.servers.stack import Stack
from pointsman.dev.services import logins
from pointsman.dev.services.fleet import files, fleet, gateway_elsewhere, leave_settings
from pointsman.dev.services.gateway_agents import with_gateway
from pointsman.dev.services.prepare import prepare
from pointsman.dev.services.processes import Process, restart_ended, stop, wait_ready
from pointsman.dev.services.sample_review import REVIEWER, asks, deciding, with_review
from pointsman.dev.services.secure_logins import SecureLogins, secure_logins
from pointsman.dev.services.trying import trying
from pointsman.dev.show.journey import Journey, travel
from pointsman.dev.show.narrator import Narrator
from pointsman.dev.show.report import document, say_how_they_did, say_what_next
from pointsman.registry.agents_file import load as load_agents
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.router.policy.policy_file import load as load_policy
from pointsman.store.address import without_secrets
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.topics import Topics


def with_services(options: DevOptions, stack: Stack, tell: Narrator, interrupts: Interrupts) -> int:
    """Run the services on a launched stack until Ctrl-C, or with `once` until the sample jobs are done."""
    kafka, postgres = stack.kafka.bootstrap, stack.postgres.dsn()
    policy_file, others = _asking(options.data)
    policy = load_policy(policy_file)
    tiers, opinion = policy.tiers, _gives_opinions(policy, tell)
    secure = _secure_logins(stack, policy, others)
    agents = secure.agents if secure else _agents(options.data, policy, others)
    processes = fleet(
        options.data.resolve(),
        kafka,
        postgres,
        options.simulator_port,
        tiers,
        opinion=opinion,
        review=_asks_people(policy),
        gateway=True,
        secure=secure,
        policy=policy_file,
        agents=agents,
        together=secure is None and not options.separate,
    )
    if (elsewhere := gateway_elsewhere(processes)) is not None:
        tell.warn(elsewhere)
    leave_settings(options.data, processes, postgres, secure)
    # All but the audit wait for Kafka, so their libraries load while it starts. In a secure stack they start
    # later, when their logins exist.
    early = [service for service in processes if secure is None and service.name != "audit"]
    try:
        _start(early, stack)
        stack.wait_ready()
        tell.say("both answer; the services get ready")
        asyncio.run(prepare(stack.kafka.settings, postgres, tiers, agents, secure))
        _start([service for service in processes if service not in early], stack)
        wait_ready(processes)
        interrupts.check()
        for process in processes:
            stack.running.note(process.pid)  # some may be new processes, on another port
        ready_s = time.time() - psutil.Process().create_time()
        tell.say(f"ready after {ready_s:.1f} s")
        reader = secure.postgres("operator") if secure else logins.reader(postgres)
        journey = Journey()
        if options.samples:
            journey = asyncio.run(
                travel(
                    secure.kafka("operator") if secure else stack.kafka.settings,
                    reader,
                    tiers,
                    tell=tell,
                    patience_s=options.patience_s,
                    sender=secure.sender if secure else None,
                )
            )
        places = {"Kafka": kafka, "Postgres": without_secrets(reader)} | {
            service.name: service.url for service in processes
        }
        say_how_they_did(journey, tell)
        tell.document(document(journey, places, ready_s))
        if options.once:
            return 1 if journey.missing else 0
        entries = load_agents(agents, tiers).entries
        say_what_next(
            journey,
            places,
            options.data,
            tell,
            trying=trying(entries, secure.key_place if secure else options.data / "gateway.key", secure),
            deciding=deciding(entries, secure),
        )
        _stay(stack, processes, tell, interrupts)
    finally:
        with undisturbed():
            tell.say_over("stopping")
            stop(processes)
    return 0


def _gives_opinions(policy: PolicyFile, tell: Narrator) -> bool:
    """Return whether the policy asks for second opinions and the libraries for them are installed."""
    if policy.score is None or policy.score.opinion is None:
        return False
    if find_spec("onnxruntime") is None:
        hint = "undecided jobs will wait: pip install 'pointsman[opinion]'"
        tell.say(f"the policy asks for second opinions, and nothing here gives them; {hint}", style="yellow")
        return False
    return True


def _asks_people(policy: PolicyFile) -> bool:
    """Return whether a job can need a person's decision."""
    agents = load_agents(Path(files()["POINTSMAN_AGENTS"]), policy.tiers, keys_follow=True).agents
    return policy.review is not None or any(agent.confidence for agent in agents)


def _asking(folder: Path) -> tuple[Path, list[AgentEntry]]:
    """Return the policy file in force and the agents to add: a sample reviewer, if both files are ours."""
    policy, agents = (Path(files()[f"POINTSMAN_{name}"]) for name in ("POLICY", "AGENTS"))
    return (with_review(folder.absolute()), [REVIEWER]) if asks(policy, agents) else (policy, [])


def _agents(folder: Path, policy: PolicyFile, others: Sequence[AgentEntry]) -> Path:
    """Return the file of agents in force in a stack without logins."""
    file = Path(files()["POINTSMAN_AGENTS"])
    return with_gateway(folder.absolute(), file, load_agents(file, policy.tiers).entries, others)


def _secure_logins(stack: Stack, policy: PolicyFile, others: Sequence[AgentEntry]) -> SecureLogins | None:
    if stack.security is None:
        return None
    return secure_logins(
        stack.security,
        stack.kafka.bootstrap,
        stack.postgres.dsn(),
        topics=Topics(),
        tiers=policy.tiers,
        agents=Path(files()["POINTSMAN_AGENTS"]),
        cascade=policy.cascade.tiers if policy.cascade else (),
        others=others,
    )


def _start(processes: Sequence[Process], stack: Stack) -> None:
    for process in processes:
        process.start()
        stack.running.note(process.pid)


def _stay(stack: Stack, processes: Sequence[Process], tell: Narrator, interrupts: Interrupts) -> None:
    while True:
        interrupts.check()
        time.sleep(0.5)
        stack.check()
        for process in restart_ended(processes):
            stack.running.note(process.pid)
            tell.say(f"{process.name} ended and was started again; its log: {process.log}", style="yellow")
