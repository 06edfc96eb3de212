"""New ids are UUIDv7 by RFC 9562; derived ids depend only on record and step."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, uuid1

from hypothesis import given
from hypothesis import strategies as st

from pointsman_schemas.ids import SHORT, derived_id, short_id, uuid7

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.timedeltas(timedelta(0), timedelta(days=365 * 1000)).map(lambda since: EPOCH + since)
RANDOM = st.binary(min_size=10, max_size=10)


def test_the_example_of_the_standard() -> None:
    # RFC 9562, appendix A.6: rand_a is CC3, rand_b 18C4DC0C0C07398F.
    moment = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    random = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert str(uuid7(moment, random)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(TIMES, RANDOM)
def test_version_variant_and_time_stand_where_the_standard_has_them(now: datetime, random: bytes) -> None:
    made = uuid7(now, random)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert abs((made.int >> 80) - (now - EPOCH) // timedelta(milliseconds=1)) <= 1  # a float stands between


@given(TIMES, RANDOM, RANDOM)
def test_a_later_millisecond_sorts_later(now: datetime, first: bytes, second: bytes) -> None:
    later = now + timedelta(milliseconds=2)
    assert uuid7(now, first) < uuid7(later, second)
    assert str(uuid7(now, first)) < str(uuid7(later, second))


def test_the_same_moment_gives_different_ids() -> None:
    now = datetime(2026, 3, 12, tzinfo=UTC)
    assert len({uuid7(now) for _ in range(1_000)}) == 1_000


@given(st.tuples(st.text(max_size=20), st.integers(0, 99), st.integers(0), st.text(max_size=20)))
def test_a_repeat_is_recognised(place: tuple[str, int, int, str]) -> None:
    assert derived_id(*place) == derived_id(*place)
    assert derived_id(*place).version == 5


def test_every_part_of_the_place_counts() -> None:
    places = [
        ("a", 1, 2, "s"),
        ("b", 1, 2, "s"),
        ("a", 2, 2, "s"),
        ("a", 1, 3, "s"),
        ("a", 1, 2, "t"),
        ("a", 12, 2, "s"),
    ]
    assert len({derived_id(*place) for place in places}) == len(places)


@given(TIMES, st.lists(RANDOM, min_size=2, max_size=50, unique_by=lambda random: random[-6:]))
def test_the_short_form_tells_apart_what_was_made_in_one_instant(now: datetime, randoms: list[bytes]) -> None:
    made = [uuid7(now, random) for random in randoms]
    assert len({short_id(job_id) for job_id in made}) == len(made)
    assert all(len(short_id(job_id)) == SHORT for job_id in made)


def test_an_id_that_ends_with_a_machines_address_is_shown_whole() -> None:
    made = [uuid1(node=1), uuid1(node=1)]
    assert [short_id(job_id) for job_id in made] == [str(job_id) for job_id in made]
