"""`pointsman run`: run one service in the foreground, for a container or a supervisor."""

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.cli.command import SettingsOf, group
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

app = group(
    "Run services in the foreground.\n\n"
    "Options override the environment. SIGTERM and Ctrl-C shut the service down cleanly."
)


#: Module and settings class of each service, by command name.
_SERVICES: dict[str, tuple[str, str]] = {}
#: Services that can share a process. The gateway and the audit cannot, as they hold keys.
_SHARED = ("router", "opinion", "worker", "review")


def service(name: str, module: str, settings_class: str, purpose: str, **options: Any) -> None:
    """Add the command `name`: it serves what the module builds, with common options and `options`."""
    of_all = {"kafka": Kafka, "prefix": Prefix}
    source = SettingsOf(f"pointsman.{settings_class}", **of_all, **options, http_port=HttpPort)

    def run(*, settings: Annotated[Any, source]) -> int:
        from pointsman.bus.host import serve
        from pointsman.runtime import logging

        logging.configure()
        return serve(import_module(f"pointsman.{module}").build(settings), settings)

    app.command(name, help=purpose)(run)
    _SERVICES[name] = (module, settings_class)


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


@app.command("together")
def run_together(
    names: Annotated[
        list[str],
        typer.Argument(metavar="SERVICE...", help="Of router, opinion, review and worker-TIER, each once."),
    ],
    *,
    kafka: Kafka = None,
    prefix: Prefix = None,
    policy: Policy = None,
    providers: Providers = None,
    http_port: HttpPort = None,
) -> int:
    """Run several services in one process, as small installations do.

    They need less memory than apart, and fewer transactions. They share a login and a processor, and end
    together: run apart what must scale, or have rights, by itself.

    Example: pointsman run together router worker-small worker-medium
    """
    from pointsman.bus.host import serve
    from pointsman.bus.produce.shared_transactions import SharedTransactions
    from pointsman.bus.together import together
    from pointsman.cli.settings import load
    from pointsman.runtime import logging

    flags = {
        "kafka": kafka,
        "prefix": prefix,
        "policy": policy,
        "providers": providers,
        "http_port": http_port,
    }
    loaded = []
    for name in names:
        kind, _, tier = name.partition("-")
        if kind not in _SHARED or (kind == "worker") != bool(tier):
            raise typer.BadParameter(f"{name!r} is not one of router, opinion, review, worker-TIER")
        if names.count(name) > 1:
            raise typer.BadParameter(f"{name} is named more than once")
        module, path = _SERVICES[kind]
        of_module, _, settings_class = path.partition(":")
        fields = getattr(import_module(f"pointsman.{of_module}"), settings_class)
        own = {flag: value for flag, value in flags.items() if flag in fields.model_fields}
        loaded.append((module, load(fields, **own, **({"tier": tier} if tier else {}))))
    logging.configure()
    transactions = SharedTransactions(loaded[0][1])
    services = [
        import_module(f"pointsman.{module}").build(settings, transactions=transactions)
        for module, settings in loaded
    ]
    return serve(together(services), loaded[0][1])


@app.command()
def simulator(
    *,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 takes a free port.")] = 18080,
    latency: Annotated[
        list[str] | None, typer.Option(metavar="TIER=MS", help="Median time to answer; or MODEL=MS.")
    ] = None,
    jitter: Annotated[
        float | None, typer.Option(metavar="SIGMA", help="Sigma of the lognormal latency; default: 0.2.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="Requests kept for GET /_sim/requests; default: 200.")
    ] = None,
    fault: Annotated[list[str] | None, typer.Option(metavar="JSON", help="A rule; may be repeated.")] = None,
    faults_file: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A JSON list of rules.")
    ] = None,
) -> None:
    """Simulate a provider (OpenAI, Azure, Anthropic, Google): deterministic, with faults on request.

    A rule is such as {"every": 10, "effect": {"kind": "rate_limit"}}.
    """
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
