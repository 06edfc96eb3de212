"""Identifiers: UUIDv7 for what is new, UUIDv5 for what follows from a record, so a repeat is recognised."""

import os
from datetime import datetime
from uuid import UUID, uuid5

_DERIVED = UUID("5c2c6a4e-5f5b-5d0e-9a53-706f696e7473")

#: Digits of a short id.
SHORT = 12


def uuid7(now: datetime, random: bytes | None = None) -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds since 1970, then 74 random bits.

    `random` is 10 bytes; it is drawn from the operating system when not given.
    """
    milliseconds = int(now.timestamp() * 1000)
    rest = int.from_bytes(random if random is not None else os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | rest
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def short_id(job_id: UUID) -> str:
    """Its last group of digits, which tells apart what was made in the same instant, and commands accept.

    The whole id where it ends with the address of the machine that made it (versions 1, 2 and 6).
    """
    text = str(job_id)
    return text if job_id.version in (1, 2, 6) else text[-SHORT:]


def signed_job_id(agent_id: str, message_id: UUID) -> UUID:
    """The id of a job whose signed record names none: one message is one job, wherever it stands."""
    return uuid5(_DERIVED, f"signed:{agent_id}:{message_id}")


def derived_id(topic: str, partition: int, offset: int, step: str) -> UUID:
    """The id of what `step` makes of one record: the same record and step give the same id, always."""
    return uuid5(_DERIVED, f"{topic}:{partition}:{offset}:{step}")
