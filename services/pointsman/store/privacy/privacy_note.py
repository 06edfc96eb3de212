"""How a row's content was changed before it was stored: the note in its column `privacy`."""

from dataclasses import dataclass
from uuid import UUID

import orjson


@dataclass(frozen=True, slots=True)
class Note:
    """A row's privacy note.

    `rules`: those that masked something; `stored`: digest of the stored row (record.py). `subject` and `key`:
    for sealed content, the subject's keyed hash and the key's id. `claim`: the hexadecimal digest of the
    record's large value, which is kept as long as the row, although the headers are unreadable.
    """

    rules: tuple[str, ...]
    stored: bytes
    subject: bytes | None = None
    key: UUID | None = None
    claim: str | None = None

    @property
    def text(self) -> str:
        note: dict[str, object] = {"v": 1, "rules": self.rules, "stored": self.stored.hex()}
        if self.subject is not None:
            note |= {"subject": self.subject.hex(), "key": str(self.key)}
        if self.claim is not None:
            note["claim"] = self.claim
        return orjson.dumps(note, option=orjson.OPT_SORT_KEYS).decode()

    @classmethod
    def read(cls, text: str) -> "Note":
        """Parse the text of the column.

        Raises:
            ValueError: the text is not a privacy note.
        """
        try:
            note = orjson.loads(text)
            subject, key = note.get("subject"), note.get("key")
            return cls(
                tuple(note["rules"]),
                bytes.fromhex(note["stored"]),
                None if subject is None else bytes.fromhex(subject),
                None if key is None else UUID(key),
                note.get("claim"),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("the note cannot be read") from error


def canonical(text: str) -> str:
    """Return the note's text in the form used in the chain, as jsonb changes spaces and order."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
    except ValueError:
        return text
