"""Memory and load of the cards and the computer."""

from typing import ClassVar

from textual.content import Content

from lora_tui.widgets.pane import COMPACT, Pane, first_that_fit
from lora_tui.wording.bars import stacked_bar
from lora_tui.wording.numbers import NOT_AVAILABLE, gib
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import WARNING
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.text import printable

_GAP = "   "
# A shorter bar says less than the figures beside it.
_LEAST_BAR = 4
_BRAND_WORDS = ("NVIDIA", "GeForce", "RTX", "Graphics", "Laptop GPU")


class CardMeter(Pane):
    """VRAM by owner, load, power, clock, temperature and fan of each card; memory and disk of the computer."""

    title = "GPU"
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        title,
        (
            Term("VRAM", "memory of the GPU: used, of how much (GiB)"),
            Term("ours", "what lora-tui's processes take of it"),
            Term("others", "what other programs take of it"),
            Term("peak", "the most that ours took since the bake started"),
            Term("predicted", "the most that the bake is expected to take"),
            Term("GPU", "share of the last moments in which it computed; power, clock and temperature beside it"),
            Term("fan", "its speed, in percent of the most"),
            Term("RAM", "memory of the computer: used, of how much (GiB)"),
            Term("disk", "what is free where the workspace is"),
            Term("CPU", "share of all cores that computes"),
        ),
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._machine: MachineReading | None = None
        self._peak: int | None = None
        self._predicted: int | None = None

    def show(self, machine: MachineReading | None, peak: int | None, predicted: int | None = None) -> None:
        """Show a reading, our peak memory on the card so far, and the predicted peak (bytes)."""
        self._machine, self._peak, self._predicted = machine, peak, predicted
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the lines for the screen's layout."""
        if self._machine is None:
            return [Content.styled("reading …", "$muted")]
        return _compact_lines(self._machine, width) if self.screen.has_class(COMPACT) else self.wide_lines(width)

    def wide_lines(self, width: int) -> list[Content]:
        """Return two lines for one card (one a card for several), and one for the computer."""
        machine = self._machine
        if machine is None:
            return []
        if not machine.cards:
            return [_no_card(machine), _host_line(machine.host, width)]
        if len(machine.cards) == 1:
            return [
                *_card_lines(machine.cards[0], (self._peak, self._predicted), width),
                _host_line(machine.host, width),
            ]
        return [*(_card_line(card, width) for card in machine.cards), _host_line(machine.host, width)]


def card_name(machine: MachineReading | None) -> str:
    """Return the first card's name without brand words, `no GPU`, or nothing before the first reading."""
    if machine is None:
        return ""
    if not machine.cards:
        return "no GPU"
    name = printable(machine.cards[0].name)
    for word in _BRAND_WORDS:
        name = name.replace(word, "")
    name = " ".join(name.split()) or printable(machine.cards[0].name)
    return name if len(machine.cards) == 1 else f"{len(machine.cards)} × {name}"


def vram_text(card: CardReading) -> str:
    """Return used and total as `5.1/8.0`."""
    return f"{gib(card.memory_used)}/{gib(card.memory_total)}"


def _card_lines(card: CardReading, peaks: tuple[int | None, int | None], width: int) -> list[Content]:
    figures = Content.assemble(
        f"{gib(card.memory_used, 2):>5} / {gib(card.memory_total, 2)} GiB",
        (f"{_GAP}ours {gib(card.memory_ours, 2)}", "$meter-ours"),
        (f"  others {gib(_others(card), 2)}", "$muted"),
    )
    room = min(48, width - figures.cell_length - 7)
    first = Content.assemble(("VRAM ", "$muted"), _vram_bar(card, room), "  ", figures)
    peak, predicted = peaks
    # A line of a hundred columns has room for either the unit or the prediction.
    after = f" GiB{_GAP}" if predicted is None else f" (predicted {gib(predicted, 2)})  "
    return [first, Content.assemble(("peak ", "$muted"), gib(peak, 2), (after, "$muted"), _load(card, full=True))]


def _card_line(card: CardReading, width: int) -> Content:
    name = Content.styled(f"{card.index} {card_name(MachineReading(0, (card,), '', HostReading()))}", "$muted")
    figures = Content.assemble(f" {vram_text(card)} GiB", _GAP, _load(card, full=width >= 90))
    room = min(24, width - figures.cell_length - name.cell_length - 2)
    return Content.assemble(name, " ", _vram_bar(card, room), figures)


def _compact_lines(machine: MachineReading, width: int) -> list[Content]:
    host = machine.host
    memory = Content.assemble(("RAM ", "$muted"), f"{gib(host.memory_used)}/{gib(host.memory_total, 0)}")
    if not machine.cards:
        disk = Content.assemble(("   disk ", "$muted"), f"{gib(host.disk_free, 0)} GiB free")
        cpu = Content.assemble(("   CPU ", "$muted"), _figure(host.cpu_percent, " %"))
        figures = Content.assemble("   ", memory, disk, cpu)
        # Ten columns of the reason are the least that says anything.
        return [_no_card(machine).truncate(max(10, width - figures.cell_length), ellipsis=True) + figures]
    lines = []
    for card in machine.cards:
        name = Content.styled("VRAM " if len(machine.cards) == 1 else f"{card.index} ", "$muted")
        parts = [
            Content.assemble(vram_text(card), (f" ours {gib(card.memory_ours)}", "$meter-ours")),
            *_load_parts(card, full=False),
            memory,
        ]
        figures = first_that_fit(parts, width - name.cell_length, "  ")
        room = min(16, width - figures.cell_length - name.cell_length - 1)
        drawn = Content.assemble(_vram_bar(card, room), " ") if room >= _LEAST_BAR else Content("")
        lines.append(Content.assemble(name, drawn, figures))
    return lines


def _load(card: CardReading, *, full: bool) -> Content:
    return Content("   " if full else "  ").join(_load_parts(card, full=full))


def _load_parts(card: CardReading, *, full: bool) -> list[Content]:
    """Return load, power, clock, temperature and fan, each with its unit; two of them in full only."""
    figures: list[tuple[str, float | None, str]] = [("GPU ", card.gpu_percent, " %"), ("", card.power, " W")]
    figures += [("", card.clock, " MHz")] if full else []
    figures += [("", card.temperature, " °C")]
    figures += [("fan ", card.fan, " %")] if full else []
    return [
        Content.assemble((name, "$muted"), f"{_figure(value, unit):>5}" if name == "GPU " else _figure(value, unit))
        for name, value, unit in figures
    ]


def _host_line(host: HostReading, width: int) -> Content:
    figures = f"{gib(host.memory_used):>5} / {gib(host.memory_total)} GiB"
    share = host.memory_used / host.memory_total if host.memory_used is not None and host.memory_total else 0.0
    parts: list[str | Content | tuple[str, str]] = [("RAM  ", "$muted")]
    if width >= 60:
        parts += [stacked_bar(((share, "$meter-others"),), 12), "  "]
    parts += [figures, ("   disk ", "$muted"), f"{gib(host.disk_free, 0)} GiB free"]
    parts += [("   CPU ", "$muted"), f"{_figure(host.cpu_percent, ' %'):>5}"]
    return Content.assemble(*parts)


def _no_card(machine: MachineReading) -> Content:
    reason = printable(machine.no_card_because, 160) or "none found"
    return Content.assemble((f"{WARNING.mark} ", WARNING.colour), f"no GPU: {reason}")


def _vram_bar(card: CardReading, width: int) -> Content:
    if card.memory_total is None or card.memory_used is None:
        return Content.styled(NOT_AVAILABLE.center(max(3, width)), "$muted")
    ours = card.memory_ours or 0
    others = max(0, card.memory_used - ours)
    total = card.memory_total
    return stacked_bar(((ours / total, "$meter-ours"), (others / total, "$meter-others")), width)


def _others(card: CardReading) -> int | None:
    if card.memory_used is None or card.memory_ours is None:
        return None
    return max(0, card.memory_used - card.memory_ours)


def _figure(value: float | None, unit: str) -> str:
    return NOT_AVAILABLE if value is None else f"{value:.0f}{unit}"
