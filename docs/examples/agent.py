"""An agent with the client: submit a job, await its one outcome."""

import asyncio
from datetime import timedelta

from pointsman import Client
from pointsman_schemas.outcomes import JobCompleted


async def main() -> None:
    async with Client(agent_id="chat-desk") as client:
        outcome = await client.submit(
            prompt="Name three primes.", kind="chat", deadline=timedelta(seconds=30), temperature=0.2
        )
        if isinstance(outcome, JobCompleted):
            print(outcome.tier, outcome.cost_usd, outcome.response["choices"][0]["message"]["content"])
        else:
            print(outcome)


asyncio.run(main())
