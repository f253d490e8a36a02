"""The welcome at the start: jobs left behind by a lora-tui that is gone, and what happened since the last look."""

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.actions.order_sender import OrderSender
from lora_tui.actions.orphaned import orphaned_question, take_over
from lora_tui.actions.welcome import WelcomeRead
from lora_tui.keys.keymap import bindings
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.dialog import ReadDialog, key_hint
from lora_tui.wording.job_names import job_name, state_word
from lora_tui.wording.memory import measured_text
from lora_tui.wording.state_symbols import WARNING, bake_sign
from trainer.text import duration, printable

if TYPE_CHECKING:
    from trainer.journal.digest import Digest
    from trainer.journal.records import Bake

# More would push the ends of the bakes, which matter most, out of view; the log has them all.
MAX_WARNINGS = 8
"""Warnings in the digest."""

_ORPHANED_ANSWERS = (Answer("t", "run them here", "take"), Answer("escape", "not now", ""))


class DigestDialog(ReadDialog[None]):
    """Shows a digest; any of its keys closes it."""

    DEFAULT_CSS = """
    DigestDialog {
        & > VerticalScroll { width: 90; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("digest")

    def __init__(self, digest: "Digest", now: float) -> None:
        """Show `digest` as of `now` (epoch seconds)."""
        super().__init__()
        self._digest = digest
        self._now = now

    def compose(self) -> ComposeResult:
        """Yield the lines."""
        with VerticalScroll():
            yield Static(Content("\n").join(digest_lines(self._digest, self._now)))
            yield Static(Content(key_hint(self, "read.close")), id="keys")


def digest_lines(digest: "Digest", now: float) -> list[Content]:
    """Return the digest line by line: the last look, what ended, what runs, what was out of the ordinary."""
    looked = time.strftime("%a %H:%M", time.localtime(digest.since))
    heading = Content.assemble(
        ("Since you last looked", "bold"), (f"  {looked}, {duration(now - digest.since)} ago", "$muted")
    )
    lines = [heading, Content("")]
    ended = sorted(
        (*digest.done, *digest.stopped, *digest.failed, *digest.lost, *digest.withdrawn),
        key=lambda bake: bake.ended or digest.since,
    )
    lines += [_bake_line(bake, _took(bake)) for bake in ended]
    lines += [_bake_line(bake, _since_start(bake, now)) for bake in digest.live]
    lines += [_bake_line(bake, "") for bake in digest.waiting]
    if digest.surprises:
        lines += [Content(""), Content.styled("not as planned", "$muted")]
        lines += [Content(f"  {printable(line)}") for line in digest.surprises]
    if digest.warnings:
        lines += [Content(""), Content.styled("warnings", "$muted")]
        for warning in digest.warnings[-MAX_WARNINGS:]:
            clock = time.strftime("%H:%M", time.localtime(warning.seconds))
            where = f"{warning.bake:04d} " if warning.bake is not None else ""
            lines.append(
                Content.assemble(
                    (f"{WARNING.mark} ", WARNING.colour), (f"{clock} {where}", "$muted"), printable(warning.text)
                )
            )
        more = len(digest.warnings) - MAX_WARNINGS
        if more > 0:
            lines.append(Content.styled(f"  and {more} before, in the log", "$muted"))
    return lines


def _bake_line(bake: "Bake", when: str) -> Content:
    sign = bake_sign(bake)
    peak = measured_text(bake)
    return Content.assemble(
        (f"{sign.mark} ", sign.colour),
        f"{job_name(bake, 30)}  ",
        (state_word(bake), sign.colour),
        (f"  {when}" if when else "", "$muted"),
        (f"  {peak}" if peak else "", "$muted"),
        (f"  “{printable(bake.why, 40)}”" if bake.why else "", "$muted"),
    )


def _took(bake: "Bake") -> str:
    if bake.ended is None:
        return ""
    clock = time.strftime("%H:%M", time.localtime(bake.ended))
    return clock if bake.started is None else f"{clock} after {duration(bake.ended - bake.started)}"


def _since_start(bake: "Bake", now: float) -> str:
    return "" if bake.started is None else f"for {duration(now - bake.started)}"


def show_welcome(screen: Screen[Any], sender: OrderSender, welcome: WelcomeRead, now: float) -> None:
    """Offer to run the jobs that a lora-tui left behind, then show the digest; one dialog at a time.

    Args:
        screen: the dialogs open over it.
        sender: takes the jobs over.
        welcome: what there is to show.
        now: epoch seconds.
    """
    orphaned, digest = welcome.orphaned, welcome.digest

    def show_digest() -> None:
        if digest is not None:
            screen.app.push_screen(DigestDialog(digest, now))

    if orphaned is None:
        show_digest()
        return

    def answered(answer: str | None) -> None:
        if answer == "take":
            sender.write(lambda: take_over(sender.workspace, orphaned, sender.engine.key))
        show_digest()

    screen.app.push_screen(ConfirmDialog(orphaned_question(orphaned), _ORPHANED_ANSWERS), answered)
