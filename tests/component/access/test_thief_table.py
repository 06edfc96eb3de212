"""Every cell of the table of rights is tried on Kafka: permitted operations work, all others are refused."""

import time
from collections import Counter

import pytest

from tests.support.access.cells import OTHERS, Cell, cells
from tests.support.access.installation import Guarded
from tests.support.access.session import REFUSED, Session

pytestmark = [pytest.mark.stack, pytest.mark.slow]

#: The least number of cells.
CELLS = 1000


async def test_each_operation_is_permitted_or_refused_as_in_the_table(guarded: Guarded) -> None:
    wrong: list[str] = []
    tried: Counter[tuple[str, bool]] = Counter()
    began = time.monotonic()
    table = list(cells(guarded.access, await guarded.ids()))
    for user in guarded.access.users:
        async with Session(guarded.part(user)) as session:
            for cell in (cell for cell in table if cell.user == user):
                try:
                    code = await session.code(cell.request)
                except Exception as error:
                    raise AssertionError(f"{cell}: no answer that can be read") from error
                tried[cell.resource, cell.allowed] += 1
                if cell.allowed == (code in REFUSED):
                    wrong.append(
                        f"{cell}: {'allowed' if cell.allowed else 'refused'} by the table, code {code}"
                    )
    _print(table, tried, time.monotonic() - began)
    assert wrong == []
    assert len(table) >= CELLS


async def test_the_superuser_may_send_every_request(guarded: Guarded) -> None:
    """The superuser may send all requests that destroy nothing."""
    refused: list[str] = []
    async with Session(guarded.broker.admin) as session:
        for cell in cells(guarded.access, await guarded.ids()):
            harmless = cell.operation != "delete" and cell.resource != "cluster" and cell.name not in OTHERS
            if cell.user == guarded.access.users[0] and harmless:
                code = await session.code(cell.request)
                refused += [f"{cell}: code {code}"] if code in REFUSED else []
    assert refused == []


def _print(table: list[Cell], tried: Counter[tuple[str, bool]], seconds: float) -> None:
    """Prints what was tried, for `pytest -s`."""
    print(f"\n{len(table)} cells tried in {seconds:.1f} s")
    for (resource, may), count in sorted(tried.items()):
        print(f"  {count:5} {resource}: {'allowed' if may else 'refused'}, as the table says")
    for user in dict.fromkeys(cell.user for cell in table):
        held = [f"{cell.operation} {cell.name}" for cell in table if cell.user == user and cell.allowed]
        print(f"  {user} may: {', '.join(held)}")
