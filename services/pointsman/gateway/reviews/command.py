"""Converts a request to a command: the record that the reviewer signed, byte for byte; pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from pydantic import ValidationError

from pointsman.bus.codec.records import Outgoing
from pointsman.gateway.errors import ApiError, forbidden, invalid
from pointsman.review.case import envelope_of
from pointsman_schemas.envelope import BadEnvelopeError, from_headers
from pointsman_schemas.ids import uuid7
from pointsman_schemas.reviews import ReviewChanged, ReviewClaim, ReviewDecide, ReviewRelease
from pointsman_schemas.topic import Topic

#: What a reviewer may do with a case.
ACTIONS: Mapping[str, type[ReviewClaim] | type[ReviewRelease] | type[ReviewDecide]] = MappingProxyType(
    {
        "claim": ReviewClaim,
        "release": ReviewRelease,
        **dict.fromkeys(("approve", "edit", "reject", "send"), ReviewDecide),
    }
)
_ID, _TIME, _SIGNATURE = "ce-id", "ce-time", "ce-signature"
_MOST_HEADER = 128


def command_record(
    topic: Topic,
    case: ReviewChanged,
    action: str,
    *,
    by: str,
    content: bytes,
    headers: Mapping[str, str],
    now: datetime,
) -> tuple[Outgoing, UUID]:
    """Return a reviewer's command and its id.

    `content`: the request's body, which becomes the record's value.
    Raises:
        ApiError: the command is invalid, or names another person as its author.
    """
    _check(case, action, by, content)
    command = ACTIONS[action]
    texts = {name: _header(headers, name) for name in (_ID, _TIME, _SIGNATURE)}
    if texts[_SIGNATURE] is not None and None in texts.values():
        raise invalid(f"a command that is signed has {_ID} and {_TIME}, which are signed too", _ID)
    envelope = envelope_of(case, uuid7(now), source=by, type=command.TYPE, at=now)
    # Signed values are passed on byte for byte.
    fields = {name.replace("-", "_"): text for name, text in texts.items() if text is not None}
    named = list({**dict(envelope.to_headers()), **fields}.items())
    try:
        sent_envelope = from_headers(named)
    except BadEnvelopeError as error:
        raise invalid(str(error).replace("ce_", "ce-")) from None
    assert sent_envelope is not None
    return Outgoing(topic.name, str(case.job_id).encode(), content, named), sent_envelope.id


def _check(case: ReviewChanged, action: str, by: str, content: bytes) -> None:
    try:
        command = ACTIONS[action].model_validate_json(content)  # as the service reads it
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        param = ".".join(map(str, first["loc"]))[:100] or None
        raise _unprocessable(f"{param or 'the command'}: {first['msg']}"[:500], param) from None
    if command.by != by:
        raise forbidden(f"the API key is {by}'s; another person's command is theirs to send", "not_you")
    if command.job_id != case.job_id:
        raise _unprocessable("it names another job than the address", "job_id")
    if isinstance(command, ReviewDecide) and command.choice != action:
        raise _unprocessable(f"its choice is {command.choice}, and the address says {action}", "choice")


def _unprocessable(message: str, param: str | None) -> ApiError:
    return ApiError(422, "invalid_request_error", "invalid_command", message, param)


def _header(headers: Mapping[str, str], name: str) -> bytes | None:
    text = headers.get(name)
    if text is None:
        return None
    if len(text) > _MOST_HEADER or not text.isascii() or not text.isprintable():
        raise invalid(f"{name}: at most {_MOST_HEADER} printable characters of ASCII", name)
    return text.encode()
