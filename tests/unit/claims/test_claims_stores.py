"""Folder and bucket stores fulfil the contract of every store."""

import asyncio
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.claims.folder import MARK, Folder
from pointsman.claims.objects import Objects
from pointsman.claims.opened import ClaimsSettingError, open_store
from pointsman.claims.settings import ClaimsPart
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.claims.table import ClaimsTable
from pointsman.cli.checks.claims import claims as check_claims
from tests.support.bus.claim_stores import Shelf, digest, holds_the_contract


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_folder_fulfils_the_store_contract(tmp_path: Path) -> None:
    await holds_the_contract(Folder(tmp_path / "not there yet"))


async def test_a_bucket_fulfils_the_store_contract() -> None:
    await holds_the_contract(Objects("memory:///"))


async def test_the_double_fulfils_the_store_contract() -> None:
    await holds_the_contract(Shelf())


async def test_partial_files_are_never_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, content = Folder(tmp_path), b"x" * 100_000
    await folder.put(digest(b"first"), b"first")

    def cut_off(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("pointsman.claims.folder.os.fsync", cut_off)
    with pytest.raises(ClaimsUnavailableError, match="no space left"):
        await folder.put(digest(content), content)
    assert await folder.get(digest(content)) is None
    assert files(tmp_path) == sorted([MARK, digest(b"first")])


async def test_a_folders_values_are_private(tmp_path: Path) -> None:
    place = tmp_path / "claims"
    before = os.umask(0)
    try:
        await Folder(place).put(digest(b"prompt"), b"prompt")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [place, *place.rglob("*")]}
    private = digest(b"prompt")
    assert modes == {"claims": 0o700, private[:2]: 0o700, private: 0o600, MARK: 0o600}


async def test_leftovers_of_a_killed_writer_are_not_listed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    await folder.put(digest(b"whole"), b"whole")
    (tmp_path / digest(b"whole")[:2] / ".0123456789abcdef").write_bytes(b"ha")
    later = datetime.now(UTC) + timedelta(days=1)
    assert [kept.sha256 async for kept in folder.older(later)] == [digest(b"whole")]


async def test_an_unmounted_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ClaimsUnavailableError, match="mounted"):
        await Folder(tmp_path).get(digest(b"x"))
    (tmp_path / "a file").touch()
    with pytest.raises(ClaimsUnavailableError, match="not available"):
        await Folder(tmp_path / "a file").put(digest(b"x"), b"x")


async def test_an_unreachable_bucket_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Objects(
        "s3://bucket/prefix",
        config={"endpoint": "http://127.0.0.1:9", "access_key_id": "a", "secret_access_key": "b"},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    for asked in (store.put(digest(b"x"), b"x"), store.get(digest(b"x"))):
        with pytest.raises(ClaimsUnavailableError, match="s3://bucket/prefix"):
            await asked


async def test_an_unreachable_database_is_unavailable_without_its_password_in_the_error() -> None:
    store = ClaimsTable("postgresql://me:secret@127.0.0.1:9/claims")
    with pytest.raises(ClaimsUnavailableError) as raised:
        await asyncio.wait_for(store.get(digest(b"x")), 10)
    assert "postgresql://127.0.0.1:9/claims" in str(raised.value)
    assert "secret" not in str(raised.value) + store.place + store.url(digest(b"x"))


@pytest.mark.parametrize("url", ["file:relative", "file://host/folder", "ftp://x", "folder", "s3:///", "s3:"])
def test_an_invalid_address_is_refused_with_valid_examples(url: str) -> None:
    with pytest.raises(ClaimsSettingError, match="file:///FOLDER"):
        open_store(url)


def test_an_address_is_opened_without_touching_anything(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    store = open_store(folder.as_uri())
    assert isinstance(store, Folder)
    assert store.place == folder.as_uri()
    assert not folder.exists()
    assert isinstance(open_store("postgresql://a@b/c"), ClaimsTable)
    assert isinstance(open_store("s3://bucket/prefix"), Objects)


async def test_doctor_stores_a_value_and_deletes_it(tmp_path: Path) -> None:
    good = await check_claims(ClaimsPart(claims=(tmp_path / "claims").as_uri()))
    assert good.ok, good
    assert len(files(tmp_path / "claims")) == 2
    (tmp_path / "a file").touch()
    away = await check_claims(ClaimsPart(claims=(tmp_path / "a file").as_uri()))
    assert (away.ok, "not available" in away.said, bool(away.fix)) == (False, True, True)
    wrong = await check_claims(ClaimsPart(claims="ftp://x"))
    assert (wrong.ok, bool(wrong.fix)) == (False, True)
    unset = await check_claims(ClaimsPart(claims=""))
    assert (unset.ok, "no store is set" in unset.said) == (True, True)
