"""The requests for client quotas, version 1, and their responses. Layouts: Kafka's protocol guide."""

from collections.abc import Collection, Mapping
from struct import Struct

from pointsman.bus.protocol.transaction_requests import Packed, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, array, compact

_DESCRIBE, _ALTER, _VERSION = 48, 49, 1
_USER, CLIENT = "user", "client-id"
#: Match types of a component: the named user, or any user.
_EXACT, _ANY = 0, 2

_THROTTLE = Struct(">i")
_CODE = Struct(">h")
_VALUE = Struct(">d")

#: Quotas by name, for each user, with client id if any; the name None stands for the default.
Quotas = dict[tuple[tuple[str, str | None], ...], dict[str, float]]


def describe() -> Packed:
    """Request the quotas of all users; the response has error code, text and `Quotas`."""
    component = compact(_USER.encode()) + bytes([_ANY]) + compact(None) + NO_TAGS
    return Packed(_DESCRIBE, _VERSION, array([component]) + b"\x00" + NO_TAGS, ResponseReader(_described))


def alter(changes: Mapping[str, Mapping[str, float | None]]) -> Packed:
    """Set quotas by user; None removes one. The response has error code and text by user."""
    return _alter([_change({_USER: user}, values) for user, values in changes.items()])


def alter_client(user: str, client: str | None, values: Mapping[str, float | None]) -> Packed:
    """Set quotas of a user's client id; None: of the default one."""
    return _alter([_change({_USER: user, CLIENT: client}, values)])


def _alter(entries: Collection[bytes]) -> Packed:
    return Packed(_ALTER, _VERSION, array(entries) + b"\x00" + NO_TAGS, ResponseReader(_altered))


def _change(entity: Mapping[str, str | None], values: Mapping[str, float | None]) -> bytes:
    return (
        array(
            compact(kind.encode()) + compact(None if name is None else name.encode()) + NO_TAGS
            for kind, name in entity.items()
        )
        + array(
            compact(key.encode()) + _VALUE.pack(value or 0.0) + bytes([value is None]) + NO_TAGS
            for key, value in values.items()
        )
        + NO_TAGS
    )


def _described(answer: WireReader) -> tuple[int, str, Quotas]:
    answer.unpack(_THROTTLE)
    (code,) = answer.unpack(_CODE)
    text = answer.text()
    entries = answer.array(_entry)
    answer.tags()
    return code, text, dict(entries)


def _entry(answer: WireReader) -> tuple[tuple[tuple[str, str | None], ...], dict[str, float]]:
    entity = answer.array(_component)
    values = answer.array(_value)
    answer.tags()
    return tuple(entity), dict(values)


def _component(answer: WireReader) -> tuple[str, str | None]:
    kind, name = answer.text(), answer.compact()
    answer.tags()
    return kind, None if name is None else name.decode()


def _value(answer: WireReader) -> tuple[str, float]:
    key = answer.text()
    (value,) = answer.unpack(_VALUE)
    answer.tags()
    return key, value


def _altered(answer: WireReader) -> dict[str, tuple[int, str]]:
    answer.unpack(_THROTTLE)
    entries = answer.array(_outcome)
    answer.tags()
    return dict(entries)


def _outcome(answer: WireReader) -> tuple[str, tuple[int, str]]:
    (code,) = answer.unpack(_CODE)
    text = answer.text()
    entity = dict(answer.array(_component))
    answer.tags()
    return entity.get(_USER) or "", (code, text)
