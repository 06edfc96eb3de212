"""Encryption never uses an AES-GCM nonce twice with one key."""

from itertools import pairwise

from pointsman.store.privacy.sealing import MasterKey

MASTER = MasterKey(bytes(range(32)))
PLACE = ("t", 0, 1)
NONCE = 12


def test_encrypting_the_same_value_twice_differs() -> None:
    key = MASTER.new_key(b"s" * 32)
    first, second = key.seal(PLACE, b"the same"), key.seal(PLACE, b"the same")
    assert first[:NONCE] != second[:NONCE]
    assert first[NONCE:] != second[NONCE:]
    assert key.open(PLACE, first) == key.open(PLACE, second) == b"the same"


def test_no_nonce_is_used_twice() -> None:
    key = MASTER.new_key(b"s" * 32)
    sealed = [key.seal(("t", 0, offset), b"x") for offset in range(20_000)]
    assert len({ciphertext[:NONCE] for ciphertext in sealed}) == len(sealed)
    again = MASTER.unwrap(key.id, key.subject, key.wrapped)  # as after a restart: nothing begins anew
    assert not {again.seal(PLACE, b"x")[:NONCE] for _ in range(1_000)} & {
        ciphertext[:NONCE] for ciphertext in sealed
    }


def test_each_data_key_is_wrapped_with_a_separate_nonce() -> None:
    keys = [MASTER.new_key(b"s" * 32) for _ in range(2_000)]
    assert len({key.wrapped[:NONCE] for key in keys}) == len(keys)
    assert len({key.wrapped[NONCE:] for key in keys}) == len(keys)


def test_nonces_are_not_counted_up() -> None:
    """A counter would restart with each process; random nonces do not."""
    key = MASTER.new_key(b"s" * 32)
    numbers = sorted(int.from_bytes(key.seal(PLACE, b"x")[:NONCE]) for _ in range(1_000))
    assert min(after - before for before, after in pairwise(numbers)) > 2**32
