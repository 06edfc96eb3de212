"""Runs SQL written by users, read-only."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import orjson

from pointsman.store.ask.reader_rights import refuse_more_than_reader
from pointsman.store.connect import Connection, connected, fetched, translated
from pointsman.store.errors import StoreError
from pointsman.store.sql import query
from pointsman.store.times import read_all_times

#: First words of statements that read. The transaction would refuse others with a less helpful error.
_READS = {"select", "with", "table", "values", "explain", "show"}
_LEADING = re.compile(r"\A(?:\s++|--[^\n]*+(?:\n|\Z)|/\*.*?\*/|\()*+(\w*)", re.DOTALL)
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Question:
    """A view or function and the question that it answers; `arguments` is None for a view."""

    name: str
    arguments: str | None
    question: str
    how: str | None
    example: str


class QuestionError(StoreError):
    """The query cannot be answered; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class QueryResult:
    """The result of a query, read page by page. `columns`: names in order; jsonb values are decoded."""

    def __init__(self, statement: Any, cursor: Any, text: str) -> None:
        attributes = statement.get_attributes()
        self.columns: tuple[str, ...] = tuple(attribute.name for attribute in attributes)
        self._json = [
            index for index, attribute in enumerate(attributes) if attribute.type.name in ("json", "jsonb")
        ]
        self._cursor = cursor
        self._text = text

    async def pages(self) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Yield all rows in pages of a few hundred.

        Raises:
            QuestionError, StoreUnavailableError: the query failed while rows were read.
        """
        with translated(), _explained(self._text):
            while page := await self._cursor.fetch(_PAGE):
                yield [self._row(row) for row in page]

    async def first(self, limit: int) -> tuple[list[tuple[Any, ...]], bool]:
        """Return at most `limit` rows (0: all), and whether there are more.

        Raises:
            QuestionError, StoreUnavailableError: the query failed while rows were read.
        """
        rows: list[tuple[Any, ...]] = []
        async for page in self.pages():
            rows += page
            if limit and len(rows) > limit:
                return rows[:limit], True
        return rows, False

    def _row(self, row: Sequence[Any]) -> tuple[Any, ...]:
        values = list(row)
        for index in self._json:
            if values[index] is not None:
                values[index] = _parsed(values[index])
        return tuple(values)


@asynccontextmanager
async def read_only_query(
    dsn: str, text: str, *arguments: Any, within: timedelta, by_user: bool = False
) -> AsyncIterator[QueryResult]:
    """Run one statement in a read-only transaction, as the auditor's role if the user is a member of it.

    `within`: time limit for connecting, and for the statement, which the server enforces. `by_user`: a user
    wrote the statement, so the login must have no rights beyond those of the auditor's role.

        Raises:
            QuestionError: the statement is not a query, has an error, is not allowed or timed out.
            TooMuchRightError: the login has more rights than a reader.
            StoreUnavailableError, StoreError: the database cannot be used.
    """
    word = _first_word(text)
    if word not in _READS:
        raise QuestionError(
            f"{word.upper() or 'nothing'} is not a query", "only statements that read are allowed: SELECT"
        )
    async with connected(dsn, within.total_seconds()) as connection, _read_only(connection, within):
        if by_user:
            with translated(dsn):
                await refuse_more_than_reader(connection)
        with translated(dsn):
            await read_all_times(connection)
        with translated(dsn), _explained(text):
            statement = await connection.prepare(text)
            cursor = await statement.cursor(*arguments)
        yield QueryResult(statement, cursor, text)


async def questions(dsn: str) -> list[Question]:
    """List the views and functions that answer questions, from the database's own comments.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    return [Question(**row) for row in await fetched(dsn, "questions")]


def _parsed(text: str) -> Any:
    """Parse JSON with numbers of any size; return the text if it is nested too deeply for Python."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text, parse_float=Decimal)
        except RecursionError:
            return text


def _first_word(text: str) -> str:
    match = _LEADING.match(text)
    return match.group(1).lower() if match else ""


@asynccontextmanager
async def _read_only(connection: Connection, within: timedelta) -> AsyncIterator[None]:
    transaction = connection.transaction(readonly=True)
    with translated():
        await transaction.start()
        await connection.execute(query("become_auditor"))
        milliseconds = str(max(1, round(within.total_seconds() * 1000)))
        await connection.execute("select set_config('statement_timeout', $1, true)", milliseconds)
    try:
        yield
    finally:
        if not connection.is_closed():
            await transaction.rollback()


@contextmanager
def _explained(text: str) -> Iterator[None]:
    """Turn the driver's errors about the query `text` into `QuestionError`, with the error's position."""
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise QuestionError(
            "the query timed out",
            "ask about a shorter time, or wait longer with --timeout",
        ) from error
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        raise  # the connection failed, not the query
    except (asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError) as error:
        raise QuestionError(str(error), "this connection is read-only: use SELECT") from error
    except asyncpg.PostgresSyntaxError as error:
        if "multiple commands" in str(error):  # the text names prepared statements, which users do not see
            raise QuestionError("more than one statement", "ask one thing at a time") from error
        raise QuestionError(_error_text(text, error), _advice(error)) from error
    except asyncpg.PostgresError as error:
        raise QuestionError(_error_text(text, error), _advice(error)) from error


def _error_text(text: str, error: asyncpg.PostgresError) -> str:
    message = str(error).partition("\n")[0]
    position = getattr(error, "position", None)
    if position is None:
        detail = getattr(error, "detail", None)
        return f"{message}: {detail}" if detail else message
    before = text[: int(position) - 1]
    line = text.split("\n")[before.count("\n")]
    column = len(before.rpartition("\n")[2])
    start = max(0, column - 60)
    return f"{message}\n  {line[start : start + 100]}\n  {' ' * (column - start)}^"


def _advice(error: asyncpg.PostgresError) -> str:
    hint = getattr(error, "hint", None) or ""
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedFunctionError):
        return "`pointsman sql --list` shows what there is" + (f"; {hint}" if hint else "")
    return hint
