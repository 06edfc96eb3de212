"""Questions of the inbox before it sends a decision. Escape cancels."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, TextArea

_BOX = "align: center middle;"
_INNER = (
    "width: 80%; height: auto; max-height: 80%; border: round $accent; background: $surface; padding: 1 2;"
)


class InboxQuestion(ModalScreen[str | None]):
    """A dialog over the inbox. Its result is None if it is cancelled."""

    CSS = f"InboxQuestion {{ {_BOX} }} InboxQuestion > Vertical {{ {_INNER} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]

    def action_leave(self) -> None:
        self.dismiss(None)


class AskReason(InboxQuestion):
    """Asks for a line of text, which must not be empty; Enter sends it."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._question)
            yield Input(placeholder="it goes on record", max_length=2000)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ignore an empty reason."""
        if event.value.strip():
            self.dismiss(event.value.strip())


class AskText(InboxQuestion):
    """Asks for changes to a text; Ctrl-S accepts it."""

    CSS = "AskText TextArea { height: 16; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "take", "Take it", priority=True)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(f"{self._title} (Ctrl-S takes it, Escape leaves it)")
            yield TextArea(self._text)

    def on_mount(self) -> None:
        self.query_one(TextArea).focus()

    def action_take(self) -> None:
        self.dismiss(self.query_one(TextArea).text)


class AskTier(InboxQuestion):
    """Asks for one of the tiers that are open to the job."""

    def __init__(self, tiers: Sequence[str]) -> None:
        super().__init__()
        self._tiers = tiers
        self._typed = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("To which tier? (arrows or its name, then Enter)")
            yield OptionList(*self._tiers)

    def on_key(self, event: Key) -> None:
        """Select the first tier whose name starts with the typed characters."""
        if event.character is None or not event.is_printable:
            return
        for typed in (self._typed + event.character, event.character):
            place = next((at for at, tier in enumerate(self._tiers) if tier.startswith(typed)), None)
            if place is not None:
                self._typed = typed
                self.query_one(OptionList).highlighted = place
                return

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._tiers[event.option_index])
