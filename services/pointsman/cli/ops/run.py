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


@app.command()
def simulator(
    *,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 takes a free port.")] = 18080,
    latency: Annotated[
        list[str] | None, typer.Option(metavar="TIER=MS", help="Median time to answer; or MODEL=MS.")
    ] = None,
    jitter: Annotated[
        float | None, typer.Option(metavar="SIGMA", help="Of the latency's lognormal; 0.2 if left out.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="Last requests kept for GET /_sim/requests: 200.")
    ] = None,
    fault: Annotated[list[str] | None, typer.Option(metavar="JSON", help="A rule; may be repeated.")] = None,
    faults_file: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A JSON list of rules.")
    ] = None,
) -> None:
    """Simulate a provider (OpenAI, Azure, Anthropic, Google): deterministic, with faults on request.

    A rule is such as {"every": 10, "effect": {"kind": "rate_limit"}}.
    """
    import json

    from pointsman.cli.settings import load
    from pointsman.dev.simulator.app import run
    from pointsman.dev.simulator.settings import SimulatorSettings

    try:
        times = {name: float(ms) for name, _, ms in (text.partition("=") for text in latency or ())}
        rules = [json.loads(text) for text in fault or ()]
        rules += json.loads(faults_file.read_bytes()) if faults_file is not None else ()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    flags = {"http_host": host, "http_port": port, "jitter": jitter, "keep": keep}
    run(load(SimulatorSettings, **flags, latency_ms=times, faults=rules))
