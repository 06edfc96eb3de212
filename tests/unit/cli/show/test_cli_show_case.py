"""Display of a case: the commands name the reviewer, and a decision's time is counted from the claim."""

from pointsman.cli.show.case import case_lines
from pointsman.cli.show.words import case_words
from pointsman.client.reviews import KnownCase
from pointsman.review.case import claimed, decided, plan_of, queue_of
from pointsman_schemas.reviews import ReviewChanged
from tests.support.review.cases import case, claim, decide, later, request


def test_each_command_has_the_options_that_it_needs() -> None:
    for requested in (request(of="answer"), request(of="routing")):
        lines = list(case_lines(KnownCase(case(requested), requested), later(0), " --by ana --key ana.pem"))
        commands = [line for line in lines if line.startswith("  pointsman review ")]
        assert len(commands) >= 3
        assert all(line.endswith(" --by ana --key ana.pem") for line in commands)
        assert "pointsman" not in "".join(case_lines(KnownCase(case(requested), requested), later(0)))


def test_a_decisions_time_is_said_to_count_from_the_claim() -> None:
    requested = request(people=2)
    queue = queue_of(plan_of(requested), "legal")
    taken = claimed(case(requested), claim(requested), later(60), queue, 0)
    assert isinstance(taken, ReviewChanged)
    once = decided(taken, decide(requested), later(62), requested)
    assert isinstance(once, ReviewChanged)
    assert "approve by ana, 2.00 s after the claim" in case_words(once)[1]
    assert any(
        "approve by ana, 2.00 s after the claim" in line for line in case_lines(KnownCase(once), later(63))
    )
