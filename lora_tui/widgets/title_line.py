"""The first line of the screen: the bake, its state, what was changed and why; card, computer and time."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from lora_tui.widgets.pane import Pane, spread
from lora_tui.wording.job_names import job_label, state_word
from lora_tui.wording.state_symbols import bake_sign
from trainer.journal.records import Bake
from trainer.text import printable


@dataclass(frozen=True)
class Title:
    """Contents of the first line.

    Attributes:
        workspace: name of the workspace's folder.
        bake: the bake on the screen, None without one.
        others: jobs that run or come next beside it, each with a word on how far it is.
        elsewhere: the process it runs in, if that is not ours.
        story: the settings that differ from its parent's.
        loading: what the engine is loading, or why it cannot; empty once that is done.
        card: the card's name.
        host: the computer's name over ssh; empty when it is the local one.
        clock: hours and minutes.
    """

    workspace: str = ""
    bake: Bake | None = None
    others: tuple[tuple[Bake, str], ...] = ()
    elsewhere: str = ""
    story: str = ""
    loading: str = ""
    card: str = ""
    host: str = ""
    clock: str = ""


class TitleLine(Pane):
    """The first line of the screen."""

    DEFAULT_CSS = """
    TitleLine {
        height: 1;
        background: $panel;
        padding: 0 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = Title()

    def show(self, title: Title) -> None:
        """Show `title`."""
        self._title = title
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the line: the bake at the left, the computer at the right."""
        title = self._title
        right = Content.styled(" · ".join(part for part in (title.card, title.host, title.clock) if part), "$muted")
        return [spread(width, _left(title, width), right)]


def _left(title: Title, width: int) -> Content:
    name = Content.assemble(
        ("lora-tui", "bold"),
        (f" {printable(title.workspace, max(8, width // 6))}" if title.workspace else "", "$muted"),
        (f"  {printable(title.loading, 48)}" if title.loading else "", "$muted"),
    )
    bake = title.bake
    if bake is None:
        return Content.assemble(name, *_others(title.others))
    sign = bake_sign(bake)
    parts: list[Content | str | tuple[str, str]] = [
        name,
        f"  {bake.number:04d} {printable(bake.name, 24)} ",
        (f"{sign.mark} {state_word(bake)}", sign.colour),
        *_others(title.others),
    ]
    if title.elsewhere:
        parts.append((f" {title.elsewhere}", "$muted"))
    if title.story:
        # A long list of changes must leave room for the reason.
        story = printable(title.story, max(20, width // 3))
        parts += [(" ▸ ", "$faint"), (f"from {bake.parent:04d}: ", "$muted"), story]
    if bake.why:
        parts += [(" ▸ ", "$faint"), ("why: ", "$muted"), f"“{printable(bake.why)}”"]
    return Content.assemble(*parts)


def _others(others: Sequence[tuple[Bake, str]]) -> list[tuple[str, str]]:
    """Return each job beside the bake in a few words: its name, and how far it is."""
    parts = []
    for job, far in others:
        sign = bake_sign(job)
        parts.append((f"  {sign.mark} {job_label(job, 16)}{f' {printable(far, 40)}' if far else ''}", sign.colour))
    return parts
