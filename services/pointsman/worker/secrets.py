"""Masks keys and header values in our own messages, in every encoding in which they may occur."""

import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cached_property
from itertools import groupby
from typing import Any, TypeVar

_T = TypeVar("_T")

_GONE = "***"
#: A shorter secret may occur in other words by chance, so it is masked only as a whole word.
_LONG = 8
#: Of a longer secret, such as a signed token, only beginning and end are masked in every encoding, and the
#: whole only verbatim: a pattern of all its characters takes too long to build, and the middle is useless.
_VERY_LONG = 256
#: A shorter match of an encoded secret may be chance.
_LEAST_ENCODED = 8
_ENTITIES = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    '"': "quot",
    "'": "apos",
    "/": "sol",
    "+": "plus",
    "=": "equals",
}


class Secrets:
    """The secrets of one provider. They are masked in our own messages, never in an answer."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Secrets({len(self._secrets)})"

    def hide(self, text: str) -> str:
        """Mask the secrets in a text."""
        return self._pattern.sub(_GONE, text) if self._secrets else text

    def hide_bytes(self, content: bytes) -> bytes:
        """Mask the secrets in bytes of any encoding."""
        return self.hide(content.decode("latin-1")).encode("latin-1") if self._secrets else content

    def hide_json(self, value: _T) -> _T:
        """Mask the secrets in every text, name and number of parsed JSON."""
        return self._hidden(value) if self._secrets else value

    def _hidden(self, value: Any) -> Any:
        match value:
            case str():
                return self.hide(value)
            case dict():
                return {self.hide(name): self._hidden(member) for name, member in value.items()}
            case list():
                return [self._hidden(member) for member in value]
            case int() | float() if not isinstance(value, bool) and self.hide(str(value)) != str(value):
                return _GONE
            case _:
                return value

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(form for secret in self._secrets for form in _forms(secret)))


#: Backslashes, as JSON and programming languages put them before a character, perhaps several times.
_ESCAPED = r"\\{0,8}+"

NO_SECRETS = Secrets(())


def _forms(secret: str) -> Iterable[str]:
    if len(secret) > _VERY_LONG:
        yield re.escape(secret)
        for part in (secret[: _VERY_LONG // 2], secret[-_VERY_LONG // 2 :]):
            yield from _forms(part)
        return
    # Possessive quantifiers: the time is linear in the text, whatever the secret and the text are.
    characters = r"\x00{0,3}+".join(_character(*run) for run in _runs(secret))
    yield _alone(secret, f"(?i:{characters})")
    octets = [f"{octet:02x}" for octet in secret.encode()]
    yield _alone(secret, f"(?i:{'[ :-]?'.join(octets)})")
    yield from (re.escape(form) for form in sorted(_base64(secret), key=len, reverse=True))


def _alone(secret: str, pattern: str) -> str:
    return pattern if len(secret) >= _LONG else rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"


def _runs(secret: str) -> Iterable[tuple[str, int]]:
    """Yield the characters; consecutive backslashes are one run, as any of them may escape another."""
    for character, run in groupby(secret):
        length = len(list(run))
        yield from [(character, length)] if character == "\\" else [(character, 1)] * length


def _character(character: str, times: int) -> str:
    """Match a character verbatim, or as JSON, a URL, HTML or a programming language escapes it."""
    code = f"{ord(character):x}"
    forms = [
        rf"\\{{1,8}}+u\{{?0{{0,6}}{code}\}}?",
        rf"\\{{1,8}}+x0{{0,6}}{code}",
        rf"%(?:25){{0,4}}{code}",
        rf"&\#0{{0,6}}{ord(character)};",
        rf"&\#x0{{0,6}}{code};",
    ]
    if character in _ENTITIES:
        forms.append(f"&{_ENTITIES[character]};")
    if character == "\\":
        return rf"(?:\\{{{times},{8 * times}}}+|(?:{'|'.join(forms)}){{{times}}})"
    plain = re.escape(character)
    return f"(?:{plain if character.isalnum() else _ESCAPED + plain}|{'|'.join(forms)})"


def _base64(secret: str) -> set[str]:
    """Return the parts of its base64 that are the same wherever it begins in a longer encoded text."""
    encodings = set()
    for before in range(3):
        encoded = b64encode(b"\0" * before + secret.encode()).decode()
        encoded_secret = encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
        if len(encoded_secret) >= _LEAST_ENCODED:
            encodings |= {encoded_secret, encoded_secret.replace("+", "-").replace("/", "_")}
    return encodings
