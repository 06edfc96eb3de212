"""The services that the dev stack runs, and the settings of each."""

import os
from collections.abc import Mapping, Sequence
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

#: First port for health and metrics; an occupied port is replaced by any free one.
_FIRST_HTTP_PORT = 18081
#: Name of the process that the router, the workers and the review can share.
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
    """Return the processes: simulated provider, router, one worker per tier, audit.

    `postgres`: the owner's address.
    `opinion`, `review` and `gateway` add the services for second opinions, for cases that wait for a person,
    and for HTTP applications. With `secure` each service has its own login. `policy` and `agents` are the
    files in force, `agents` only without `secure`. `together` runs router, workers and review in one process,
    named SHARED.
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
    workers = {f"worker-{tier}": ["run", "worker", "--tier", tier] for tier in tiers}
    commands = {"router": ["run", "router"], **workers}
    commands |= {"review": ["run", "review"]} if review else {}
    if together:
        commands = {SHARED: ["run", "together", *commands]}
    commands |= {"opinion": ["run", "opinion"]} if opinion else {}
    commands |= {"gateway": ["run", "gateway"]} if gateway else {}
    commands |= {"audit": ["run", "audit"]}
    services = [simulator(simulator_port, base, logs)]
    ports = ports_of(list(commands))
    for name, arguments in commands.items():
        if secure is not None:
            own = {"POINTSMAN_AGENTS": str(secure.agents)} | secure.environment(name.replace("-", ".", 1))
        else:
            own = _open(kafka, postgres, name)
        environment = {**base, **own}
        if name == "audit":
            environment["POINTSMAN_AUDIT_KEY_FILE"] = str(key_file)
        services.append(Process(name, arguments, environment, logs / f"{name}.log"))
        services[-1].listen(ports[name])
    return services


def simulator(port: int, environment: Mapping[str, str], logs: Path) -> Process:
    """Return the simulated provider; its settings are in the `environment`."""
    arguments = ["run", "simulator", "--port", str(port)]
    url = f"http://{LOOPBACK}:{port}"
    return Process("simulator", arguments, environment, logs / "simulator.log", url, health="/_sim/stats")


def ports_of(names: Sequence[str]) -> dict[str, int]:
    """Return the HTTP port of each process: consecutive, except the gateway's; another if it is taken."""
    ports: dict[str, int] = {}
    following = (port for port in count(_FIRST_HTTP_PORT) if port != GATEWAY_PORT)
    for name in names:
        place = next(following)
        preferred_port = GATEWAY_PORT if name == "gateway" else place
        ports[name] = preferred_port if is_free(preferred_port) else free_port()
    return ports


def gateway_elsewhere(processes: Sequence[Process]) -> str | None:
    """Return a warning if the gateway does not listen on its usual port, else None."""
    url = next(process.url for process in processes if process.name == "gateway")
    taken = f"port {GATEWAY_PORT} is in use: the gateway listens on {url}"
    return None if url.endswith(f":{GATEWAY_PORT}") else taken


def _open(kafka: str, postgres: str, name: str) -> dict[str, str]:
    """Return the connection settings of a service in a stack without logins."""
    own = {**broker_at(kafka), "POINTSMAN_POSTGRES": logins.reader(postgres)}
    if name == "audit":
        own["POINTSMAN_POSTGRES_WRITER"] = logins.writer(postgres)
    if name == "gateway":
        own["POINTSMAN_GATEWAY_AGENT"] = APP
    return own


def files() -> dict[str, str]:
    """Return the files for policy, agents and providers: those in the environment, else the starter files."""
    ours = {"POLICY": starter.POLICY, "AGENTS": starter.AGENTS, "PROVIDERS": starter.PROVIDERS}
    return {
        name: os.environ.get(name, str(file))
        for name, file in ((f"POINTSMAN_{our}", file) for our, file in ours.items())
    }


def leave_settings(
    folder: Path, processes: Sequence[Process], owner: str, secure: SecureLogins | None = None
) -> None:
    """Write `settings.env` into the folder, where the other commands find their settings.

    It holds passwords, so only the user who started the stack can read it. In a secure stack it has the
    operator's rights; every other principal, such as the one that changes the schema, has its own file.
    `owner` is the address of the Postgres owner.
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
    """Return the file of the audit's private key, which is created if missing, and the public key as text.

    Raises:
        KeyUnreadableError: the file does not hold a key.
    """
    file = kept_private(folder / "audit-key.pem", lambda: PrivateKey.generate().pem)
    return file, PrivateKey.parse(file.read_text()).public.text
