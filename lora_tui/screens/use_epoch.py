"""Sending a LoRA to where it is used: the target, the name there, the words that go with it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from lora_tui.actions.dialog_field import DialogField
from lora_tui.actions.publish import Publishing
from lora_tui.screens.dialog import FieldsDialog, field_row, key_hint
from lora_tui.wording.unexpected import as_error
from trainer.errors import DeliveryError, LoraTuiError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.publish.epoch import LoraToPublish, PublishResult

_KEYS = ("enter on the last line: send", "dialog.cancel")
# What Enter does again after a refusal, by the class of its error.
_KEYS_AGAIN = {
    "NameTaken": ("enter again: overwrite", "another name: keep both", "dialog.cancel"),
    "FolderMissing": ("enter again: make the folder", "dialog.cancel"),
}
_READING = "reading its trigger words and best picture …"
_SENDING = "sending and verifying"


_FIELDS = (
    DialogField("target", "to", "a folder, or host:folder as ssh knows it"),
    DialogField("name", "name", "file name there, without extension"),
    DialogField("words", "words", "activation text: what a webui puts into the prompt"),
    DialogField("weight", "weight", "preferred weight (blank: 1)"),
    DialogField("negative", "negative", "words for the negative prompt"),
)


class PublishDialog(FieldsDialog["PublishResult | None"]):
    """Dismissed with what was sent, or None.

    Args:
        using: which epoch.
        heading: names it.
    """

    DEFAULT_CSS = """
    PublishDialog {
        & > Vertical { width: 82; overflow-y: auto; }
        & .row { height: 1; margin-top: 1; }
        & .label { width: 10; color: $muted; }
        & Input { width: 1fr; }
        & #about { margin-top: 1; color: $muted; }
        & #error { margin-top: 1; }
    }
    """

    ENTER_ACTS = True

    class Prepared(Message):
        """How it would be used."""

        def __init__(self, use: "LoraToPublish", target: str) -> None:
            """Carry what was found, and where the last one went."""
            super().__init__()
            self.use = use
            self.target = target

    class Sent(Message):
        """It is there."""

        def __init__(self, used: "PublishResult") -> None:
            """Carry what was sent."""
            super().__init__()
            self.used = used

    class Refused(Message):
        """Something is wrong."""

        def __init__(self, error: LoraTuiError) -> None:
            """Carry what is wrong."""
            super().__init__()
            self.error = error

    def __init__(self, using: Publishing, heading: str) -> None:
        super().__init__()
        self._using = using
        self._heading = heading
        self._use: LoraToPublish | None = None
        # What Enter would allow now, a key of _KEYS_AGAIN; "" for nothing.
        self._offered = ""

    def compose(self) -> ComposeResult:
        """Yield a line for each field, and room for what comes along and for an error."""
        with Vertical():
            yield Static(Content.styled(printable(self._heading), "bold"))
            for asked in _FIELDS:
                yield field_row(asked)
            yield Static(Content(_READING), id="about")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    def on_mount(self) -> None:
        """Read what is known of it."""
        self._read()

    @work(thread=True, exit_on_error=False, group="looking")
    def _read(self) -> None:
        try:
            answer: Message = self.Prepared(*self._using.read())
        except Exception as error:
            answer = self.Refused(as_error("use", error))
        self.post_message(answer)

    @on(Prepared)
    def _fill(self, event: Prepared) -> None:
        """Fill in what nobody has typed meanwhile."""
        use = self._use = event.use
        found = {
            "target": event.target,
            "name": use.name,
            "words": use.activation_text,
            "weight": f"{use.preferred_weight:g}",
            "negative": use.negative,
        }
        for key, value in found.items():
            line = self._input(key)
            if not line.value:
                # One line: a prompt of several would be cut at its first.
                line.value = " ".join(value.split())
                line.cursor_position = len(line.value)
        along = "with its preview picture and notes" if use.picture else "with its notes; it has no picture yet"
        self.query_one("#about", Static).update(Content(f"{printable(use.lora.name)} · {along}"))

    @on(Input.Changed)
    def _forget_refusal(self, event: Input.Changed) -> None:
        event.stop()
        if self._offered and event.input.id in ("target", "name"):
            self._offered = ""
            self._show_trouble(None)

    @on(Input.Submitted)
    def _next_or_send(self, event: Input.Submitted) -> None:
        event.stop()
        if self._offered:
            self._start_sending()
        elif event.input.id != _FIELDS[-1].key:
            self.focus_next()
        else:
            self._start_sending()

    def _start_sending(self) -> None:
        if self.is_working or self._use is None:
            return
        typed = {asked.key: self._input(asked.key).value.strip() for asked in _FIELDS}
        try:
            weight = _number(typed["weight"])
        except DeliveryError as error:
            self.post_message(self.Refused(error))
            return
        use = replace(
            self._use,
            name=typed["name"],
            activation_text=typed["words"],
            preferred_weight=weight,
            negative=typed["negative"],
        )
        allowed, self._offered = self._offered, ""
        self._show_trouble(None)
        using, target = self._using, typed["target"]

        def send() -> Message:
            again = {"replace": allowed == "NameTaken", "make_folder": allowed == "FolderMissing"}
            return self.Sent(using.send(use, target, **again))

        self.start_work(_SENDING, send, lambda error: self.Refused(as_error("use", error)))

    @on(Sent)
    def _close(self, event: Sent) -> None:
        self.dismiss(event.used)

    @on(Refused)
    def _refuse(self, event: Refused) -> None:
        name = type(event.error).__name__
        self._offered = name if name in _KEYS_AGAIN else ""
        self._show_trouble(event.error)
        if self._use is None:
            self.query_one("#about", Static).update(Content(""))
        wrong = event.error.where if event.error.where in ("name", "weight") else "target"
        self._input("name" if self._offered == "NameTaken" else wrong).focus()

    def _input(self, key: str) -> Input:
        return self.query_one(f"#{key}", Input)

    def _show_trouble(self, error: LoraTuiError | None) -> None:
        self.show_error(error)
        self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS_AGAIN.get(self._offered, _KEYS))))


def used_line(used: "PublishResult") -> str:
    """Return what became of an epoch that was used, one line for a toast."""
    if not used.sent:
        return f"{printable(used.name)} is already in {used.where}"
    over = f", {plural(len(used.replaced), 'file')} overwritten" if used.replaced else ""
    return f"{printable(used.name)} is in {used.where}{over}"


def _number(text: str) -> float:
    """Return the weight typed, 1 for none."""
    try:
        return float(text) if text else 1.0
    except ValueError:
        raise DeliveryError("weight", found=printable(text, 40), expected="a number") from None
