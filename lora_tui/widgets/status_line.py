"""Bake and GPU on one line, or a few, for a terminal too small for title, meter and progress."""

from textual.content import Content

from lora_tui.snapshot import Snapshot
from lora_tui.widgets.card_meter import vram_text
from lora_tui.widgets.pane import rows_that_fit
from lora_tui.widgets.snapshot_pane import SnapshotPane
from lora_tui.wording.bake_progress import step_progress
from lora_tui.wording.grids import pictures_text
from lora_tui.wording.job_names import job_label, state_word
from lora_tui.wording.numbers import loss, short_duration, speed
from lora_tui.wording.state_symbols import Sign, bake_sign
from trainer.journal.records import BakeState
from trainer.text import printable


class StatusLine(SnapshotPane):
    """Loss, step, time left and VRAM first; then share, number, name, epoch, speed and more, as far as the room goes."""

    DEFAULT_CSS = """
    StatusLine { height: auto; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._most_lines = 1

    @property
    def most_lines(self) -> int:
        """Lines it may take."""
        return self._most_lines

    @most_lines.setter
    def most_lines(self, most: int) -> None:
        if most != self._most_lines:
            self._most_lines = most
            self.refresh(layout=True)

    def lines(self, width: int) -> list[Content]:
        """Return the lines: the parts that fit."""
        return rows_that_fit(_parts(self._snapshot), width, "  ", max(1, self._most_lines))


def _parts(snapshot: Snapshot) -> list[Content]:
    bake = snapshot.bake
    job = snapshot.grid
    if job is not None and job.state.live:
        far = pictures_text(job.stage_done, job.stage_total, snapshot.grid_seconds_left)
        return [
            _signed(bake_sign(job), job_label(job, 16)),
            *([Content(far)] if far else []),
            *_vram(snapshot),
            *_card(snapshot),
        ]
    if bake is None:
        loading = printable(snapshot.loading or snapshot.engine_trouble, 60)
        first = [Content.styled("lora-tui", "bold"), Content.styled(loading or "no bake yet", "$muted")]
        return [*first, *_vram(snapshot), *_card(snapshot)]
    now, sign = step_progress(snapshot, bake), bake_sign(bake)
    named = Content(f"{bake.number:04d} {printable(bake.name, 16)}")
    if now.stage and not now.step:
        return [_signed(sign, now.stage), *_vram(snapshot), named, *_card(snapshot)]
    parts = [Content(loss(snapshot.last["loss"][1], 3))] if "loss" in snapshot.last else []
    parts.append(Content(f"{now.step}/{now.steps}"))
    if bake.state is BakeState.PAUSED:
        parts.append(Content.styled("paused", "$warning"))
    elif bake.state in (BakeState.FAILED, BakeState.LOST):
        parts.append(Content.styled(printable(bake.error or state_word(bake)), "$error"))
    elif not bake.state.live:
        parts.append(Content.styled(state_word(bake), "$muted"))
    elif now.stage:
        parts.append(Content(now.stage))
    if now.seconds_left is not None:
        parts.append(Content(short_duration(now.seconds_left)))
    parts += [*_vram(snapshot), Content(now.percent.replace(" ", "")), named, Content(f"e{now.epoch}/{now.epochs}")]
    if snapshot.step_seconds:
        parts.append(Content(f"{speed(1 / snapshot.step_seconds)}it/s"))
    if snapshot.validations:
        parts.append(Content.assemble("val ", (loss(snapshot.validations[-1][1], 3), "$plot-validation")))
    return [_signed(sign, parts[0]), *parts[1:], *_card(snapshot)]


def _signed(sign: Sign, part: Content | str) -> Content:
    return Content.assemble((f"{sign.mark} ", sign.colour), part)


def _vram(snapshot: Snapshot) -> list[Content]:
    if snapshot.machine is None or not snapshot.machine.cards:
        return []
    return [Content(f"VRAM {vram_text(snapshot.machine.cards[0])}")]


def _card(snapshot: Snapshot) -> list[Content]:
    """Return load and temperature of the GPU, as far as it tells them."""
    if snapshot.machine is None or not snapshot.machine.cards:
        return []
    card = snapshot.machine.cards[0]
    figures = ((card.gpu_percent, "GPU {:.0f}%"), (card.temperature, "{:.0f}°C"))
    return [Content(words.format(value)) for value, words in figures if value is not None]
