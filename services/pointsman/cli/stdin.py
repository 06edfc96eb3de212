"""Read a command's input: a file, or stdin for `-`."""

import sys
from pathlib import Path

from pointsman.runtime.errors import CommandError


def read_bytes(source: str | Path) -> bytes:
    """Return the whole input.

    Raises:
        CommandError: the file cannot be read, or stdin is closed.
    """
    if str(source) != "-":
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise CommandError(f"{source} cannot be read: {error.strerror}", code=2) from None
    if sys.stdin is None:
        raise CommandError("stdin is closed", "`-` reads it: give the text itself, or `< FILE`", code=2)
    return sys.stdin.buffer.read()


def read_text(source: str | Path = "-") -> str:
    """Return the whole input as text.

    Raises:
        CommandError: the file cannot be read, stdin is closed, or the text is not UTF-8.
    """
    content = read_bytes(source).removeprefix(b"\xef\xbb\xbf")  # a byte order mark, as Windows writes it
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        name = "stdin" if str(source) == "-" else source
        raise CommandError(
            f"{name} is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}",
            "convert it first, e.g. iconv -f ISO-8859-1 -t UTF-8",
            code=2,
        ) from None
