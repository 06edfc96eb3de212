"""Patterns for what often must not be kept, and finding them in a text."""

import re
from collections.abc import Callable
from dataclasses import dataclass

#: No digit, letter or hyphen beside it: parts of ids are no numbers of anything.
_ALONE, _END = r"(?<![\w-])", r"(?![\w-])"

EMAIL = r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
IBAN = _ALONE + r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}" + _END
CARD = _ALONE + r"[0-9](?:[ -]?[0-9]){12,18}" + _END
PHONE = (
    r"(?<![\w+-])(?:\+|00)[1-9](?:[ ()./-]{0,2}[0-9]){6,13}" + _END
    + r"|(?<![\w-])\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}" + _END
)  # fmt: skip
IPV4 = (
    r"(?<![\w.-])(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?![\w-])"
)
SECRET = (
    r"(?<![\w-])(?:sk|pk|rk|ghp|gho|glpat|xox[abprs]|AKIA)[-_]?[A-Za-z0-9_-]{16,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
)


def _luhn(text: str) -> bool:
    digits = [int(each) for each in text if each.isdecimal()][::-1]
    doubled = sum(sum(divmod(2 * each, 10)) for each in digits[1::2])
    return len(digits) >= 13 and (sum(digits[::2]) + doubled) % 10 == 0


def _iban(text: str) -> bool:
    plain = text.replace(" ", "")
    return len(plain) >= 15 and int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


@dataclass(frozen=True, slots=True)
class Pattern:
    """`expression` finds candidates; `holds`, where there is one, looks at their check digits."""

    name: str
    expression: re.Pattern[str]
    holds: Callable[[str], bool] | None = None

    def replace(self, text: str, by: Callable[[str], str]) -> str:
        """The text with `by` of each find instead of it."""
        if self.holds is None:
            return self.expression.sub(lambda found: by(found[0]), text)
        parts, done, start = [], 0, 0
        while found := self.expression.search(text, start):
            length = _holding(found[0], self.holds)
            start = found.start() + max(length, 1)  # a candidate that does not hold may cover one that does
            if length:
                parts += [text[done : found.start()], by(found[0][:length])]
                done = start
        return "".join([*parts, text[done:]])


def _holding(text: str, holds: Callable[[str], bool]) -> int:
    """How much of a candidate holds, whole words only: it may have taken in words behind it."""
    for end in range(len(text), 0, -1):
        cut_amid_word = end < len(text) and text[end].isalnum()
        if text[end - 1].isalnum() and not cut_amid_word and holds(text[:end]):
            return end
    return 0


BUILT_IN = {
    each.name: each
    for each in (
        Pattern("email", re.compile(EMAIL)),
        Pattern("iban", re.compile(IBAN), _iban),
        Pattern("card", re.compile(CARD), _luhn),
        Pattern("phone", re.compile(PHONE)),
        Pattern("ipv4", re.compile(IPV4)),
        Pattern("secret", re.compile(SECRET)),
    )
}
