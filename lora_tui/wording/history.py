"""The list of bakes, one bake with all that is known of it, and the differences of two, as text and as plain values."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from lora_tui.wording.memory import amount
from lora_tui.wording.numbers import change, file_size, loss
from lora_tui.wording.state_symbols import state_sign
from trainer.history.records import lineage_words
from trainer.history.setting_changes import shown_setting
from trainer.machine.energy import energy_text
from trainer.settings.one_setting import Decides
from trainer.text import duration, numbered, plural, printable

if TYPE_CHECKING:
    from trainer.history.differences import BakeDifference
    from trainer.history.one_bake import OneBake
    from trainer.history.records import BakeEntry
    from trainer.history.setting_changes import SettingChange
    from trainer.journal.records import Checkpoint

_MAX_CHANGES, _MAX_NOTE, _MAX_NAME = 100, 60, 60
_EPOCH_COLUMNS, _EXPOSED = 5, 30
_DECIDES: Mapping[Decides, str] = {
    Decides.YES: "",
    Decides.ROUNDING: "changes the last digits only",
    Decides.NO: "does not change the LoRA",
}


def entry_state(entry: "BakeEntry") -> str:
    """Return the state of a bake in a word, as `lora_tui.wording.job_names.state_word` does."""
    if entry.held and entry.state == "queued":
        return "held"
    return "withdrawn" if entry.withdrawn else "imported" if entry.imported else str(entry.state)


def steps_text(entry: "BakeEntry") -> str:
    """Return `240 steps`, or `120/240 steps` of a bake that has more to do or ended early."""
    if entry.total_steps in (0, entry.steps):
        return plural(entry.steps, "step")
    return f"{entry.steps:,}/{plural(entry.total_steps, 'step')}"


def best_text(entry: "BakeEntry") -> str:
    """Return `best epoch 4 (3 favourites)`, or `best step 160 (…)` where that is no end of an epoch; "" without one."""
    if entry.best is None:
        return ""
    which = f"step {entry.best.step:,}" if entry.best.epoch is None else f"epoch {entry.best.epoch}"
    return f"best {which} ({entry.best.why})"


def compared_text(entry: "BakeEntry") -> str:
    """Return what changed from the parent: `of 12: unet_lr ×3`; of a bake without one from the one before it: `unet_lr ×3`."""
    if entry.fault:
        return "settings unknown"
    words = printable(entry.changes_line, _MAX_CHANGES)
    if entry.parent is not None:
        return f"of {entry.parent}: {words or 'the same settings'}"
    return words


def entry_line(entry: "BakeEntry") -> str:
    """Return one bake on one line: sign, number, name, what changed, steps, time, peak, best epoch, verdict, tags, note."""
    parts = [
        f"{state_sign(entry.state, held=entry.held).mark} {entry.number:04d} {printable(entry.name, _MAX_NAME)}",
        entry_state(entry),
        compared_text(entry),
        steps_text(entry),
        "" if entry.seconds is None else duration(entry.seconds),
        "" if entry.peak is None else amount(entry.peak),
        best_text(entry),
        entry.verdict,
        " ".join(f"#{printable(tag)}" for tag in entry.tags),
        numbered("ladder", entry.ladders),
        printable(entry.note_line, _MAX_NOTE),
    ]
    return "  ".join(filter(None, parts))


def entry_json(entry: "BakeEntry") -> dict[str, object]:
    """Return a bake of the list as plain values."""
    values = asdict(entry)
    del values["settings_before"]
    return {
        **values,
        "state": str(entry.state),
        "shown_state": entry_state(entry),
        "tags": list(entry.tags),
        "ladders": list(entry.ladders),
        "changes": [_change_json(each) for each in entry.changes],
    }


def one_bake_lines(one: "OneBake") -> Iterator[str]:
    """Yield everything that is known of one bake, a section each."""
    entry = one.entry
    yield entry_line(entry)
    if lineage := lineage_words(entry):
        yield f"  {printable(lineage)}"
    if entry.why:
        yield f"  why: {printable(entry.why)}"
    if entry.error:
        yield f"  error: {printable(entry.error)}"
    if energy := energy_text(entry.energy, entry.energy_by):
        yield f"  energy: {energy}"
    if entry.fault:
        yield f"  settings: {printable(entry.fault)}"
    if one.parents:
        yield f"  from {' ← '.join(_named(each) for each in one.parents)}"
    if one.children:
        yield f"  led to {', '.join(_named(each) for each in one.children)}"
    if entry.changes:
        yield f"settings, compared with {entry.compared_with}:"
        yield from change_lines(entry.changes)
    if one.checkpoints:
        yield "epochs:"
        yield from (f"  {line}" for line in _epoch_lines(one))
        yield from (f"  lowest validation loss {line}" for line in one.lowest.splitlines())
    yield from exposure_lines(one)
    yield from _carried_lines(one)
    if measures := list(_measure_lines(one)):
        yield f"measures at step {max(each.step for each in one.measures):,}:"
        yield from (f"  {line}" for line in measures)
    if entry.note:
        yield "note:"
        yield from (f"  {printable(line)}" for line in entry.note.splitlines())


def change_lines(changes: "tuple[SettingChange, ...]") -> Iterator[str]:
    """Yield one line for each setting that differs: both values, and whether it decides the result where it does not."""
    width = max((len(each.name) for each in changes), default=0)
    for each in changes:
        remark = f"  ({_DECIDES[each.decides]})" if _DECIDES[each.decides] else ""
        values = f"{printable(shown_setting(each.before))} → {printable(shown_setting(each.after))}"
        yield f"  {each.name:{width}}  {values}{remark}"


def difference_lines(found: "BakeDifference") -> Iterator[str]:
    """Yield what differs between two bakes."""
    yield f"bake {found.first} → bake {found.second}"
    if found.settings_unknown:
        yield f"settings: {printable(found.settings_unknown)}"
    elif found.settings:
        yield "settings:"
        yield from change_lines(found.settings)
    else:
        yield "settings: the same"
    if found.data is None:
        yield f"data: {printable(found.data_unknown)}"
    elif found.data.summary:
        yield "data:"
        yield from (f"  {printable(line)}" for line in found.data.summary)
        yield f"  {plural(len(found.data.pictures), 'picture')} by name: `--pictures`" if found.data.pictures else ""
    else:
        yield "data: the same"


def difference_json(found: "BakeDifference") -> dict[str, object]:
    """Return what differs between two bakes as plain values."""
    return {**asdict(found), "settings": [_change_json(each) for each in found.settings], "decides": found.decides}


def one_bake_json(one: "OneBake") -> dict[str, object]:
    """Return everything that is known of one bake as plain values."""
    from trainer.measures.carried import carried_by_step

    return {
        **entry_json(one.entry),
        "lineage": lineage_words(one.entry),
        "parents": [each.number for each in one.parents],
        "children": [each.number for each in one.children],
        "checkpoints": [asdict(each) for each in one.checkpoints],
        "measures": [asdict(each) for each in one.measures],
        "carried": {step: who.words for step, who in carried_by_step(one.measures).items()},
        "metadata": dict(one.metadata),
        "exposures": [
            {**asdict(each), "after": {saved.epoch: each.after(saved.epoch) for saved in one.checkpoints}}
            for each in one.exposures
        ],
    }


def _named(entry: "BakeEntry") -> str:
    return f"{entry.number} {printable(entry.name, _MAX_NAME)}"


def _change_json(each: "SettingChange") -> dict[str, object]:
    return {**asdict(each), "decides": str(each.decides)}


def _epoch_lines(one: "OneBake") -> Iterator[str]:
    from trainer.measures.carried import carried_by_step

    carried = carried_by_step(one.measures)
    for saved in one.checkpoints:
        said = one.entry.verdicts.get(saved.step, {})
        who = carried.get(saved.step)
        parts = [
            f"epoch {saved.epoch}  step {saved.step:,}",
            printable(saved.file),
            file_size(saved.size),
            f"loss {loss(saved.loss)}" if saved.loss is not None else "",
            _validation(saved),
            "" if who is None else who.words,
            ", ".join(f"{count:,} {what}" for what, count in said.items()),
            "best" if one.entry.best is not None and one.entry.best.step == saved.step else "",
            "" if saved.file in one.present else "file is gone",
        ]
        yield "  ".join(filter(None, parts))


def exposure_lines(one: "OneBake") -> Iterator[str]:
    """Yield how often folders, outfits and the commonest tags were shown by some of the saved epochs, the last among them."""
    from trainer.plan.report import exposed_name

    epochs = sorted({saved.epoch for saved in one.checkpoints if saved.epoch})
    if not epochs or not one.exposures:
        return
    places = {round((len(epochs) - 1) * column / (_EPOCH_COLUMNS - 1)) for column in range(_EPOCH_COLUMNS)}
    shown = [epochs[place] for place in sorted(places)]
    yield "shown by epoch:"
    yield f"  {'':<{_EXPOSED}}{''.join(f'{epoch:>10,}' for epoch in shown)}"
    for each in one.exposures:
        numbers = "".join(f"{each.after(epoch):>10,}" for epoch in shown)
        yield f"  {printable(exposed_name(each), _EXPOSED):<{_EXPOSED}}{numbers}"


def _carried_lines(one: "OneBake") -> Iterator[str]:
    """Yield who carries the newest LoRA measured, on the pictures of each folder and each outfit."""
    from trainer.measures.carried import carried_by_scope, carried_by_step

    step = max(carried_by_step(one.measures), default=None)
    found = {} if step is None else carried_by_scope(one.measures, step)
    if found:
        yield f"who carries at step {step:,}, on the pictures of:"
        yield from (f"  {printable(scope)}  {who.words}" for scope, who in found.items())


def _validation(saved: "Checkpoint") -> str:
    if saved.val is None:
        return ""
    return " ".join(filter(None, [f"val {loss(saved.val)}", change(saved.val_change, saved.val_error)]))


def _measure_lines(one: "OneBake") -> Iterator[str]:
    from trainer.measures.registry import BASES, MEASURES
    from trainer.measures.value_text import value_name, value_with_interval

    newest: dict[str, int] = {}
    for each in one.measures:
        newest[each.name] = max(newest.get(each.name, 0), each.step)
    last = max(newest.values(), default=0)
    for each in one.measures:
        if each.step != newest[each.name] or each.scope or each.value is None or each.name in BASES:
            continue
        record = MEASURES.get(each.name)
        what = value_name(each.name if record is None else record.title, each.part)
        value = f"{each.value:.4g}" if record is None else value_with_interval(record, each.value, each.low, each.high)
        yield f"{printable(what)}  {value}{'' if each.step == last else f'  at step {each.step:,}'}"


def grammar_lines() -> Iterator[str]:
    """Yield what a filter knows: the forms of its terms, then the fields of a bake."""
    from trainer.history.filter import GRAMMAR
    from trainer.history.filter_fields import FILTER_FIELDS

    yield "terms, with spaces between them; a bake must fit all of them:"
    width = max(len(line.form) for line in GRAMMAR)
    yield from (f"  {line.form:{width}}  {line.means}: {line.example}" for line in GRAMMAR)
    yield "fields of a bake:"
    width = max(len(field.key) for field in FILTER_FIELDS)
    yield from (f"  {field.key:{width}}  {field.help}: {field.example}" for field in FILTER_FIELDS)
