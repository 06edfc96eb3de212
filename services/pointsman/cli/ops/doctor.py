"""`pointsman doctor`: everything a service needs, checked from where it would run."""

from pointsman.cli.command import command
from pointsman.cli.options import ClaimsSettings, Json, PolicySettings, ProvidersPath, RecordSettings, Workers


@command
async def doctor(
    *,
    as_json: Json = False,
    workers: Workers = "",
    router: PolicySettings,
    record: RecordSettings,
    worker: ProvidersPath,
    keeping: ClaimsSettings,
) -> int:
    """Check everything a service needs, with a fix for each failure.

    Run it on the machine, or in the container, where the service is to run. Exit 1 if anything is wrong.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.checks import files
    from pointsman.cli.checks.claims import claims as check_claims
    from pointsman.cli.checks.kafka import kafka as check_kafka
    from pointsman.cli.checks.limits import limits as check_limits
    from pointsman.cli.checks.limits import tiers as check_tiers
    from pointsman.cli.checks.native import native
    from pointsman.cli.checks.opinion import opinion as check_opinion
    from pointsman.cli.checks.postgres import postgres as check_postgres
    from pointsman.cli.checks.promise import promise as check_promise
    from pointsman.cli.checks.providers import providers as check_providers
    from pointsman.cli.checks.registry import registry as check_registry
    from pointsman.cli.checks.review import review as check_review
    from pointsman.cli.show.checkup import checkup
    from pointsman.runtime.clock import utc_now

    policy_found, policy_file = files.policy_file(router.policy)
    providers_found, providers_file = files.providers_file(worker.providers, policy_file)
    topics = list(router.topics.all(policy_file.tiers)) if policy_file else None
    kafka_found, postgres_found, claims_found, reached, believed, given = await asyncio.gather(
        check_kafka(router, topics),
        check_postgres(record.postgres, utc_now),
        check_claims(keeping),
        check_providers(providers_file),
        check_promise(router, router.topics, policy_file),
        check_opinion(router, router.opinion_group, policy_file),
    )
    held = await check_limits(router, router.topics)
    held += await check_tiers([url for url in workers.split(",") if url.strip()])
    registry = await check_registry(router, router.topics, router.registry_people)
    asked = await check_review(router, router.topics, policy_file, router.registry_people)
    servers = [*kafka_found, *postgres_found, claims_found]
    findings = [
        *servers,
        policy_found,
        *believed,
        *given,
        registry,
        *asked,
        native(),
        providers_found,
        *reached,
        *held,
    ]
    if as_json:
        screen.print_json(findings)
    else:
        screen.show(checkup(findings))
    return int(any(not finding.ok for finding in findings))
