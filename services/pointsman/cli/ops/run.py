"""`pointsman run`: one service in the foreground, as a container or a supervisor starts it."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.options import HttpPort, Kafka, Policy, PostgresWriter, Prefix, Providers

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Run one service in the foreground.\n\n"
    "Options override the environment. SIGTERM and Ctrl-C shut the service down cleanly.",
)


@app.command()
def router(
    *,
    kafka: Kafka = None,
    prefix: Prefix = None,
    policy: Policy = None,
    http_port: HttpPort = None,
) -> None:
    """Read the intake, choose a tier for each job, and send it there."""
    from pointsman.cli.settings import load
    from pointsman.router.app import run
    from pointsman.router.settings import RouterSettings

    flags = {"kafka": kafka, "prefix": prefix, "policy": policy, "http_port": http_port}
    raise typer.Exit(run(load(RouterSettings, **flags)))


@app.command()
def opinion(
    *,
    kafka: Kafka = None,
    prefix: Prefix = None,
    policy: Policy = None,
    http_port: HttpPort = None,
) -> None:
    """Decide the jobs that the router's score leaves undecided.

    For policies with an `opinion` in their `score` section. Needs the extra `opinion`. Any number of these
    processes may run.
    """
    from pointsman.cli.settings import load
    from pointsman.router.opinion.opinion_app import run
    from pointsman.router.settings import RouterSettings

    flags = {"kafka": kafka, "prefix": prefix, "policy": policy, "http_port": http_port}
    raise typer.Exit(run(load(RouterSettings, **flags)))


@app.command()
def worker(
    *,
    tier: Annotated[
        str,
        typer.Option(
            metavar="TIER", envvar="POINTSMAN_TIER", help="The tier to serve; any number of processes may."
        ),
    ],
    kafka: Kafka = None,
    prefix: Prefix = None,
    providers: Providers = None,
    http_port: HttpPort = None,
) -> None:
    """Call providers for the jobs of one tier."""
    from pointsman.cli.settings import load
    from pointsman.worker.app import run
    from pointsman.worker.settings import WorkerSettings

    flags = {"kafka": kafka, "prefix": prefix, "providers": providers, "http_port": http_port}
    raise typer.Exit(run(load(WorkerSettings, tier=tier, **flags)))


@app.command()
def review(
    *,
    kafka: Kafka = None,
    prefix: Prefix = None,
    http_port: HttpPort = None,
) -> None:
    """Keep the cases that wait for a person, and carry out what people decide.

    Any number of these processes may run; one works, the others stand by.
    """
    from pointsman.cli.settings import load
    from pointsman.review.app import run
    from pointsman.review.settings import ReviewSettings

    flags = {"kafka": kafka, "prefix": prefix, "http_port": http_port}
    raise typer.Exit(run(load(ReviewSettings, **flags)))


@app.command()
def gateway(
    *,
    kafka: Kafka = None,
    prefix: Prefix = None,
    http_port: HttpPort = None,
) -> None:
    """Answer applications by HTTP, as the APIs of OpenAI and Anthropic do.

    Any number of these processes may run. POINTSMAN_GATEWAY_KEY_FILE is the key that it signs with,
    POINTSMAN_GATEWAY_AGENT lets requests in without a key, for a first try.
    """
    from pointsman.cli.settings import load
    from pointsman.gateway.app import run
    from pointsman.gateway.settings import GatewaySettings

    flags = {"kafka": kafka, "prefix": prefix, "http_port": http_port}
    raise typer.Exit(run(load(GatewaySettings, **flags)))


@app.command()
def audit(
    *,
    kafka: Kafka = None,
    prefix: Prefix = None,
    postgres: PostgresWriter = None,
    privacy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", envvar="POINTSMAN_PRIVACY", help="privacy.yaml: what is masked or sealed."
        ),
    ] = None,
    http_port: HttpPort = None,
) -> None:
    """Store every message of every topic in Postgres."""
    from pointsman.audit.app import run
    from pointsman.audit.settings import AuditSettings
    from pointsman.cli.settings import load

    flags = {"kafka": kafka, "prefix": prefix, "postgres_writer": postgres, "http_port": http_port}
    raise typer.Exit(run(load(AuditSettings, privacy=privacy, **flags)))


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
