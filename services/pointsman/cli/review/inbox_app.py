"""The inbox: waiting cases on the left, the selected case on the right, the last answer below.

The list follows the topic of cases. The app decides nothing itself: each key sends a command, which the
service answers.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar
from uuid import UUID

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import DataTable, Footer, Static

from pointsman.bus.errors import BusError
from pointsman.bus.read.follow import Follower
from pointsman.cli.formats import duration, gist, printable
from pointsman.cli.review.inbox_asking import AskReason, AskText, AskTier
from pointsman.cli.show.case import case_lines, cases_waiting
from pointsman.client.reviews import KnownCase, KnownCases, Reviewer, ReviewTimeoutError
from pointsman.review.content import with_text
from pointsman.runtime.clock import utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman.score.text import answered
from pointsman_schemas.reviews import ReviewAnswered, ReviewChanged
from pointsman_schemas.topics import Topics

#: How often displayed times are refreshed, in seconds.
_TICK_S = 5.0

Act = Callable[[KnownCase], Awaitable[ReviewAnswered | None]]


class InboxApp(App[None]):
    """The full-screen app. `queue`: show cases of this queue only; empty for all."""

    TITLE = "pointsman review"
    CSS = "DataTable { width: 45%; } #case { width: 55%; padding: 0 1; } #answer { height: 1; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "claim", "Claim"),
        Binding("a", "approve", "Approve"),
        Binding("e", "edit", "Edit"),
        Binding("s", "send", "Send to a tier"),
        Binding("r", "reject", "Reject"),
        Binding("x", "release", "Release"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, kafka: KafkaPart, topics: Topics, reviewer: Reviewer, by: str, queue: str) -> None:
        super().__init__()
        self._kafka, self._topics, self._reviewer, self._by, self._queue = kafka, topics, reviewer, by, queue
        self._cases = KnownCases()
        self._shown: list[ReviewChanged] = []
        self._entered = False

    def compose(self) -> ComposeResult:
        """Lay out the list, the case, a line for the last answer, and the keys."""
        with Horizontal():
            yield DataTable(cursor_type="row", zebra_stripes=True)
            with VerticalScroll(id="case"):
                yield Static(id="text")
        yield Static(id="answer")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("queue", "state", "agent", "why", "left")
        self.set_interval(_TICK_S, self.refresh_cases)
        self._follow()

    async def on_unmount(self) -> None:
        if self._entered:
            await self._reviewer.__aexit__(None, None, None)

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        try:
            await self._reviewer.__aenter__()
            self._entered = True
            async with Follower(
                self._kafka, [self._topics.reviews_state.name], start="beginning"
            ) as follower:
                while True:
                    records = await follower.read()
                    for record in records:
                        self._cases.take(record)
                    if records or not self._shown:
                        self.refresh_cases()
        except BusError as error:
            self.exit(message=f"{error}")

    def refresh_cases(self) -> None:
        """Show the waiting cases. The selected case stays selected while it waits."""
        table, chosen = self.query_one(DataTable), self._chosen()
        self._shown = cases_waiting(self._cases.all, self._queue)
        table.clear()
        now = utc_now()
        for case in self._shown:
            holder = case.claim.by if case.claim is not None and case.claim.until > now else ""
            state = "yours" if holder == self._by else f"claimed by {printable(holder)}" if holder else "open"
            time_left = duration(max(0.0, (case.deadline - now).total_seconds()))
            table.add_row(
                case.queue,
                state,
                printable(case.agent_id),
                gist(case.stop.detail, 30),
                time_left,
                key=str(case.job_id),
            )
        ids = [case.job_id for case in self._shown]
        if chosen in ids:
            table.move_cursor(row=ids.index(chosen))
        self._show_case()

    def on_data_table_row_highlighted(self) -> None:
        self._show_case()

    def _chosen(self) -> UUID | None:
        row = self.query_one(DataTable).cursor_row
        return self._shown[row].job_id if 0 <= row < len(self._shown) else None

    def _show_case(self) -> None:
        chosen = self._chosen()
        known = None if chosen is None else self._cases.known(chosen)
        where = f" in queue {self._queue}" if self._queue else ""
        lines = [f"no case waits{where}"] if known is None else [*case_lines(known, utc_now())]
        self.query_one("#text", Static).update(Text("\n".join(lines)))

    def action_claim(self) -> None:
        self._act(lambda known: self._reviewer.claim(known.case))

    def action_release(self) -> None:
        self._act(lambda known: self._reviewer.release(known.case))

    def action_approve(self) -> None:
        self._act(lambda known: self._reviewer.decide(known, "approve"))

    def action_reject(self) -> None:
        """Ask for a reason, then end the job."""

        async def reject(known: KnownCase) -> ReviewAnswered | None:
            reason = await self.push_screen_wait(AskReason("Why is it rejected?"))
            return await self._reviewer.decide(known, "reject", reason=reason) if reason else None

        self._act(reject)

    def action_edit(self) -> None:
        """Ask for the new text and a reason, then give the agent that text."""

        async def edit(known: KnownCase) -> ReviewAnswered | None:
            if known.request is None or known.request.proposed is None:
                self._say("there is no answer yet that could be edited", wrong=True)
                return None
            response = known.request.proposed.response
            new_text = await self.push_screen_wait(
                AskText("The answer as it shall be", answered(response) or "")
            )
            if new_text is None:
                return None
            reason = await self.push_screen_wait(AskReason("Why is it edited?"))
            if not reason:
                return None
            edited = with_text(response, new_text)
            return await self._reviewer.decide(known, "edit", reason=reason, response=edited)

        self._act(edit)

    def action_send(self) -> None:
        """Ask for a tier and a reason, then send the job there."""

        async def send(known: KnownCase) -> ReviewAnswered | None:
            plan = None if known.request is None else known.request.decision.review
            tier = await self.push_screen_wait(AskTier(() if plan is None else plan.tiers))
            if tier is None:
                return None
            reason = await self.push_screen_wait(AskReason(f"Why is it sent to {tier}?"))
            return await self._reviewer.decide(known, "send", reason=reason, tier=tier) if reason else None

        self._act(send)

    @work(exclusive=True, group="act")
    async def _act(self, do: Act) -> None:
        chosen = self._chosen()
        known = None if chosen is None else self._cases.known(chosen)
        if known is None or known.request is None:
            return
        try:
            answer = await do(known)
        except (ReviewTimeoutError, BusError) as error:
            self._say(str(error), wrong=True)
            return
        if answer is not None:
            refused = f"refused ({answer.refused}): " if answer.refused else ""
            self._say(f"{refused}{answer.message}", wrong=answer.refused is not None)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        line = Text(printable(text), style="bold red" if wrong else "green")
        self.query_one("#answer", Static).update(line)
