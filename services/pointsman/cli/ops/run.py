"""`pointsman run`: one service in the foreground, as a container or a supervisor starts it."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.cli.command import SettingsOf, command
from pointsman.cli.options import HttpPort, Kafka, Policy, PostgresWriter, Prefix, Providers

Tier = Annotated[
    str,
    typer.Option(
        metavar="TIER",
        envvar="POINTSMAN_TIER",
        help="The tier to serve; any number of processes may.",
    ),
]
Privacy = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="POINTSMAN_PRIVACY", help="privacy.yaml: what is masked or sealed."),
]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Run one service in the foreground.\n\n"
    "Options override the environment. SIGTERM and Ctrl-C shut the service down cleanly.",
)


def service(name: str, module: str, settings_class: str, purpose: str, **options: Any) -> None:
    """The command `name`: `run` of the module, with settings from what all have as options, and `options`."""
    of_all = {"kafka": Kafka, "prefix": Prefix}
    source = SettingsOf(f"pointsman.{settings_class}", **of_all, **options, http_port=HttpPort)

    def run(*, settings: Annotated[Any, source]) -> int:
        code: int = import_module(f"pointsman.{module}").run(settings)
        return code

    app.command(name, help=purpose)(command(run))


service(
    "router",
    "router.app",
    "router.settings:RouterSettings",
    "Read the intake, choose a tier for each job, and send it there.",
    policy=Policy,
)
service(
    "opinion",
    "router.opinion.opinion_app",
    "router.settings:RouterSettings",
    "Decide the jobs that the router's score leaves undecided.\n\n"
    "For policies with an `opinion` in their `score` section. Needs the extra `opinion`. Any number of these "
    "processes may run.",
    policy=Policy,
)
service(
    "worker",
    "worker.app",
    "worker.settings:WorkerSettings",
    "Call providers for the jobs of one tier.",
    tier=Tier,
    providers=Providers,
)
service(
    "review",
    "review.app",
    "review.settings:ReviewSettings",
    "Keep the cases that wait for a person, and carry out what people decide.\n\n"
    "Any number of these processes may run; one works, the others stand by.",
)
service(
    "gateway",
    "gateway.app",
    "gateway.settings:GatewaySettings",
    "Answer applications by HTTP, as the APIs of OpenAI and Anthropic do.\n\n"
    "Any number of these processes may run. POINTSMAN_GATEWAY_KEY_FILE is the key that it signs with, "
    "POINTSMAN_GATEWAY_AGENT lets requests in without a key, for a first try.",
)
service(
    "audit",
    "audit.app",
    "audit.settings:AuditSettings",
    "Store every message of every topic in Postgres.",
    postgres_writer=PostgresWriter,
    privacy=Privacy,
)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def simulator(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 takes a free port.")] = 18080,
) -> None:
    """Simulate a provider: deterministic, with faults on request.

    `python -m pointsman.dev.simulator --help` lists further options (latency, faults); they work here too.
    """
    from pointsman.dev.simulator.__main__ import main

    main(["--host", host, "--port", str(port), *context.args])
