"""The command line of the embedded broker."""

import uuid

import pytest

from pointsman.dev.servers.kafka import new_cluster_id


def test_a_cluster_id_that_would_be_taken_for_a_flag_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(
        [uuid.UUID(bytes=b"\xf8" + bytes(15)), uuid.UUID(bytes=b"\xfb" + bytes(15)), uuid.UUID(int=7)]
    )
    monkeypatch.setattr(uuid, "uuid4", lambda: next(drawn))
    assert new_cluster_id() == "AAAAAAAAAAAAAAAAAAAABw"
