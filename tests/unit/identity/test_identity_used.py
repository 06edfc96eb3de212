"""Each signature is accepted once, in bounded memory, whatever the order of records."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.identity.used import UsedSignatures
from pointsman.identity.verify import GOOD_FOR_MS, SignatureVerdict

VALID, REPEATED, STALE = SignatureVerdict.VALID, SignatureVerdict.REPEATED, SignatureVerdict.STALE
AT_MS = 1_795_629_209_000


def raw(number: int) -> bytes:
    return number.to_bytes(64, "little")


def test_the_second_use_is_a_repeat() -> None:
    used = UsedSignatures()
    assert used.use("a", raw(1), AT_MS, AT_MS) is VALID
    assert used.use("a", raw(1), AT_MS, AT_MS + 1) is REPEATED
    assert used.use("a", raw(2), AT_MS, AT_MS + 1) is VALID


def test_it_is_remembered_as_long_as_it_is_valid() -> None:
    used = UsedSignatures()
    assert used.use("a", raw(1), AT_MS + GOOD_FOR_MS, AT_MS) is VALID  # of a clock that is ahead
    for minute in range(10):
        assert used.use("a", raw(100 + minute), AT_MS + minute * 60_000, AT_MS + minute * 60_000) is VALID
    assert used.use("a", raw(1), AT_MS + GOOD_FOR_MS, AT_MS + 2 * GOOD_FOR_MS) is REPEATED


def test_old_signatures_are_deleted() -> None:
    used = UsedSignatures()
    for number in range(100):
        used.use("a", raw(number), AT_MS + number * 60_000, AT_MS + number * 60_000)
    assert len(used) < 10
    assert used.use("a", raw(0), AT_MS, AT_MS) is STALE  # the broker's clock went back


def test_a_full_memory_shortens_validity_without_accepting_repeats() -> None:
    used = UsedSignatures(capacity=10)
    for number in range(100):
        assert used.use("a", raw(number), AT_MS + number * 1000, AT_MS) is VALID
    assert len(used) <= 10
    for number in range(100):
        assert used.use("a", raw(number), AT_MS + number * 1000, AT_MS) in (REPEATED, STALE)


def test_a_flood_does_not_affect_another_agent() -> None:
    used = UsedSignatures(capacity=100)
    assert used.use("quiet", raw(1), AT_MS - 60_000, AT_MS) is VALID
    for number in range(1000):
        used.use("loud", raw(number), AT_MS + number, AT_MS)
    assert used.use("quiet", raw(2), AT_MS - 60_000, AT_MS) is VALID
    assert used.use("quiet", raw(1), AT_MS - 60_000, AT_MS) is REPEATED
    assert len(used) <= 100


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(-400, 400)), max_size=200),
    st.integers(1, 20),
)
def test_no_signature_is_accepted_twice(uses: list[tuple[str, int, int]], capacity: int) -> None:
    used, good = UsedSignatures(capacity), set()
    for at, (agent, number, skew_s) in enumerate(uses):
        time_ms = AT_MS + number * 7_000
        at_ms = AT_MS + at * 1_000 + skew_s * 100
        if abs(at_ms - time_ms) <= GOOD_FOR_MS and used.use(agent, raw(number), time_ms, at_ms) is VALID:
            assert (agent, number) not in good
            good.add((agent, number))
        assert len(used) <= capacity
