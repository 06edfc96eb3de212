"""A cache of the subjects' keys, validated against the database with every batch.

Invariants:
- A stored row is sealed by a key that was in the database when its transaction committed: an erased key is
  never used again, even if it is in the cache.
- If several processes create a subject's first key at once, one wins; the others seal again with that key.
- A key whose transaction may not have committed is discarded, so no key is added twice.
"""

from functools import lru_cache

from pointsman.store.connect import Connection
from pointsman.store.privacy.sealing import DataKey, MasterKey
from pointsman.store.sql import query

#: Size of the caches in subjects.
_REMEMBERED = 50_000


class KeysChangedError(Exception):
    """Rows were sealed with outdated keys: seal them again."""


class Keyring:
    """A process's cache of subjects and their keys."""

    def __init__(self, master: MasterKey) -> None:
        self.master = master
        self.hash_of = lru_cache(maxsize=_REMEMBERED)(master.hash_of)
        self._keys: dict[bytes, DataKey] = {}

    def known(self, subject: bytes) -> DataKey | None:
        """Return the subject's cached key; None if there is none."""
        return self._keys.get(subject)

    def learn(self, subject: bytes, key: DataKey | None) -> None:
        """Cache the subject's key as read from the database; None removes it."""
        self._keys.pop(subject, None)
        if key is not None:
            if len(self._keys) >= _REMEMBERED:
                del self._keys[next(iter(self._keys))]
            self._keys[subject] = key


class Sealing:
    """The keys used in one batch, from the cache; the database validates them at the batch's end."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._used: dict[bytes, DataKey] = {}
        self._new: set[bytes] = set()

    def begin(self) -> None:
        """Forget the keys used so far: the batch starts or is made again."""
        self._used.clear()
        self._new.clear()

    def key_of(self, subject: str) -> DataKey:
        """Return the subject's cached key, else a new one."""
        hash = self._keyring.hash_of(subject)
        key = self._used.get(hash) or self._keyring.known(hash)
        if key is None:
            key = self._keyring.master.new_key(hash)
            self._new.add(hash)
        self._used[hash] = key
        return key

    async def settle(self, connection: Connection) -> None:
        """Store new keys and validate the others, after the rows and in their transaction.

        Raises:
            KeysChangedError: a key is outdated; the cache is corrected, so seal the rows again.
            SealBrokenError: the database's keys were wrapped by another master key.
        """
        if not self._used:
            return
        kept_keys = await connection.fetch(
            query("keep_subject_keys"),
            list(self._used),
            [key.id for key in self._used.values()],
            [key.wrapped if subject in self._new else None for subject, key in self._used.items()],
        )
        stored = {row["subject"]: row for row in kept_keys}
        changed = False
        for subject, key in self._used.items():
            row = stored.get(subject)
            if row is None or row["key_id"] != key.id:
                data_key = None
                if row is not None:
                    data_key = self._keyring.master.unwrap(row["key_id"], subject, row["wrapped"])
                self._keyring.learn(subject, data_key)
                changed = True
        if changed:
            raise KeysChangedError

    def keep(self) -> None:
        """Cache the new keys: the transaction was committed."""
        for subject in self._new:
            self._keyring.learn(subject, self._used[subject])
