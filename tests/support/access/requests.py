"""Minimal Kafka requests for attacks; each returns the broker's error code.

Layouts: Kafka's protocol guide. Requests that would change something are validate-only where Kafka supports
that.
"""

import struct
import time
from collections.abc import Mapping
from uuid import UUID

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from pointsman.bus.protocol import fetch_requests, offset_requests, quota_requests
from pointsman.bus.protocol import transaction_requests as transactions
from pointsman.bus.protocol.transaction_requests import Membership, Offset, Packed, Producer, ResponseReader
from pointsman.bus.protocol.wire import NO_TAGS, WireReader, array, by_topic, compact

_I8, _I16, _I32, _I64 = (struct.Struct(f">{kind}") for kind in "bhiq")
_TIMEOUT = _I32.pack(5_000)
_NULL = compact(None)
TOPIC, GROUP, CLUSTER, TRANSACTIONAL = 2, 3, 4, 5
READ, WRITE, ALTER = 3, 4, 7


def text(value: str) -> bytes:
    return compact(value.encode())


def int8(value: int) -> bytes:
    return _I8.pack(value)


def int16(value: int) -> bytes:
    return _I16.pack(value)


def int32(value: int) -> bytes:
    return _I32.pack(value)


def int64(value: int) -> bytes:
    return _I64.pack(value)


def _code(answer: WireReader) -> int:
    (code,) = answer.unpack(_I16)
    return code


def _after_throttle(answer: WireReader) -> int:
    answer.unpack(_I32)
    return _code(answer)


def _of_first(answer: WireReader) -> int:
    """Decodes a throttle time and an array whose items begin with the error code."""
    answer.unpack(_I32)
    assert answer.varint() > 1, "no answer"
    return _code(answer)


def _of_named(answer: WireReader) -> int:
    """Decodes a throttle time and an array whose items begin with a name and the error code."""
    answer.unpack(_I32)
    assert answer.varint() > 1, "no answer"
    answer.compact()
    return _code(answer)


def _request(api: int, version: int, body: bytes, read: object = _after_throttle) -> Packed:
    return Packed(api, version, body + NO_TAGS, ResponseReader(read))  # type: ignore[arg-type]


def _mapped(packed: Packed, pick: object) -> Packed:
    inner = packed.RESPONSE_TYPE.read
    return Packed(
        packed.API_KEY,
        packed.API_VERSION,
        packed.body,
        ResponseReader(lambda answer: pick(inner(answer))),  # type: ignore[operator]
    )


def produce(topic: str, *, headers: Mapping[str, bytes] | None = None) -> Packed:
    """One real record with a key."""
    batch = DefaultRecordBatchBuilder(2, DefaultRecordBatch.CODEC_NONE, False, -1, -1, -1, 1 << 14)
    batch.append(0, int(time.time() * 1000), b"thief", b"{}", list((headers or {}).items()))
    partition = int32(0) + compact(bytes(batch.build())) + NO_TAGS
    body = _NULL + int16(-1) + _TIMEOUT + by_topic({topic: [partition]})
    return _mapped(
        Packed(0, 12, body + NO_TAGS, ResponseReader(transactions._sent)), lambda codes: codes[topic, 0]
    )


def fetch(topic: str, ids: Mapping[str, UUID], partition: int = 0) -> Packed:
    asked = fetch_requests.fetch(
        {(topic, partition): 0}, ids, wait_ms=0, least_bytes=0, most_bytes=1 << 16, most_of_each=1 << 16
    )
    return _mapped(asked, lambda answer: answer[0] or answer[1][topic, partition].code)


def fetch_as_follower(topic: str, ids: Mapping[str, UUID]) -> Packed:
    """A fetch by a replica."""
    asked = fetch(topic, ids)
    return Packed(asked.API_KEY, asked.API_VERSION, int32(1) + asked.body[4:], asked.RESPONSE_TYPE)


def list_offsets(topic: str) -> Packed:
    asked = offset_requests.list_offsets({(topic, 0): -1}, committed_only=False)
    return _mapped(asked, lambda answer: answer[topic, 0][0])


def delete_records(topic: str) -> Packed:
    def read(answer: WireReader) -> int:
        answer.unpack(_I32)
        answer.varint()
        answer.compact()
        answer.varint()
        answer.unpack(struct.Struct(">iq"))
        return _code(answer)

    partition = int32(0) + int64(0) + NO_TAGS
    return _request(21, 2, by_topic({topic: [partition]}) + _TIMEOUT, read)


def delete_topic(topic: str) -> Packed:
    return _request(20, 5, array([text(topic)]) + _TIMEOUT, _of_named)


def create_topic(topic: str) -> Packed:
    entry = text(topic) + int32(1) + int16(1) + array([]) + array([]) + NO_TAGS
    return _request(19, 5, array([entry]) + _TIMEOUT + b"\x01", _of_named)


def create_partitions(topic: str) -> Packed:
    return _request(37, 2, array([text(topic) + int32(64) + _NULL + NO_TAGS]) + _TIMEOUT + b"\x01", _of_named)


def alter_configs(kind: int, name: str, key: str = "retention.ms", value: str = "1000") -> Packed:
    config = text(key) + int8(0) + text(value) + NO_TAGS
    return _request(44, 1, array([int8(kind) + text(name) + array([config]) + NO_TAGS]) + b"\x01", _of_first)


def describe_configs(kind: int, name: str) -> Packed:
    resource = int8(kind) + text(name) + array([text("no.such.key")]) + NO_TAGS
    return _request(32, 4, array([resource]) + b"\x00\x00", _of_first)


def describe_producers(topic: str) -> Packed:
    def read(answer: WireReader) -> int:
        answer.unpack(_I32)
        answer.varint()
        answer.compact()
        answer.varint()
        answer.unpack(_I32)
        return _code(answer)

    return _request(61, 0, by_topic({topic: [int32(0)]}), read)


def heartbeat(group: str) -> Packed:
    return _request(12, 4, text(group) + int32(1) + text("thief") + _NULL)


def join_group(group: str) -> Packed:
    protocol = text("range") + compact(b"\0\0\0\0\0\0") + NO_TAGS
    body = (
        text(group) + int32(10_000) + int32(10_000) + text("") + _NULL + text("consumer") + array([protocol])
    )
    return _request(11, 6, body)


def leave_group(group: str) -> Packed:
    return _request(13, 4, text(group) + array([text("thief") + _NULL + NO_TAGS]))


def commit_offsets(group: str, topic: str) -> Packed:
    def read(answer: WireReader) -> int:
        answer.unpack(_I32)
        answer.varint()
        answer.compact()
        answer.varint()
        answer.unpack(_I32)
        return _code(answer)

    partition = int32(0) + int64(10**9) + int32(-1) + _NULL + NO_TAGS
    return _request(8, 8, text(group) + int32(-1) + text("") + _NULL + by_topic({topic: [partition]}), read)


def committed_offsets(group: str) -> Packed:
    return _mapped(offset_requests.committed(group, [], stable=False), lambda answer: answer[0])


def describe_group(group: str) -> Packed:
    return _request(15, 5, array([text(group)]) + b"\x00", _of_first)


def delete_group(group: str) -> Packed:
    return _request(42, 2, array([text(group)]), _of_named)


def init_producer(transactional_id: str | None) -> Packed:
    """For idempotent writes, without a transactional id."""
    if transactional_id is not None:
        return _mapped(transactions.init_producer(transactional_id, 5_000), lambda answer: answer[0])
    body = _NULL + _TIMEOUT + Producer(-1, -1).packed()
    return _request(22, 4, body)


def end_transaction(transactional_id: str) -> Packed:
    return _mapped(transactions.end(transactional_id, Producer(10**9, 0)), lambda answer: answer[0])


def find_coordinator(name: str, kind: int = 1) -> Packed:
    """Finds the coordinator of a group (kind 0) or of a transactional id (kind 1)."""
    return _request(10, 3, text(name) + int8(kind))


def add_offsets(transactional_id: str, group: str) -> Packed:
    return _request(25, 3, text(transactional_id) + Producer(10**9, 0).packed() + text(group))


def commit_in_transaction(transactional_id: str, group: str, topic: str) -> Packed:
    offset = Offset((topic, 0), 10**9, "")
    asked = transactions.commit_offsets(
        transactional_id, Producer(10**9, 0), Membership(group, "", -1), [offset]
    )
    return _mapped(asked, lambda codes: codes[topic, 0])


def describe_transaction(transactional_id: str) -> Packed:
    return _request(65, 0, array([text(transactional_id)]), _of_first)


def write_markers(topic: str) -> Packed:
    """A transaction marker, as coordinators send it to leaders."""

    def read(answer: WireReader) -> int:
        assert answer.varint() > 1
        answer.unpack(_I64)
        answer.varint()
        answer.compact()
        answer.varint()
        answer.unpack(_I32)
        return _code(answer)

    marker = Producer(10**9, 0).packed() + b"\x01" + array([text(topic) + array([int32(0)]) + NO_TAGS])
    return _request(27, 1, array([marker + int32(0) + NO_TAGS]), read)


def create_acl(user: str, kind: int, name: str, operation: int) -> Packed:
    acl = int8(kind) + text(name) + int8(3) + text(f"User:{user}") + text("*") + int8(operation) + int8(3)
    return _request(30, 2, array([acl + NO_TAGS]), _of_first)


def delete_acls(user: str) -> Packed:
    acl_filter = int8(1) + _NULL + int8(1) + text(f"User:{user}") + _NULL + int8(1) + int8(1) + NO_TAGS
    return _request(31, 2, array([acl_filter]), _of_first)


def describe_acls() -> Packed:
    return _request(29, 2, int8(1) + _NULL + int8(1) + _NULL + _NULL + int8(1) + int8(1))


def describe_users(user: str) -> Packed:
    """Describes one user: a broker that refuses to describe all of them sends no answer (Kafka 4)."""
    return _request(50, 0, array([text(user) + NO_TAGS]))


def set_password(user: str) -> Packed:
    upsertion = text(user) + int8(2) + int32(4096) + compact(b"salt" * 4) + compact(b"p" * 64) + NO_TAGS
    return _request(51, 0, array([]) + array([upsertion]), _of_named)


def delete_user(user: str) -> Packed:
    return _request(51, 0, array([text(user) + int8(2) + NO_TAGS]) + array([]), _of_named)


def set_quota(user: str) -> Packed:
    asked = quota_requests.alter({user: {"producer_byte_rate": 1e9}})
    return _mapped(asked, lambda answer: answer[user][0])


def describe_quotas() -> Packed:
    return _mapped(quota_requests.describe(), lambda answer: answer[0])


def elect_leaders(topic: str) -> Packed:
    return _request(43, 2, int8(1) + array([text(topic) + array([int32(0)]) + NO_TAGS]) + _TIMEOUT)


def reassign(topic: str) -> Packed:
    partition = int32(0) + array([int32(1)]) + NO_TAGS
    return _request(45, 0, _TIMEOUT + by_topic({topic: [partition]}))


def unregister_broker() -> Packed:
    return _request(64, 0, int32(99))


def update_feature() -> Packed:
    feature = text("transaction.version") + int16(1) + int8(2) + NO_TAGS
    return _request(57, 1, _TIMEOUT + array([feature]) + b"\x01")


def alter_replica_folders(topic: str) -> Packed:
    def read(answer: WireReader) -> int:
        answer.unpack(_I32)
        answer.varint()
        answer.compact()
        answer.varint()
        answer.unpack(_I32)
        return _code(answer)

    folder = text("/tmp") + array([text(topic) + array([int32(0)]) + NO_TAGS]) + NO_TAGS
    return _request(34, 2, array([folder]), read)


def describe_folders() -> Packed:
    return _request(35, 4, _NULL)


def leader_and_epoch(topic: str) -> Packed:
    """OffsetForLeaderEpoch, which returns the end of a partition."""

    def read(answer: WireReader) -> int:
        answer.unpack(_I32)
        answer.varint()
        answer.compact()
        answer.varint()
        return _code(answer)

    return _request(23, 4, int32(-1) + by_topic({topic: [int32(0) + int32(-1) + int32(0) + NO_TAGS]}), read)
