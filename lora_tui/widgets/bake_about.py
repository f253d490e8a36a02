"""Everything that the journal's list knows of one bake, in lines of text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from lora_tui.wording.bake_entries import entry_name, entry_sign, tags_text
from lora_tui.wording.numbers import gib, loss
from trainer.text import duration, plural, printable

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry

# Characters of a note; who writes more reads the rest in its editor.
_MAX_NOTE = 4000
_MAX_LINE = 400


def about_bake(entry: "BakeEntry | None", known: "Mapping[int, BakeEntry]") -> Content:
    """Return what is said of a bake: its state and figures, where it comes from, what the user said and wrote.

    Args:
        entry: the bake; None for no text.
        known: the other bakes by number.
    """
    if entry is None:
        return Content("")
    lines = [_head(entry)]
    for label, words in (
        ("", _origin(entry, known)),
        ("ladder", ", ".join(map(str, entry.ladders))),
        ("why", printable(entry.why, _MAX_LINE)),
        ("error", printable(entry.error, _MAX_LINE)),
        ("energy", _energy(entry)),
        ("settings", printable(entry.fault, _MAX_LINE)),
        ("best", _best(entry)),
        ("said", _said(entry)),
        ("tags", tags_text(entry)),
    ):
        if words:
            colour = "$error" if label in ("error", "settings") else ""
            lines.append(Content.assemble((f"{label} " if label else "", "$muted"), (words, colour)))
    lines += [_note_line(line) for line in entry.note[:_MAX_NOTE].splitlines()]
    return Content("\n").join(lines)


def _head(entry: "BakeEntry") -> Content:
    from lora_tui.wording.history import entry_state, steps_text

    sign = entry_sign(entry)
    facts = (
        entry_state(entry),
        steps_text(entry) if entry.steps else "",
        "" if entry.seconds is None else duration(entry.seconds),
        "" if entry.peak is None else f"peak {gib(entry.peak)} GiB",
        plural(entry.saved, "LoRA") if entry.saved else "",
        f"loss {loss(entry.loss)}" if entry.loss is not None else "",
        f"validation {loss(entry.val)}" if entry.val is not None else "",
    )
    return Content.assemble(
        (f"{sign.mark} ", sign.colour),
        (entry_name(entry), "bold"),
        ("  " + " · ".join(filter(None, facts)), "$muted"),
    )


def _energy(entry: "BakeEntry") -> str:
    if entry.energy is None:
        return ""
    from trainer.machine.energy import energy_text

    return energy_text(entry.energy, entry.energy_by)


def _origin(entry: "BakeEntry", known: "Mapping[int, BakeEntry]") -> str:
    """Return where a bake comes from; without a parent, what it is compared with."""
    from trainer.history.records import lineage_words

    if words := lineage_words(entry):
        parent = known.get(entry.parent) if entry.parent is not None else None
        name = "" if parent is None or parent.name == entry.name else f" ({printable(parent.name, 40)})"
        return printable(words, _MAX_LINE) + name
    if entry.compared_with is None:
        return ""
    changes = printable(entry.changes_line, _MAX_LINE) or "the same settings"
    return f"against {entry.compared_with}, the one before it: {changes}"


def _best(entry: "BakeEntry") -> str:
    best = entry.best
    if best is None:
        return ""
    where = f"epoch {best.epoch}, step {best.step:,}" if best.epoch is not None else f"step {best.step:,}"
    return f"{where}: {best.why}"


def _said(entry: "BakeEntry") -> str:
    """Return what was said of the pictures of each epoch."""
    each = (
        f"step {step:,}: {', '.join(_counted(what, count) for what, count in said.items() if count)}"
        for step, said in sorted(entry.verdicts.items())
        if any(said.values())
    )
    return " · ".join(each)


def _counted(what: str, count: int) -> str:
    return plural(count, what) if what == "favourite" else f"{count:,} {printable(what, 20)}"


def _note_line(line: str) -> Content:
    text = printable(line, _MAX_LINE)
    return Content.styled(text, "bold") if line.startswith("#") else Content(text)
