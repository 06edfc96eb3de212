"""Which services the dev stack runs, and what each of them is told."""

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from pointsman import starter
from pointsman.dev.ports import LOOPBACK, free_port, is_free
from pointsman.dev.servers.kafka import broker_at
from pointsman.dev.services import logins
from pointsman.dev.services.gateway_agents import APP
from pointsman.dev.services.processes import Process
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.private_file import kept_private, write_private

#: Where services serve health and metrics, when these ports are free.
_FIRST_HTTP_PORT = 18081
#: The process of the router, the workers and the review, where they share one.
SHARED = "services"
#: Where applications reach the gateway.
GATEWAY_PORT = 18088


def fleet(
    folder: Path,
    kafka: str,
    postgres: str,
    simulator_port: int,
    tiers: Sequence[str],
    *,
    opinion: bool = False,
    review: bool = False,
    gateway: bool = False,
    secure: SecureLogins | None = None,
    policy: Path | None = None,
    agents: Path | None = None,
    together: bool = False,
) -> list[Process]:
    """The simulated provider, the router, a worker for each tier, the audit; `postgres` is the owner's.

    `opinion`: the process that gives second opinions too; `review`: the one that keeps the cases which wait
    for a person; `gateway`: the one that applications call. `secure`: each logs in as itself. `policy`,
    `agents`: the files that hold, `agents` where everybody may. `together`: those that can share a process
    do, but for the one that gives opinions; its name is SHARED.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    key_file, public_key = audit_key(folder)
    provider = f"http://{LOOPBACK}:{simulator_port}"
    base = {
        "POINTSMAN_SIMULATOR": provider,
        "POINTSMAN_AUDIT_PUBLIC_KEY": public_key,
        "POINTSMAN_CLAIMS": (folder / "claims").absolute().as_uri(),
        "POINTSMAN_AUDIT_HEADS": (folder / "checkpoints").absolute().as_uri(),
        "POINTSMAN_HTTP_HOST": LOOPBACK,
        **files(),
    }
    named = {"POINTSMAN_POLICY": policy, "POINTSMAN_AGENTS": agents}
    base |= {name: str(file) for name, file in named.items() if file is not None}
    simulator = Process(
        "simulator",
        ["run", "simulator", "--port", str(simulator_port)],
        base,
        logs / "simulator.log",
        provider,
        health="/_sim/stats",
    )
    workers = {f"worker-{tier}": ["run", "worker", "--tier", tier] for tier in tiers}
    commands = {"router": ["run", "router"], **workers}
    commands |= {"review": ["run", "review"]} if review else {}
    if together:
        commands = {SHARED: ["run", "together", *commands]}
    commands |= {"opinion": ["run", "opinion"]} if opinion else {}
    commands |= {"gateway": ["run", "gateway"]} if gateway else {}
    commands |= {"audit": ["run", "audit"]}
    services = []
    ports = ports_of(list(commands))
    for name, arguments in commands.items():
        port = ports[name]
        if secure is not None:
            own = {"POINTSMAN_AGENTS": str(secure.agents)} | secure.environment(name.replace("-", ".", 1))
        else:
            own = _open(kafka, postgres, name)
        environment = {**base, **own, "POINTSMAN_HTTP_PORT": str(port)}
        if name == "audit":
            environment["POINTSMAN_AUDIT_KEY_FILE"] = str(key_file)
        url = f"http://{LOOPBACK}:{port}"
        services.append(Process(name, arguments, environment, logs / f"{name}.log", url))
    return [simulator, *services]


def ports_of(names: Sequence[str]) -> dict[str, int]:
    """Where each serves HTTP: one after the other, but for the gateway; anywhere, where that is taken."""
    ports: dict[str, int] = {}
    following = (port for port in count(_FIRST_HTTP_PORT) if port != GATEWAY_PORT)
    for name in names:
        place = next(following)
        wanted = GATEWAY_PORT if name == "gateway" else place
        ports[name] = wanted if is_free(wanted) else free_port()
    return ports


def _open(kafka: str, postgres: str, name: str) -> dict[str, str]:
    """How a service gets in where everybody may."""
    own = {**broker_at(kafka), "POINTSMAN_POSTGRES": logins.reader(postgres)}
    if name == "audit":
        own["POINTSMAN_POSTGRES_WRITER"] = logins.writer(postgres)
    if name == "gateway":
        own["POINTSMAN_GATEWAY_AGENT"] = APP
    return own


def files() -> dict[str, str]:
    """Policy, agents and providers: the files that the environment names, else ours to begin with."""
    ours = {"POLICY": starter.POLICY, "AGENTS": starter.AGENTS, "PROVIDERS": starter.PROVIDERS}
    return {
        name: os.environ.get(name, str(file))
        for name, file in ((f"POINTSMAN_{our}", file) for our, file in ours.items())
    }


def leave_settings(
    folder: Path, processes: Sequence[Process], owner: str, secure: SecureLogins | None = None
) -> None:
    """Write what the other commands need where they look for it, in this folder's `settings.env`.

    It holds passwords, so only the user who started us may read it. In a secure stack it is what its operator
    may have; what others may, who changes the schema for one, is in a file for each.

    `owner`: Postgres' address for those who change the schema.
    """
    environment = processes[-1].environment
    names = ("SIMULATOR", "AUDIT_PUBLIC_KEY", "CLAIMS", "AUDIT_HEADS", "POLICY", "AGENTS", "PROVIDERS")
    settings = {f"POINTSMAN_{name}": environment[f"POINTSMAN_{name}"] for name in names}
    if secure is not None:
        secure.leave(settings)
        settings = {name: value for name, value in secure.environment("operator").items() if value} | settings
    else:
        addresses = ("KAFKA", "POSTGRES", "POSTGRES_WRITER")
        own = {f"POINTSMAN_{name}": environment[f"POINTSMAN_{name}"] for name in addresses}
        settings = own | {"POINTSMAN_POSTGRES_OWNER": owner} | settings
    write_private(folder / "settings.env", "".join(f"{name}={value}\n" for name, value in settings.items()))


def audit_key(folder: Path) -> tuple[Path, str]:
    """The file of the private key, made where it is missing, and the public key as text.

    Raises:
        KeyUnreadableError: somebody put something else there.
    """
    file = kept_private(folder / "audit-key.pem", lambda: PrivateKey.generate().pem)
    return file, PrivateKey.parse(file.read_text()).public.text
