"""What a question is asked about, so that the same question never stands on both sides of a split."""

import hashlib

_OPTIONS = "\nA. "


def stem(prompt: str) -> str:
    """The text before the options, lower-case letters and digits only; the whole text if none are left."""
    head = prompt.split(_OPTIONS, 1)[0].lower()
    return "".join(filter(str.isalnum, head)) or prompt.strip()


def place(of: str, salt: str = "") -> float:
    """Where a stem stands between 0 and 1: the same on every machine, and evenly spread over stems."""
    digest = hashlib.sha256(f"{salt}\0{of}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
