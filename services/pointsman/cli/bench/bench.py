"""`pointsman bench`: the table of benchmarks, each in its own module."""

from pointsman.cli.lazy import lazy_group

COMMANDS = {
    "routing": "Measure what the learned score saves, and what quality it keeps.",
    "hop": "Measure how close the router comes to Kafka's own speed.",
    "worker": "Measure how many slow calls a worker keeps in flight, and the CPU time per job.",
    "tiers": "Measure whether a hanging tier disturbs the others, and a second worker doubles one.",
    "tenants": "Measure whether an agent far beyond its rate disturbs the others.",
    "journey": "Measure how long a job takes end to end, and its CPU time.",
    "whole": "Measure a job's whole path at the limit and at steady rates, beside what others do.",
    "gateway": "Measure what the gateway adds to a provider's answers, whole and streamed.",
    "soak": "Run steady load with random kills and freezes; check for loss, repeats and leaks.",
    "audit": "Measure how fast the audit stores rows, beside a plain COPY of the same rows.",
    "audit-load": "Fill an audit database with messages of realistic size, to measure its queries.",
    "audit-query": "Run every query that the audit database lists, and show how long each took.",
}

app = lazy_group("pointsman.cli.bench", COMMANDS)


@app.callback()
def bench() -> None:
    """Measure what this machine can do, each figure beside the raw limit or a peer.

    Run nothing else meanwhile: it would distort the figures.
    """
