"""Parses Postgres addresses as people write them, with unescaped passwords and libpq's parameters; pure."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

_SCHEME = re.compile(r"(postgres(?:ql)?)://", re.IGNORECASE)
_PLACE = re.compile(
    r"(?P<hosts>(?:\[[0-9A-Fa-f:.%]+\]|[^\s/?#@:\[\],]*)(?::\d{0,5})?"
    r"(?:,(?:\[[0-9A-Fa-f:.%]+\]|[^\s/?#@:\[\],]*)(?::\d{0,5})?){0,15})"
    r"(?:/(?P<database>[^\s/?#@]*))?(?:\?(?P<query>[A-Za-z_]+=[^#\s]*)?)?"
)
_LOGIN = re.compile(r"://[^:/\s]{0,1024}+:")
#: Parameters that `asyncpg` does not know: it would send them to the server as settings.
_LIBPQ_ONLY = {
    "channel_binding", "client_encoding", "fallback_application_name", "gssdelegation", "gssencmode",
    "hostaddr",
    "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts",
    "max_protocol_version", "min_protocol_version", "replication", "require_auth", "requirepeer",
    "requiressl",
    "scram_client_key", "scram_server_key", "sslcertmode", "sslcompression", "sslcrldir", "sslkeylogfile",
    "sslnegotiation", "sslsni", "tcp_user_timeout", "connect_timeout", "pgbouncer",
}  # fmt: skip
_LONGEST = 8_192
_SECRETS = ("password", "sslpassword")


class AddressError(ValueError):
    """The text is not a valid address; the error never repeats it, as it may hold a password."""


@dataclass(frozen=True, slots=True)
class Address:
    """`dsn`: percent-encoded, as the driver reads it; `timeout_s`: `connect_timeout`, if given."""

    dsn: str
    timeout_s: float | None


def read_address(text: str) -> Address:
    """Parse an address, percent-encoded or not; the result's `dsn` parses to itself.

    Raises:
        AddressError: the text is not an address of Postgres.
    """
    scheme = _SCHEME.match(text)
    if scheme is None or len(text) > _LONGEST:
        raise AddressError("an address is postgresql://user:password@host:port/database")
    login, place = _login_and_place(text[scheme.end() :])
    user, colon, password = login.partition(":")
    shown = quote(unquote(user), safe="") + (f":{quote(unquote(password), safe='')}" if colon else "")
    options = parse_qsl(place["query"] or "", keep_blank_values=True)
    query = urlencode([(name, value) for name, value in options if name not in _LIBPQ_ONLY])
    database = "" if place["database"] is None else f"/{place['database']}"
    dsn = (
        f"{scheme[1]}://{shown}{'@' if login else ''}{place['hosts']}{database}{'?' if query else ''}{query}"
    )
    return Address(dsn, _timeout(dict(options).get("connect_timeout")))


def without_secrets(text: str) -> str:
    """Return `text` with the password of every address in it replaced by `***`."""
    text = "".join(map(_without_password, re.split(r"(\s)", text)))
    return re.sub(rf"\b({'|'.join(_SECRETS)})=[^&\s]*", r"\1=***", text)


def _without_password(word: str) -> str:
    """Mask the password up to the last `@` of the word, as a password may contain `@` itself."""
    login = _LOGIN.search(word)
    at = word.rfind("@")
    return f"{word[: login.end()]}***{word[at:]}" if login and at >= login.end() else word


def _login_and_place(without_scheme: str) -> tuple[str, re.Match[str]]:
    """Split at the first `@` before a valid host and database, as a password may contain any character."""
    if place := _PLACE.fullmatch(without_scheme):
        return "", place
    for at in re.finditer("@", without_scheme):
        if place := _PLACE.fullmatch(without_scheme, at.end()):
            return without_scheme[: at.start()], place
    raise AddressError("there is no user:password@host:port/database in it")


def _timeout(value: str | None) -> float | None:
    """Return seconds, at least two as in libpq; None for 0 or less, which means no limit."""
    try:
        seconds = int(value or 0)
    except ValueError:
        return None
    return float(min(max(seconds, 2), 600)) if seconds > 0 else None
