"""Turns a failed call into a `Failure`: its reason, and whether a retry or another target may help. Pure."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, assert_never

import aiohttp

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.worker.calls.answer import Failure, Reject, Result, Retry
from pointsman.worker.calls.retry_after import asked_wait
from pointsman.worker.providers.error_body import ErrorBody, read_error
from pointsman.worker.providers.lenient_json import read_json
from pointsman.worker.providers.raw_body import MOST_OF_AN_ERROR, raw_body
from pointsman.worker.providers.refusal_table import ROWS, RefusalKind, kind_of
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import NO_SECRETS, Secrets
from pointsman_schemas.calls import RawBody
from pointsman_schemas.reasons import TOO_LONG, FailReason

#: The most characters of a provider's words in a message; the call's record has the body.
MAX_SAID = 500
#: An account without funds or quota is not called for so many seconds.
USED_UP_S = 300.0


def from_status(
    row: ProviderRow,
    status: int,
    content: bytes,
    *,
    headers: Mapping[str, str],
    now: datetime,
    whole: bool = True,
    secrets: Secrets = NO_SECRETS,
) -> Retry | Reject:
    """Return the failure for an HTTP status other than 2xx and its body."""
    body, changed = _read(content)
    body, content = secrets.hide_json(body), secrets.hide_bytes(content)
    error = read_error(body)
    kind = kind_of(status, error)
    detail = error.message or content[: 8 * MAX_SAID].decode(errors="replace")
    if kind is RefusalKind.REDIRECTED:
        detail = f"a redirect to {secrets.hide(headers.get('location') or 'nowhere')}"
    detail = f": {clean(detail) or 'nothing'}"
    fits = isinstance(body, dict) and len(content) <= MOST_OF_AN_ERROR
    response = body if fits else None
    raw = None if fits and not changed else raw_body(content, whole=whole)
    after = asked_wait(headers, now)
    return refuse(
        row,
        status,
        kind,
        detail,
        error,
        response=response,
        raw=raw,
        after=after,
        unbilled=True,
    )


def from_body(
    row: ProviderRow, status: int, error: ErrorBody, *, raw: RawBody | None, **answer: Any
) -> Retry | Reject:
    """Return the failure for an error with status 2xx.

    It is billed unless the call was refused before any work.
    """
    kind = kind_of(status, error)
    unbilled = kind in (
        RefusalKind.ACCOUNT,
        RefusalKind.USED_UP,
        RefusalKind.NO_MODEL,
        RefusalKind.TOO_LONG,
        RefusalKind.LIMITED,
        RefusalKind.REQUEST,
    )
    detail = f" without an answer: {clean(error.message) or 'an error'}"
    return refuse(row, status, kind, detail, error, raw=raw, unbilled=unbilled, **answer)


def refuse(
    row: ProviderRow,
    status: int,
    kind: RefusalKind,
    detail: str,
    error: ErrorBody,
    *,
    after: float | None = None,
    **rest: Any,
) -> Retry | Reject:
    """Return the failure for a kind of refusal.

    `detail`: follows the status in the message; `rest`: other fields. `after`: the wait that headers ask for,
    in seconds; None: use the body's.
    """
    rule = ROWS[kind]
    message = f"{row.name} answered {status}{detail}{_advice(row, kind)}"
    rest |= {
        "reason": rule.reason,
        "message": message,
        "http_status": status,
        "elsewhere": rule.elsewhere,
    }
    if rule.is_transient:
        return Retry(after=error.delay_s if after is None else after, **rest)
    nothing_left_s = USED_UP_S if kind is RefusalKind.USED_UP else None
    code = TOO_LONG if kind is RefusalKind.TOO_LONG else error.code
    return Reject(nothing_left_s=nothing_left_s, code=code, param=error.param, **rest)


def from_connection(row: ProviderRow, error: BaseException, detail: str) -> Retry:
    """Return the failure for a connection that was not made or broke off.

    `detail`: the error's text, without secrets.
    """
    proxied = isinstance(error, aiohttp.ClientHttpProxyError)
    unreached = proxied or isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    detail = clean(detail) or type(error).__name__
    if proxied:
        detail = f"the proxy lets nobody through to {row.name} ({detail}) -- look at HTTPS_PROXY and NO_PROXY"
    elif unreached:
        detail = (
            f"{row.name} cannot be reached at {row.base_url} ({detail}) -- is it running, is base_url right?"
        )
    else:
        detail = f"the connection to {row.name} broke off ({detail})"
    return Retry(reason=FailReason.CONNECTION, message=detail, unbilled=unreached, cause=error)


def words_of(error: BaseException) -> str:
    """Return an HTTP error's text without the bytes that it quotes, which may include part of a key."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{error.status} {error.message}"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
        return text.strip().partition("\n")[0].partition(":")[0]
    return str(error)


def timed_out(row: ProviderRow, cause: BaseException) -> Retry:
    """The failure for a call that exceeded the provider's `timeout_s`."""
    detail = f"{row.name} did not answer within {row.timeout_s:g} s (its timeout_s in providers.yaml)"
    return Retry(reason=FailReason.TIMEOUT, message=detail, cause=cause)


def fell_silent(row: ProviderRow, cause: BaseException) -> Retry:
    """The failure for a stream that sent nothing for `stream_idle_s`."""
    detail = f"{row.name} sent nothing more for {row.stream_idle_s:g} s (its stream_idle_s in providers.yaml)"
    return Retry(reason=FailReason.TIMEOUT, message=detail, cause=cause)


def without_token(row: ProviderRow, error: Exception) -> Retry:
    """The failure for a call without a token, as none can be had now."""
    detail = f"{row.name} was not asked: {clean(str(error))} -- run or read it by hand, as the worker's user"
    return Retry(reason=FailReason.AUTHENTICATION, message=detail, unbilled=True, cause=error)


def unsupported(row: ProviderRow, error: RequestFieldError) -> Reject:
    """The failure for a request that the provider's format cannot express; another format may."""
    return Reject(
        reason=FailReason.BAD_REQUEST,
        message=f"{row.name} was not asked, as its format ({row.format}) cannot say it: {clean(str(error))}",
        param=error.param[:80],
        unbilled=True,
        elsewhere=True,
        cause=error,
    )


def renewed_next_time(result: Result) -> Result:
    """Make a refused token's failure transient: the next attempt renews the token."""
    if not isinstance(result, Reject):
        return result
    failure_fields = {field.name: getattr(result, field.name) for field in fields(Failure)}
    return Retry(**failure_fields | {"elsewhere": False})


def clean(text: str) -> str:
    """Return one line of text, shortened, that every record can hold."""
    line = " ".join(text[: 8 * MAX_SAID].replace("\0", " ").split())
    return line.encode("utf-8", "replace").decode()[:MAX_SAID]


def _read(content: bytes) -> tuple[Any, bool]:
    try:
        return read_json(content)
    except ValueError:
        return None, True


def _advice(row: ProviderRow, kind: RefusalKind) -> str:
    match kind:
        case RefusalKind.ACCOUNT if row.key_env:
            return f" -- check the key in the environment variable {row.key_env}"
        case RefusalKind.ACCOUNT if row.token is not None:
            return f" -- check the token that {row.token.source} gives"
        case RefusalKind.ACCOUNT:
            return f" -- give {row.name} a key_env in providers.yaml"
        case RefusalKind.USED_UP:
            return f" -- the account at {row.name} has nothing left: look at its balance and its limits"
        case RefusalKind.NO_MODEL:
            return " -- check the tier's model and the provider's base_url in providers.yaml"
        case RefusalKind.REDIRECTED:
            return " -- none is followed, as it would carry request and key along: correct base_url"
        case RefusalKind.TOO_LONG:
            return " -- shorten the job's request, or send it to a model with room for it"
        case RefusalKind.FILTERED | RefusalKind.REQUEST:
            return " -- change the job's request"
        case RefusalKind.LIMITED | RefusalKind.TIMED_OUT | RefusalKind.FAILING | RefusalKind.UNREADABLE:
            return ""
        case _:
            assert_never(kind)
