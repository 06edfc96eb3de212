"""Parse texts as the files that they would be."""

from collections.abc import Sequence
from pathlib import PosixPath
from typing import Any

from pointsman.audit import privacy_file
from pointsman.audit.privacy_file import PrivacyFile
from pointsman.registry import agents_file
from pointsman.registry.agents_file import AgentsFile


class _Unwritten(PosixPath):
    """The path of a file that has `text`, without the file."""

    text: str

    def read_text(self, *_arguments: Any, **_options: Any) -> str:
        return self.text


def parse_agents(text: str, tiers: Sequence[str], **options: Any) -> AgentsFile:
    """Parse the text of an agents file. `options`: those of `agents_file.load`."""
    return agents_file.load(_path("agents.yaml", text), tiers, **options)


def parse_privacy(text: str) -> PrivacyFile:
    """Parse the text of a privacy file."""
    return privacy_file.load(_path("privacy.yaml", text))


def _path(name: str, text: str) -> _Unwritten:
    path = _Unwritten(name)
    path.text = text
    return path
