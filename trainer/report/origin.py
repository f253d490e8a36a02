"""Chapters of a report on what the bake is: where it comes from, its settings and its data, against its parent's."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from trainer.history.differences import BakeDifference, difference
from trainer.history.setting_changes import defaults, setting_changes, shown_setting
from trainer.machine.energy import energy_text
from trainer.report.record import Block, Chapter, FactList, TextLines, TextTable
from trainer.report.source import ReportSource
from trainer.text import plural

_MOST_LINES = 60
_BASICS = ("subject", "pretrained_model_name_or_path", "network_dim", "network_alpha", "unet_lr", "text_encoder_lr", "optimizer_type", "train_batch_size", "resolution")  # fmt: skip


def origin_chapters(source: ReportSource) -> tuple[Chapter, ...]:
    """Return what the bake is, what its settings and its data are, and what differs from its parent's."""
    parent = source.parent
    found = None if parent is None else difference(source.journal, parent.number, source.bake.number)
    return (
        Chapter("What it is", (FactList(tuple(_entries(source))),)),
        Chapter("Settings", tuple(_settings(source, found))),
        Chapter("Data", tuple(_data(source, found))),
    )


def _entries(source: ReportSource) -> Iterator[tuple[str, str]]:
    bake, parent = source.bake, source.parent
    if parent is not None:
        kind = "fork" if bake.starts_from else "re-bake"
        yield "Comes from", f"{kind} of bake {parent.number}, {parent.name}"
    if bake.why:
        yield "Why", bake.why
    if bake.started is not None:
        yield "Baked", datetime.fromtimestamp(bake.started).strftime("%Y-%m-%d %H:%M")
    if words := energy_text(bake.energy_joules, bake.energy_by):
        yield "Energy", words
    if bake.error:
        yield "Ended with", bake.error
    if not source.settings.fault:
        # Of one from elsewhere only what its files say is known.
        for name in (each for each in _BASICS if not bake.imported or each in source.settings.settings):
            yield name, "" if (shown := source.setting(name)) == shown_setting("") else shown
    yield "Tags", ", ".join(tag for tag, on in source.note.tags.items() if on)


def _settings(source: ReportSource, found: BakeDifference | None) -> Iterator[Block]:
    fault = source.settings.fault or (found.settings_unknown if found is not None else "")
    if fault:
        yield TextLines((fault,))
        return
    if found is not None:
        if not found.settings:
            yield TextLines((f"The same as those of bake {found.first}.",))
            return
        rows = tuple(
            (each.name, shown_setting(each.before), shown_setting(each.after), each.label) for each in found.settings
        )
        yield TextTable(("setting", f"bake {found.first}", f"bake {found.second}", "what it is"), rows)
        return
    changes = setting_changes({}, source.settings.settings)
    rows = tuple(
        (each.name, shown_setting(defaults()[each.name]), shown_setting(each.after), each.label) for each in changes
    )
    if rows:
        here = "its files say" if source.bake.imported else "here"
        yield TextTable(("setting", "default", here, "what it is"), rows)


def _data(source: ReportSource, found: BakeDifference | None) -> Iterator[Block]:
    manifest = source.manifest
    if manifest is not None:
        folders = Counter(picture.path.rpartition("/")[0] for picture in manifest.pictures)
        repeats = {picture.path.rpartition("/")[0]: picture.repeats for picture in manifest.pictures}
        shown = sum(picture.repeats for picture in manifest.pictures)
        lines = [f"{plural(len(manifest.pictures), 'picture')}, {shown:,} with repeats"]
        if manifest.validation:
            lines.append(f"{plural(len(manifest.validation), 'picture')} held out")
        yield TextLines(tuple(lines))
        if len(folders) > 1:
            rows = tuple((name or "–", f"{count:,}", str(repeats[name])) for name, count in folders.items())
            yield TextTable(("folder", "pictures", "repeats"), rows[:_MOST_LINES], frozenset({1, 2}))
    if found is None:
        return
    title = f"Against bake {found.first}"
    if found.data is None:
        yield TextLines((found.data_unknown,), title)
    elif not found.data.summary:
        yield TextLines(("The same pictures, captions and models.",), title)
    else:
        yield TextLines(found.data.summary, title)
        more = found.data.pictures[:_MOST_LINES]
        left = len(found.data.pictures) - len(more)
        yield TextLines((*more, *([f"and {plural(left, 'picture')} more"] if left else [])), "Picture by picture")
