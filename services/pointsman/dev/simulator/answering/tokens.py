"""The simulator's tokens: four characters each."""

WIDTH = 4


def count(text: str) -> int:
    """Return the number of tokens in `text`, always equal to `len(split(text))`."""
    return -(-len(text) // WIDTH)


def split(text: str) -> list[str]:
    return [text[i : i + WIDTH] for i in range(0, len(text), WIDTH)]
