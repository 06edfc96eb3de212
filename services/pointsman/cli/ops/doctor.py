"""`pointsman doctor`: check everything that a service needs, on the machine where it is to run."""

import asyncio

from pointsman.cli.options import ClaimsSettings, Json, PolicySettings, ProvidersPath, RecordSettings, Workers
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


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
    from pointsman.cli.checks import files, limits, policy
    from pointsman.cli.checks.claims import claims
    from pointsman.cli.checks.finding import checkup
    from pointsman.cli.checks.kafka import kafka
    from pointsman.cli.checks.postgres import postgres
    from pointsman.cli.checks.providers import providers

    policy_found, policy_file = files.policy_file(router.policy)
    providers_found, providers_file = files.providers_file(worker.providers, policy_file)
    topics, people = router.topics, router.registry_people
    servers, database, claims_found, reached, score, opinion = await asyncio.gather(
        kafka(router, list(topics.all(policy_file.tiers)) if policy_file else None),
        postgres(record.postgres, utc_now),
        claims(keeping),
        providers(providers_file),
        policy.score(router, topics, policy_file),
        policy.opinion(router, router.opinion_group, policy_file),
    )
    results = await limits.limits(router, topics)
    results += await limits.tiers([url for url in workers.split(",") if url.strip()])
    agents = await policy.registry(router, topics, people)
    people_asked = await policy.review(router, topics, policy_file, people)
    findings = [*servers, *database, claims_found, policy_found, *score, *opinion, agents, *people_asked]
    findings += [files.native(), providers_found, *reached, *results]
    screen.report(findings, checkup(findings), as_json=as_json)
    return int(any(not finding.ok for finding in findings))
