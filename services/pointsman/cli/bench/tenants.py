"""`pointsman bench tenants`: the effect of one noisy agent on the others."""

from typing import Annotated, Literal

import typer

from pointsman.cli.options import Json


def tenants(
    *,
    rate: Annotated[float, typer.Option(metavar="N", min=1, help="Jobs a second of the others.")] = 20,
    seconds: Annotated[float, typer.Option(metavar="S", min=1, help="How long each part lasts.")] = 20,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="How often, in turn.")] = 3,
    over_rate: Annotated[
        Literal["wait", "reject"], typer.Option(help="What becomes of jobs beyond the noisy one's rate.")
    ] = "wait",
    changes: Annotated[
        int, typer.Option(metavar="N", min=2, help="How often an agent is suspended, and resumed.")
    ] = 20,
    secure: Annotated[
        bool, typer.Option("--secure", help="With TLS, logins, quotas and signatures, as in `dev --secure`.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure whether an agent that sends 100 times its rate disturbs the others on the same tier.

    And how long it takes from a suspension until the agent's jobs are refused. A broker, a database and every
    service are started for this and taken away again. Without --secure the broker has no logins, so its
    quotas are not part of it: what is seen is what the workers do.
    """
    from pointsman.bench.tenants import TenantsLoad, run, tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    report = run(TenantsLoad(rate, seconds, rounds, over_rate, changes, secure), screen.note)
    print_report(report, tables, as_json=as_json)
