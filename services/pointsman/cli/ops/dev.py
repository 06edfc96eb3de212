"""`pointsman dev`: run everything on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.options import Json


def dev(
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the data first.")] = False,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="End after the sample jobs; exit 0 only if each has its outcome and rows."
        ),
    ] = False,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Where Kafka and Postgres keep their data.")
    ] = Path(".pointsman"),
    kafka_port: Annotated[
        int, typer.Option(metavar="PORT", min=1, max=65535, help="Where Kafka listens.")
    ] = 19092,
    postgres_port: Annotated[
        int, typer.Option(metavar="PORT", min=1, max=65535, help="Where Postgres listens.")
    ] = 15432,
    simulator_port: Annotated[
        int, typer.Option(metavar="PORT", min=1, max=65535, help="Where the simulated provider listens.")
    ] = 18080,
    no_samples: Annotated[bool, typer.Option("--no-samples", help="Publish no sample jobs.")] = False,
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long the sample jobs may take.")
    ] = 120.0,
    secure: Annotated[
        bool, typer.Option("--secure", help="TLS, logins with minimal rights, signed jobs.")
    ] = False,
    separate: Annotated[
        bool, typer.Option("--separate", help="A process for each service, as --secure has them.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Start everything on this machine and watch sample jobs pass through it.

    A real Kafka, a real Postgres, a simulated provider, the router, one worker per tier and the audit.
    Ctrl-C stops what was started and keeps the data.
    """
    from pointsman.dev.run import DevOptions, run

    options = DevOptions(
        data=data,
        fresh=fresh,
        once=once,
        samples=not no_samples,
        kafka_port=kafka_port,
        postgres_port=postgres_port,
        simulator_port=simulator_port,
        patience_s=patience,
        json=as_json,
        secure=secure,
        separate=separate,
    )
    return run(options)
