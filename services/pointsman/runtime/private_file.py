"""Files that only their owner may read."""

import tempfile
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Put `text` there in a new file: who has the one before it open, or could, does not see it."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", delete=False) as out:
        out.write(text)
    Path(out.name).replace(file)
