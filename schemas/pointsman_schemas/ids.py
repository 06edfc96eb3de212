"""Identifiers: UUIDv7 for new messages; UUIDv5 for messages derived from a record, so repeats are equal."""

import os
from datetime import datetime
from uuid import UUID, uuid5

_DERIVED = UUID("5c2c6a4e-5f5b-5d0e-9a53-706f696e7473")

#: Digits of a short id.
SHORT = 12


def uuid7(now: datetime, random: bytes | None = None) -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds since 1970, then 74 random bits.

    `random` is 10 bytes; the default comes from the operating system.
    """
    milliseconds = int(now.timestamp() * 1000)
    random_bits = int.from_bytes(random if random is not None else os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def short_id(job_id: UUID) -> str:
    """The last 12 digits of a job id, which commands accept in place of the id.

    The whole id if it ends with a machine's address (versions 1, 2 and 6), because that is not unique.
    """
    text = str(job_id)
    return text if job_id.version in (1, 2, 6) else text[-SHORT:]


def signed_job_id(agent_id: str, message_id: UUID) -> UUID:
    """The id of a job whose signed record has no job id.

    It does not depend on the record's partition or offset.
    """
    return uuid5(_DERIVED, f"signed:{agent_id}:{message_id}")


def derived_id(seed: str, partition: int, offset: int, step: str) -> UUID:
    """The id of the message that `step` makes from a record; `seed` stands for the record's topic.

    The same record and step always give the same id. A topic that is deleted and created again has another
    seed, so that its records give other ids.
    """
    return uuid5(_DERIVED, f"{seed}:{partition}:{offset}:{step}")
