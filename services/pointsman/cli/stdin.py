"""What comes in by stdin, as bytes or as text."""

import sys

from pointsman.runtime.errors import CommandError


def read_bytes() -> bytes:
    """All of it.

    Raises:
        CommandError: there is no stdin.
    """
    if sys.stdin is None:
        raise CommandError("stdin is closed", "`-` reads it: give the text itself, or `< FILE`", code=2)
    return sys.stdin.buffer.read()


def read_text() -> str:
    """All of it as text.

    Raises:
        CommandError: there is no stdin, or it is not UTF-8.
    """
    content = read_bytes().removeprefix(b"\xef\xbb\xbf")  # a byte order mark, as Windows writes it
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise CommandError(
            f"stdin is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}",
            "convert it first, e.g. iconv -f ISO-8859-1 -t UTF-8",
            code=2,
        ) from None
