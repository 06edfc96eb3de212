"""Patterns from the privacy file run under RE2, which takes time in step with the text whatever they say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class PatternError(ValueError):
    """Not a pattern that can be used; the text says why."""


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """`expression` is RE2's; see `Pattern`."""

    name: str
    expression: Any

    @classmethod
    def compile(cls, name: str, text: str) -> "OwnPattern":
        """A pattern by its text.

        Raises:
            PatternError: it is none for RE2, or RE2 is not installed.
        """
        try:
            import re2
        except ImportError:
            raise PatternError(
                "patterns of your own run under RE2, which is not installed: pip install 'pointsman[re2]'"
            ) from None
        options = re2.Options()
        options.log_errors = False
        try:
            return cls(name, re2.compile(text, options))
        except (re2.error, UnicodeEncodeError) as error:
            reason = error.args[0] if error.args else error
            problem = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise PatternError(f"is no regular expression of RE2's: {problem}") from None

    def finds(self, text: str) -> bool:
        """Whether it finds anything in `text`."""
        return self.expression.search(text) is not None

    def replace(self, text: str, by: Callable[[str], str]) -> str:
        """The text with `by` of each find instead of it."""
        # What stands for bytes that are no text is one character there, too.
        encodable = text.encode("utf-8", "replace").decode()
        parts, done = [], 0
        for hit in self.expression.finditer(encodable):
            start, end = hit.span()
            if start < end:
                parts += [text[done:start], by(text[start:end])]
                done = end
        return "".join([*parts, text[done:]])
