"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.command import SettingsOf

if TYPE_CHECKING:
    from pointsman.claims.settings import ClaimsPart
    from pointsman.cli.agents.planning import AgentsSettings
    from pointsman.cli.settings import CliSettings
    from pointsman.router.settings import RouterSettings
    from pointsman.store.settings import EraserPart, OwnerPart
    from pointsman.worker.settings import WorkerSettings

Kafka = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", envvar="POINTSMAN_KAFKA", help="Bootstrap servers, comma separated."),
]
Prefix = Annotated[
    str | None,
    typer.Option(metavar="NAME", envvar="POINTSMAN_PREFIX", help="First part of every topic's name."),
]
Postgres = Annotated[
    str | None,
    typer.Option(metavar="DSN", envvar="POINTSMAN_POSTGRES", help="Address of the audit database."),
]


def _postgres_of(user: str, login: str) -> Any:
    """Return the option for the database address with which this user logs in."""
    option = typer.Option(
        "--postgres",
        metavar="DSN",
        envvar=[f"POINTSMAN_POSTGRES_{user}", "POINTSMAN_POSTGRES"],
        help=f"Address of the audit database, for {login}.",
    )
    return Annotated[str | None, option]


PostgresWriter = _postgres_of("WRITER", "a user who may add rows")
Workers = Annotated[
    str,
    typer.Option(
        metavar="URL,...",
        envvar="POINTSMAN_WORKERS",
        help="Where workers serve health and metrics; adds what holds each tier back.",
    ),
]
Claims = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="POINTSMAN_CLAIMS",
        help="Where large values are kept: file:///FOLDER, postgresql://... or s3://BUCKET/PREFIX.",
    ),
]
Policy = Annotated[
    Path | None, typer.Option(metavar="FILE", envvar="POINTSMAN_POLICY", help="policy.yaml: tiers and rules.")
]
Agents = Annotated[
    Path | None, typer.Option(metavar="FILE", envvar="POINTSMAN_AGENTS", help="agents.yaml: who may do what.")
]
Providers = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="POINTSMAN_PROVIDERS", help="providers.yaml: models and prices."),
]
HttpPort = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        envvar="POINTSMAN_HTTP_PORT",
        help="Where /healthz, /readyz and /metrics are served; 0 takes a free port.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="POINTSMAN_KEY_FILE",
        help="The agent's private key (Ed25519: PEM, or 64 hexadecimal digits): signs what is sent.",
    ),
]
Job = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, or the first or last characters of it.")]
AgentName = Annotated[str, typer.Argument(metavar="AGENT", help="An agent's id.")]
By = Annotated[
    str,
    typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Your id; default: the user of this machine."),
]
PersonKey = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        envvar="POINTSMAN_REGISTRY_KEY_FILE",
        help="Your private key, where changes of the registry must be signed (POINTSMAN_REGISTRY_KEYS).",
    ),
]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit 1 if there is something to do.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="The reason; it is recorded.")]

_CLI, _ROUTER = "pointsman.cli.settings:CliSettings", "pointsman.router.settings:RouterSettings"
#: The addresses of Kafka and Postgres.
Settings = Annotated["CliSettings", SettingsOf(_CLI, kafka=Kafka, prefix=Prefix, postgres=Postgres)]
#: The address of Kafka.
BusSettings = Annotated["CliSettings", SettingsOf(_CLI, kafka=Kafka, prefix=Prefix)]
#: The address of Postgres.
RecordSettings = Annotated["CliSettings", SettingsOf(_CLI, postgres=Postgres)]
#: The address of Kafka, and the policy, which names the tiers.
PolicySettings = Annotated["RouterSettings", SettingsOf(_ROUTER, kafka=Kafka, prefix=Prefix, policy=Policy)]
#: The address of Postgres with the login of the schema's owner.
OwnerSettings = Annotated[
    "OwnerPart",
    SettingsOf(
        "pointsman.store.settings:OwnerPart",
        postgres_owner=_postgres_of("OWNER", "the owner of its schema"),
    ),
]
#: The address of Postgres with a login that may erase.
EraserSettings = Annotated[
    "EraserPart",
    SettingsOf(
        "pointsman.store.settings:EraserPart", postgres_eraser=_postgres_of("ERASER", "a user who may erase")
    ),
]
#: The address of Kafka, and the files of agents and of the policy.
AgentsOptions = Annotated[
    "AgentsSettings",
    SettingsOf(
        "pointsman.cli.agents.planning:AgentsSettings",
        kafka=Kafka,
        prefix=Prefix,
        policy=Policy,
        agents=Agents,
    ),
]
#: The policy file.
PolicyPath = Annotated["RouterSettings", SettingsOf(_ROUTER, policy=Policy)]
#: The providers file.
ProvidersPath = Annotated[
    "WorkerSettings",
    SettingsOf("pointsman.worker.settings:WorkerSettings", tier="any", providers=Providers),
]
#: The store of large values.
ClaimsSettings = Annotated["ClaimsPart", SettingsOf("pointsman.claims.settings:ClaimsPart", claims=Claims)]
