"""Copies of the newest checkpoints, in a folder or bucket, are readable by their owner only."""

import asyncio
import stat
from pathlib import Path

import pytest

from pointsman.audit.heads import KEPT, BucketHeads, FolderHeads, Heads, HeadsError, open_heads


@pytest.mark.parametrize("kind", ["folder", "bucket"])
async def test_a_limited_number_of_newest_copies_is_kept(kind: str, tmp_path: Path) -> None:
    heads: Heads = FolderHeads(tmp_path / "not" / "there") if kind == "folder" else BucketHeads("memory:///")
    for number in (1, 2, 3, KEPT + 2):
        await heads.put(number, b"%d" % number)
    assert sorted(await heads.all()) == sorted([b"1", b"%d" % (KEPT + 2), b"3"])


def test_a_folder_is_private(tmp_path: Path) -> None:
    asyncio.run(FolderHeads(tmp_path / "heads").put(7, b"signed"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"heads": 0o700, "checkpoint-007.json": 0o600}


async def test_an_unmounted_folder_does_not_count_as_empty(tmp_path: Path) -> None:
    with pytest.raises(HeadsError, match="mounted"):
        await FolderHeads(tmp_path / "away").all()


@pytest.mark.parametrize("url", ["http://x", "folder", "file://host/x", "s3://"])
def test_an_invalid_address_is_refused_with_valid_examples(url: str) -> None:
    with pytest.raises(HeadsError, match=r"file:///FOLDER"):
        open_heads(url)
    assert open_heads("") is None
