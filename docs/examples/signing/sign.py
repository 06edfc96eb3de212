"""Sign a record in plain Python: `pip install cryptography`, nothing of pointsman.

Prints the header `ce_signature` for the value on stdin:

    python sign.py KEY TOPIC CE_ID CE_TIME < value.json

KEY: 64 hexadecimal digits, as `openssl rand -hex 32` makes them.
"""

import sys
from base64 import b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def signature(key: Ed25519PrivateKey, topic: str, id: str, time: str, value: bytes) -> str:
    """The header's value; topic, id and time as they stand in the record."""
    lines = ["pointsman-signature-v1", topic, id, time, sha256(value).hexdigest()]
    key_id = sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]
    signed = key.sign("\n".join(lines).encode())
    return f"{key_id}:{b64encode(signed).decode()}"


if __name__ == "__main__":
    seed, topic, id, time = sys.argv[1:]
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    print(signature(key, topic, id, time, sys.stdin.buffer.read()))
