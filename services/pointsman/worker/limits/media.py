"""Computes the tokens of pictures, audio and files by the rules that providers publish; pure.

If a size cannot be read, the rule's maximum is used.
"""

from math import ceil

from pointsman.worker.limits.picture_size import Size, decoded, size_in

#: OpenAI, by prefix of the model's name: tokens per picture, and per tile of 512 pixels.
_TILES = {
    "gpt-4o-mini": (2833, 5667),
    "gpt-5": (70, 140),
    "o1": (75, 150),
    "o3": (75, 150),
    "computer-use": (65, 129),
    "": (85, 170),
}
#: OpenAI, by prefix of the model's name: tokens per patch of 32 pixels.
_PATCHES = {
    "gpt-4.1-mini": 1.62,
    "gpt-4.1-nano": 2.46,
    "gpt-5-mini": 1.62,
    "gpt-5-nano": 2.46,
    "o4-mini": 1.72,
}
_MOST_PATCHES = 1536
_MOST_TILES = 8
#: Anthropic: pixels per token, the longest edge, the most tokens of a picture.
_CLAUDE_PIXELS, _CLAUDE_EDGE, _CLAUDE_MOST = 750, 1568, 1600
#: Google: tokens per tile, the edge of a small picture, the edge of a tile, the most tiles.
_GEMINI_TILE, _GEMINI_SMALL, _GEMINI_EDGE, _GEMINI_MOST = 258, 384, 768, 16
#: Audio: tokens per second; bytes per second if the header does not give them, and at least.
_PER_SECOND, _GEMINI_PER_SECOND = 10, 32
_BYTES_PER_SECOND, _LEAST_BYTES_PER_SECOND = 4_000, 1_000
#: Files: the most tokens per page that providers state, the bytes assumed per page, the most pages.
_PER_PAGE, _BYTES_PER_PAGE, _MOST_PAGES = 3_000, 50_000, 100


def picture_tokens(model: str, encoded: str | None, *, low: bool = False) -> int:
    """Return the tokens of a picture in base64; `encoded` is None if only its URL is known."""
    size = size_in(encoded) if encoded else None
    if "claude" in model:
        return _claude(size)
    if "gemini" in model:
        return _gemini(size)
    name = model.rpartition("/")[2]
    for prefix, factor in _PATCHES.items():
        if name.startswith(prefix):
            return ceil(_patches(size) * factor)
    base, tile = next(tokens for prefix, tokens in _TILES.items() if name.startswith(prefix))
    return base if low else base + tile * _tiles(size)


def sound_tokens(model: str, encoded: str) -> int:
    """Return the tokens of audio in base64."""
    rate = _BYTES_PER_SECOND
    if encoded.startswith("UklGR"):  # RIFF, a WAV file, whose header gives the bytes per second
        rate = max(int.from_bytes(decoded(encoded[:64])[28:32], "little"), _LEAST_BYTES_PER_SECOND)
    seconds = decoded_size(encoded) / rate
    return ceil(seconds * (_GEMINI_PER_SECOND if "gemini" in model else _PER_SECOND))


def file_tokens(encoded: str | None) -> int:
    """Return the tokens of another file; `encoded` is None if the request does not contain it."""
    pages = 1 + (decoded_size(encoded) // _BYTES_PER_PAGE if encoded else 0)
    return min(pages, _MOST_PAGES) * _PER_PAGE


def decoded_size(encoded: str) -> int:
    """Return the bytes that base64 encodes."""
    return len(encoded) * 3 // 4


def _tiles(size: Size | None) -> int:
    """Return the tiles of 512 pixels, after shrinking to 2048 by 2048 and then to a shorter side of 768."""
    if size is None:
        return _MOST_TILES
    shrink = min(1.0, 2048 / max(size), 768 / min(size))
    width, height = (max(1, ceil(side * shrink / 512)) for side in size)
    return min(width * height, _MOST_TILES)


def _patches(size: Size | None) -> int:
    return _MOST_PATCHES if size is None else min(_MOST_PATCHES, ceil(size[0] / 32) * ceil(size[1] / 32))


def _claude(size: Size | None) -> int:
    if size is None:
        return _CLAUDE_MOST
    shrink = min(1.0, _CLAUDE_EDGE / max(size))
    return min(_CLAUDE_MOST, ceil(size[0] * shrink * size[1] * shrink / _CLAUDE_PIXELS))


def _gemini(size: Size | None) -> int:
    if size is None:
        return _GEMINI_TILE * _GEMINI_MOST
    if max(size) <= _GEMINI_SMALL:
        return _GEMINI_TILE
    tiles = ceil(size[0] / _GEMINI_EDGE) * ceil(size[1] / _GEMINI_EDGE)
    return _GEMINI_TILE * min(tiles, _GEMINI_MOST)
