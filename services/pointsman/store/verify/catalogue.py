"""Checks that views, functions, tables, triggers and grants are those that the migrations create.

Postgres versions print definitions differently, so no list is stored. Instead, the migrations are applied
again on the same server in a transaction that is rolled back, and both results are compared.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from hashlib import sha256
from typing import NamedTuple

import asyncpg

from pointsman.store.connect import Connection
from pointsman.store.roles import ALL
from pointsman.store.sql import migrations, query
from pointsman.store.verify.findings import Finding, Wrong

#: Errors of a query when a table or function was changed; the connection still works.
UNREADABLE = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.DataError,
    asyncpg.PLPGSQLError,
)

_SCHEMAS = ("audit", "claims")
#: Statements that do not work for temporary objects; their effect is checked by `_compared_roles`.
_LEFT_OUT = re.compile(
    r"^(?:create schema|comment on schema|grant usage on schema)\b[^;]*;", re.MULTILINE | re.IGNORECASE
)
_OF_SCHEMA = re.compile(r"\b(?:audit|claims)\.")
_ALL_OF_SCHEMA = re.compile(r"\bin schema audit\b")
_DEFAULTS = re.compile(r"\balter default privileges in schema audit\b")
_USAGE = re.compile(r"^grant usage on schema (\w+(?:, \w+)*) to (\w+(?:, \w+)*);", re.MULTILINE)
_TEMPORARY = re.compile(r"\bpg_temp(?:_\d+)?\.(\w*)")
_CLAIMS = frozenset(("payload", "put"))
_DAY = re.compile(r"\bmessage_\d{8}(?!\d)")
#: The example day, with which each real day is compared.
_EXAMPLE_DAY, _ONE_DAY = date(2000, 1, 1), timedelta(days=1)
_EXAMPLE = "message_20000101"
_EXAMPLE_WORDS = re.compile(rf"{_EXAMPLE}|{_EXAMPLE_DAY}|{_EXAMPLE_DAY + _ONE_DAY}")
_INDEX_NAME = re.compile(r"^(CREATE (?:UNIQUE )?INDEX) \S+")


class Thing(NamedTuple):
    """An object of a schema (view, function, column, ...) as the server prints it."""

    kind: str
    name: str
    definition: str
    foreign_owner: bool
    grants: str | None


#: Cache of what the migrations create, by server version and digest: the same for all databases of a server.
_made: dict[tuple[str, str], list[Thing]] = {}


async def differences(connection: Connection) -> list[Finding]:
    """Return a finding for each object that is missing, added or different from the migrations.

    Raises:
        asyncpg.PostgresError: a query failed.
    """
    findings = await _unlike_files(connection)
    try:
        expected = await _expected(connection)
    except asyncpg.PostgresError as error:
        reason = str(error).partition("\n")[0]
        return [*findings, _finding(f"definitions cannot be looked at without temporary objects: {reason}")]
    async with connection.transaction(readonly=True):
        await connection.execute("set local search_path = pg_catalog; set local timezone = 'UTC'")
        actual = await _things(connection, _SCHEMAS)
        role_rows = {tuple(row) for row in await connection.fetch(query("catalogue_roles"), list(ALL))}
    return [*findings, *_compared(expected, actual), *_compared_roles(role_rows)]


async def _unlike_files(connection: Connection) -> list[Finding]:
    applied = {row["name"]: row["sha256"] for row in await connection.fetch(query("migrations"))}
    files = {name: sha256(text.encode()).hexdigest() for name, text in migrations().items()}
    findings = []
    for name in sorted(files.keys() | applied.keys()):
        if name not in applied:
            findings.append(_finding(f"migration {name} is not on record: run `pointsman db migrate`"))
        elif name not in files:
            findings.append(
                _finding(f"migration {name} is none of ours: another version may have applied it")
            )
        elif files[name] != applied[name]:
            findings.append(_finding(f"migration {name} is on record with another digest"))
    return findings


async def _expected(connection: Connection) -> list[Thing]:
    texts = [query("migration_table"), *migrations().values()]
    key = (str(connection.get_server_version()), sha256("".join(texts).encode()).hexdigest())
    if key not in _made:
        _made[key] = await _make(connection, texts)
    return _made[key]


async def _make(connection: Connection, texts: Iterable[str]) -> list[Thing]:
    """Apply the migrations as temporary objects, read the result, and roll back."""
    trial = connection.transaction()
    await trial.start()
    try:
        await connection.execute("set transaction read write")
        # The schemas come before pg_temp, so that the names of temporary relations are printed qualified.
        await connection.execute("set local search_path = audit, claims, pg_temp; set local timezone = 'UTC'")
        for text in texts:
            await connection.execute(_as_temporary(text))
        await connection.execute(f"select pg_temp.ensure_days('{_EXAMPLE_DAY}', '{_EXAMPLE_DAY}')")
        schema = await connection.fetchval("select pg_my_temp_schema()::regnamespace::text")
        return [thing._replace(foreign_owner=False) for thing in await _things(connection, [schema])]
    finally:
        await trial.rollback()


def _as_temporary(text: str) -> str:
    text = _DEFAULTS.sub("alter default privileges", _LEFT_OUT.sub("", text))
    text = _ALL_OF_SCHEMA.sub("in schema pg_temp", text)
    return _OF_SCHEMA.sub("pg_temp.", text.replace("create schema if not exists audit;", ""))


async def _things(connection: Connection, schemas: Iterable[str]) -> list[Thing]:
    rows = await connection.fetch(query("catalogue"), list(schemas))
    return [
        Thing(kind, _as_ours(name), _as_ours(definition), foreign_owner, grants)
        for kind, name, definition, foreign_owner, grants in rows
    ]


def _as_ours(text: str) -> str:
    """Replace temporary names by the names that they stand for."""
    return _TEMPORARY.sub(lambda name: f"{'claims' if name[1] in _CLAIMS else 'audit'}.{name[1]}", text)


def _compared(expected: list[Thing], actual: list[Thing]) -> Iterator[Finding]:
    example = [thing for thing in expected if _EXAMPLE in thing.name]
    days: dict[str, list[Thing]] = {}
    fixed: dict[tuple[str, str], Thing] = {}
    for thing in actual:
        if day := _DAY.search(thing.name):
            days.setdefault(day[0], []).append(thing)
        else:
            fixed[thing.kind, thing.name] = thing
        if thing.foreign_owner:
            yield _finding(f"the {thing.kind} {thing.name} belongs to another role than its schema")
    for thing in expected:
        if _EXAMPLE not in thing.name:
            yield from _differences(thing, fixed.pop((thing.kind, thing.name), None))
    for kind, name in fixed:
        yield _finding(f"the {kind} {name} is none that the migrations make")
    for name, things in sorted(days.items()):
        parts, template = _parts(things), _parts(_dated(example, name))
        if parts != template:
            kinds = ", ".join(sorted({kind for kind, *_ in (parts - template) + (template - parts)}))
            yield _finding(f"the table {name} is not as a day's table is made: {kinds}")


def _differences(expected: Thing, actual: Thing | None) -> Iterator[Finding]:
    if actual is None:
        yield _finding(f"the {expected.kind} {expected.name} is missing")
    elif actual.definition != expected.definition:
        yield _finding(f"the {expected.kind} {expected.name} is not what the migrations make")
    elif actual.grants != expected.grants:
        grants, declared = actual.grants or "nothing", expected.grants or "nothing"
        yield _finding(f"the {expected.kind} {expected.name} grants {grants}, the migrations {declared}")


def _parts(things: Iterable[Thing]) -> Counter[tuple[str, str, str, str | None]]:
    """Count the parts of a day's table, without the names of indexes, which Postgres chooses."""
    return Counter(
        (
            thing.kind,
            "" if thing.kind == "index" else thing.name,
            _INDEX_NAME.sub(r"\1", thing.definition),
            thing.grants,
        )
        for thing in things
    )


def _dated(example: Iterable[Thing], table: str) -> Iterator[Thing]:
    """Yield the example's parts renamed to another day's table; none if the name holds no valid day."""
    try:
        day = date.fromisoformat(table.rpartition("_")[2])
        day_after = day + _ONE_DAY
    except (ValueError, OverflowError):
        return
    words = {_EXAMPLE: table, str(_EXAMPLE_DAY): str(day), str(_EXAMPLE_DAY + _ONE_DAY): str(day_after)}
    for thing in example:
        definition = _EXAMPLE_WORDS.sub(lambda word: words[word[0]], thing.definition)
        yield thing._replace(name=thing.name.replace(_EXAMPLE, table), definition=definition)


def _compared_roles(actual: set[tuple[object, ...]]) -> Iterator[Finding]:
    """Compare schemas, default privileges and roles, which temporary objects cannot show."""
    expected: set[tuple[object, ...]] = {("default", "audit", "r pointsman_auditor=select")}
    for text in migrations().values():
        for schemas, roles in _USAGE.findall(text):
            expected |= {
                ("schema", schema, f"{role}=usage")
                for schema in schemas.split(", ")
                for role in roles.split(", ")
            }
    for kind, name, says in sorted(actual - expected, key=str):
        yield _finding(f"the {kind} {name}: {says}, which no migration makes")
    for kind, name, says in sorted(expected - actual, key=str):
        yield _finding(f"the {kind} {name}: {says} is missing")


def _finding(text: str) -> Finding:
    return Finding(Wrong.DEFINITION, text)
