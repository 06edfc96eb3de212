"""Postgres can store every number that the intake accepts in jsonb."""

import random

import asyncpg
import pytest

from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.refused import RefusedError

pytestmark = pytest.mark.stack

EDGES = [
    "1e-16383", "1e-16384", "1.5e-16382", "1.5e-16383", "0e-16384", "0e131072", "0e9999999999", "1E308",
    "0e-9999999999", "1e-00016383", "18446744073709551615", "-9223372036854775808", "1e-400", "-0.0",
    "1" + "0" * 40_000 + "e-39900", "0." + "0" * 16_383, "0." + "0" * 16_384, "0." + "0" * 16_390 + "1e400",
]  # fmt: skip


def numbers(seed: int) -> list[str]:
    chance = random.Random(seed)

    def one() -> str:
        whole = str(chance.choice([0, 7, chance.getrandbits(60)]))
        part = "." + "0" * chance.choice([0, 3, 16_380, 16_384, 17_000]) + "1"
        power = chance.choice([0, 17, 300, 16_380, 16_384, 20_000, 10**7, 10**12]) + chance.randrange(5)
        exponent = f"{chance.choice('eE')}{chance.choice(['-', '+', ''])}{power}"
        sign = chance.choice(["", "-"])
        return sign + whole + chance.choice(["", part]) + chance.choice(["", exponent])

    return [one() for _ in range(400)]


async def test_every_accepted_number_can_be_stored(database: str) -> None:
    taken = []
    for number in [*EDGES, *numbers(1)]:
        try:
            parse_object(b'{"n": [%b]}' % number.encode())
        except RefusedError:
            continue
        taken.append(number)
    assert 50 < len(taken) < len(EDGES) + 350
    connection = await asyncpg.connect(database)
    try:
        for number in taken:
            await connection.fetchval("select ($1::text)::jsonb", f'{{"n": [{number}]}}')
    finally:
        await connection.close()
