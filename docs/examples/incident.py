"""A real incident on the dev stack: after ten good jobs of each agent, a model fails for one of them."""

import asyncio
import json
import os
import urllib.request
from typing import Any

from pointsman import Client

SIMULATOR = os.environ.get("POINTSMAN_SIMULATOR", "http://127.0.0.1:18080")
FAULT = {"model": "small", "agent": "invoice-reader", "effect": {"kind": "server_error", "status": 503}}
AGENTS = {
    "invoice-reader": {
        "kind": "classify",
        "prompt": "Invoice, reminder or credit note? Document {}: Please pay within 14 days.",
    },
    "chat-desk": {"kind": "chat", "prompt": "When do you open on day {} of the month?"},
    "math-tutor": {"kind": "math", "prompt": "How many legs have {} spiders?"},
    # Not of kind `contract`: on the dev stack some of those wait for a person.
    "contract-reviewer": {
        "kind": "clause",
        "tier": "frontier",
        "prompt": "Review clause {}: The supplier is liable for intent only.",
    },
}


async def main() -> None:
    async with Client() as client:
        await do(client, "all is well", range(10))
        await asyncio.sleep(3)  # an incident has a time before it
        faults("POST", [FAULT])
        await do(client, "the small model fails for invoice-reader", range(10, 20))
        faults("DELETE")
        await do(client, "mended", range(20, 25))


async def do(client: Client, what: str, numbers: range) -> None:
    """Publish a job of each agent for each number, and await all outcomes."""
    jobs = [
        {"agent_id": agent, **fields, "prompt": fields["prompt"].format(number)}
        for number in numbers
        for agent, fields in AGENTS.items()
    ]
    ids = await client.publish_many(jobs)
    ended = [type(outcome).__name__ async for outcome in client.outcomes(ids)]
    print(f"{what}: {len(ended)} jobs, {ended.count('JobFailed')} of them failed")


def faults(method: str, rules: Any = None) -> None:
    """Order the simulated provider's faults."""
    body = None if rules is None else json.dumps(rules).encode()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
    direct.open(urllib.request.Request(f"{SIMULATOR}/_sim/faults", body, method=method)).close()


asyncio.run(main())
