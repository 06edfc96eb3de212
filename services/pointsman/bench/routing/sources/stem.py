"""The stem of a question, by which the same question is recognised on both sides of a split."""

import hashlib

_OPTIONS = "\nA. "


def stem(prompt: str) -> str:
    """Return the letters and digits before the options, in lower case; the whole text if there are none."""
    head = prompt.split(_OPTIONS, 1)[0].lower()
    return "".join(filter(str.isalnum, head)) or prompt.strip()


def place(of: str, salt: str = "") -> float:
    """Return a number in [0, 1) for a stem: the same on every machine, and uniform over stems."""
    digest = hashlib.sha256(f"{salt}\0{of}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
