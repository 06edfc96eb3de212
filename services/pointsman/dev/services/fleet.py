"""Which services the dev stack runs, and what each of them is told."""

import os
from collections.abc import Sequence
from pathlib import Path

from pointsman import starter
from pointsman.dev.ports import LOOPBACK, free_port, is_free
from pointsman.dev.private_file import write_private
from pointsman.dev.servers.kafka import broker_at
from pointsman.dev.services import logins
from pointsman.dev.services.audit_key import audit_key
from pointsman.dev.services.processes import Process

#: Where services serve health and metrics, when these ports are free.
_FIRST_HTTP_PORT = 18081


def fleet(
    folder: Path,
    kafka: str,
    postgres: str,
    simulator_port: int,
    tiers: Sequence[str],
    *,
    opinion: bool = False,
) -> list[Process]:
    """The simulated provider, the router, a worker for each tier, the audit; `postgres` is the owner's.

    `opinion`: the process that gives second opinions too.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    key_file, public_key = audit_key(folder)
    provider = f"http://{LOOPBACK}:{simulator_port}"
    base = {
        **broker_at(kafka),
        "POINTSMAN_POSTGRES": logins.reader(postgres),
        "POINTSMAN_SIMULATOR": provider,
        "POINTSMAN_AUDIT_PUBLIC_KEY": public_key,
        "POINTSMAN_CLAIMS": (folder / "claims").absolute().as_uri(),
        "POINTSMAN_AUDIT_HEADS": (folder / "checkpoints").absolute().as_uri(),
        "POINTSMAN_HTTP_HOST": LOOPBACK,
        **files(),
    }
    simulator = Process(
        "simulator",
        ["run", "simulator", "--port", str(simulator_port)],
        base,
        logs / "simulator.log",
        provider,
        health="/_sim/stats",
    )
    commands = {"router": ["run", "router"]}
    commands |= {"opinion": ["run", "opinion"]} if opinion else {}
    commands |= {f"worker-{tier}": ["run", "worker", "--tier", tier] for tier in tiers}
    commands |= {"audit": ["run", "audit"]}
    services = []
    for place, (name, arguments) in enumerate(commands.items()):
        wanted = _FIRST_HTTP_PORT + place
        port = wanted if is_free(wanted) else free_port()
        environment = {**base, "POINTSMAN_HTTP_PORT": str(port)}
        if name == "audit":
            environment["POINTSMAN_POSTGRES_WRITER"] = logins.writer(postgres)
            environment["POINTSMAN_AUDIT_KEY_FILE"] = str(key_file)
        url = f"http://{LOOPBACK}:{port}"
        services.append(Process(name, arguments, environment, logs / f"{name}.log", url))
    return [simulator, *services]


def files() -> dict[str, str]:
    """Policy, agents and providers: the files that the environment names, else ours to begin with."""
    ours = {"POLICY": starter.POLICY, "AGENTS": starter.AGENTS, "PROVIDERS": starter.PROVIDERS}
    return {
        name: os.environ.get(name, str(file))
        for name, file in ((f"POINTSMAN_{our}", file) for our, file in ours.items())
    }


def leave_settings(folder: Path, processes: Sequence[Process], owner: str) -> None:
    """Write the addresses where the other commands look for them, in this folder's `settings.env`.

    They hold passwords, so only the user who started us may read them.

    `owner`: Postgres' address for those who change the schema.
    """
    left = {**processes[-1].environment, "POINTSMAN_POSTGRES_OWNER": owner}
    names = (
        "KAFKA", "POSTGRES", "POSTGRES_WRITER", "POSTGRES_OWNER", "SIMULATOR", "AUDIT_PUBLIC_KEY", "CLAIMS",
        "AUDIT_HEADS", "POLICY", "AGENTS", "PROVIDERS",
    )  # fmt: skip
    lines = [f"POINTSMAN_{name}={left[f'POINTSMAN_{name}']}" for name in names]
    write_private(folder / "settings.env", "\n".join(lines) + "\n")
