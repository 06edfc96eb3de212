"""Patterns of sensitive data, such as card numbers, and the search for them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: No digit, letter or hyphen may stand before or after a match, so parts of ids do not match. The first
#: character precedes the lookbehind, so that the search can skip positions where no match can begin.
_ALONE, _END = r"(?<![\w-].)", r"(?![\w-])"

EMAIL = r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
IBAN = rf"[A-Z]{_ALONE}[A-Z][0-9]{{2}}(?: ?[A-Z0-9]){{11,30}}{_END}"
CARD = rf"[0-9]{_ALONE}(?:[ -]?[0-9]){{12,18}}{_END}"
PHONE = (
    rf"\+(?<![\w+-].)[1-9](?:[ ()./-]{{0,2}}[0-9]){{6,13}}{_END}"
    rf"|0{_ALONE}0[1-9](?:[ ()./-]{{0,2}}[0-9]){{6,13}}{_END}"
    rf"|[0-9(]{_ALONE}[0-9]{{2,3}}\)?[ .-][0-9]{{3}}[ .-][0-9]{{4}}{_END}"
)
IPV4 = (
    r"(?<![\w.-])(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?![\w-])"
)
SECRET = (
    r"(?<![\w-])(?:sk|pk|rk|ghp|gho|glpat|xox[abprs]|AKIA)[-_]?[A-Za-z0-9_-]{16,}"
    r"|(?<![\w-])(?>[\w-]*?eyJ)[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+"
)


def _luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdecimal()][::-1]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(digits) >= 13 and (sum(digits[::2]) + doubled) % 10 == 0


def _iban(text: str) -> bool:
    plain = text.replace(" ", "")
    return (
        len(plain) >= 15
        and int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1
    )


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern. `expression` finds candidates; `holds`, if set, verifies their check digits.

    A text that is shorter than `least`, or lacks `sign`, is not searched.
    """

    name: str
    expression: re.Pattern[str]
    holds: Callable[[str], bool] | None = None
    least: int = 0
    sign: str = ""

    def replace(self, text: str, by: Callable[[str], str]) -> str:
        """Return the text with each match replaced by `by(match)`."""
        if len(text) < self.least or self.sign not in text:
            return text
        if self.holds is None:
            return self.expression.sub(lambda hit: by(hit[0]), text)
        parts, done, start = [], 0, 0
        while hit := self.expression.search(text, start):
            length = _holding(hit[0], self.holds)
            start = hit.start() + max(length, 1)  # an invalid candidate may overlap a valid one
            if length:
                parts += [text[done : hit.start()], by(hit[0][:length])]
                done = start
        return "".join([*parts, text[done:]])


def _holding(text: str, holds: Callable[[str], bool]) -> int:
    """Return the length of the candidate's longest valid prefix of whole words; 0 if none is valid."""
    for end in range(len(text), 0, -1):
        cut_amid_word = end < len(text) and text[end].isalnum()
        if text[end - 1].isalnum() and not cut_amid_word and holds(text[:end]):
            return end
    return 0


BUILT_IN = {
    pattern.name: pattern
    for pattern in (
        Pattern("email", re.compile(EMAIL), sign="@"),
        Pattern("iban", re.compile(IBAN), _iban, least=15),
        Pattern("card", re.compile(CARD), _luhn, least=13),
        Pattern("phone", re.compile(PHONE), least=8),
        Pattern("ipv4", re.compile(IPV4), least=7, sign="."),
        Pattern("secret", re.compile(SECRET), least=16),
    )
}


class PatternError(ValueError):
    """A pattern cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """A pattern from the privacy file; `expression` is one of RE2, whose time is linear."""

    name: str
    expression: Any

    @classmethod
    def compile(cls, name: str, text: str) -> "OwnPattern":
        """Compile a pattern.

        Raises:
            PatternError: the text is not valid for RE2, or RE2 is not installed.
        """
        try:
            import re2
        except ImportError:
            raise PatternError(
                "custom patterns need RE2, which is not installed: pip install 'pointsman[re2]'"
            ) from None
        options = re2.Options()
        options.log_errors = False
        try:
            return cls(name, re2.compile(text, options))
        except (re2.error, UnicodeEncodeError) as error:
            reason = error.args[0] if error.args else error
            problem = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise PatternError(f"is not a regular expression of RE2: {problem}") from None

    def replace(self, text: str, by: Callable[[str], str]) -> str:
        """Return the text with each match replaced by `by(match)`."""
        # Each surrogate, which stands for an invalid byte, becomes one character, so positions stay the same.
        encodable = text.encode("utf-8", "replace").decode()
        parts, done = [], 0
        for hit in self.expression.finditer(encodable):
            start, end = hit.span()
            if start < end:
                parts += [text[done:start], by(text[start:end])]
                done = end
        return "".join([*parts, text[done:]])
