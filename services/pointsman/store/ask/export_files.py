"""Writes rows to a file, page by page, as JSON lines or Parquet."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import orjson

from pointsman.runtime.errors import CommandError
from pointsman.store.ask.exporting import Column

Page = Sequence[Sequence[Any]]

#: Size in bytes at which a row group is written: the amount held in memory.
_GROUP_BYTES = 32 << 20


class JsonLines:
    """Writes one JSON object per row.

    `key` and `value` are text if they are UTF-8, else {"base64": ...}; other bytes are hexadecimal.
    """

    def __init__(self, columns: Sequence[Column], file: BinaryIO) -> None:
        self._columns = columns
        self._file = file

    def write(self, page: Page) -> None:
        for row in page:
            named = {
                column.name: _json(column, value) for column, value in zip(self._columns, row, strict=True)
            }
            self._file.write(orjson.dumps(named, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._file.flush()


class Parquet:
    """Writes typed columns: times in UTC, costs as decimals, bytes as bytes, JSON as text."""

    def __init__(self, columns: Sequence[Column], file: BinaryIO) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise CommandError(
                "Parquet needs pyarrow", 'pip install "pointsman[export]", or use --format jsonl'
            ) from error
        self._arrow = pyarrow
        kinds = {
            "int4": pyarrow.int32(), "int8": pyarrow.int64(), "float8": pyarrow.float64(),
            "numeric": pyarrow.decimal128(38, 18), "bytea": pyarrow.binary(), "bool": pyarrow.bool_(),
            "timestamptz": pyarrow.timestamp("us", tz="UTC"),
        }  # fmt: skip
        fields = [pyarrow.field(column.name, kinds.get(column.type, pyarrow.string())) for column in columns]
        self._schema = pyarrow.schema(fields)
        self._columns = columns
        self._file = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[list[Any]] = []
        self._size = 0

    def write(self, page: Page) -> None:
        for row in page:
            self._rows.append([_arrow(value) for value in row])
            self._size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if self._size > _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._file.close()

    def _flush(self) -> None:
        arrays = []
        for field, values in zip(self._schema, zip(*self._rows, strict=True), strict=True):
            try:
                arrays.append(self._arrow.array(values, field.type))
            except self._arrow.ArrowInvalid as error:
                raise CommandError(
                    f"column {field.name} does not fit: {error}", "use --format jsonl"
                ) from error
        self._file.write_batch(self._arrow.record_batch(arrays, schema=self._schema))
        self._rows, self._size = [], 0


WRITERS: dict[str, type[JsonLines] | type[Parquet]] = {"jsonl": JsonLines, "parquet": Parquet}


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears at `path` only when it is complete."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _json(column: Column, value: Any) -> Any:
    match value:
        case bytes() if column.name not in ("key", "value"):
            return value.hex()
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return {"base64": base64.b64encode(value).decode()}
        case datetime():
            return value.astimezone(UTC).isoformat()
        case Decimal() | UUID():
            return str(value)
        case str() if column.type == "jsonb":
            return orjson.loads(value)
        case _:
            return value


def _arrow(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
