"""The full plan as titled sections of text, and as JSON."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Protocol

from trainer.dataset.exposures import (
    EpochExposure,
    common_tags,
    epoch_exposures,
    folder_exposures,
    outfit_exposures,
    tag_exposures,
)
from trainer.dataset.records import DataSet
from trainer.families.registry import family_record
from trainer.plan.disk import size_text
from trainer.plan.hold_out_offers import held_out_lines, hold_out_offers
from trainer.plan.minutes import minutes_lines
from trainer.plan.param_groups import param_groups
from trainer.plan.plan import Plan, plan_json
from trainer.plan.rate_lines import rate_lines, rate_pairs
from trainer.plan.subject_defaults import guess_trigger
from trainer.plan.timesteps import histogram_lines
from trainer.settings.describe import field
from trainer.settings.model import Settings
from trainer.settings.parts import Family
from trainer.text import duration, plural, printable

WIDTH = 72
"""Columns that the pictures of numbers (bars, histogram) keep to; sentences may be longer."""

_PREDICTIONS = {"epsilon": "predicts noise", "v": "v-prediction", "flow": "predicts the velocity of a flow"}
# As many as one reads; rare tags, of which a data set has hundreds, are counted.
_MAX_TAGS = 24
_MAX_NAMED = 6
_MAX_FOLDERS = 30
_NAME = 30
_BAR = 20
_HISTOGRAM = 7
_EPOCH_COLUMNS = 4
_NO_OUTFIT = "no outfit"


@dataclass(frozen=True)
class ReportSection:
    """One part of a report: its title, and its lines, each plain text for one line of a terminal."""

    title: str
    lines: tuple[str, ...]


class ReportedMarkers(Protocol):
    """Markers of a base's file about its prediction type."""

    @property
    def prediction(self) -> str | None:
        """`epsilon` or `v`; None where the file has no marker."""

    @property
    def zero_terminal_snr(self) -> bool | None:
        """Whether the last timestep is pure noise; None where the file has no marker."""

    @property
    def source(self) -> str:
        """The file or key that holds the markers."""


class ReportedBase(Protocol):
    """The base, as far as a report needs it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def family(self) -> Family:
        """Key of its family."""

    @property
    def markers(self) -> ReportedMarkers:
        """The markers in its file."""


def report(
    settings: Settings,
    data: DataSet,
    plan: Plan,
    base: ReportedBase,
    warnings: Sequence[str] = (),
    behaviour: Sequence[str] = (),
    measures: Sequence[str] = (),
    validation: DataSet | None = None,
    outfits: Mapping[str, str] | None = None,
) -> tuple[ReportSection, ...]:
    """Return the plan in sections; one that has nothing to say is left out.

    Args:
        settings: as they will run.
        data: the pictures.
        plan: of these settings for these pictures.
        base: the base model.
        warnings: what the checks found, a line each.
        behaviour: what the trainer does that the bake behaves like, a line each.
        measures: what is measured of each saved LoRA and what that costs, a line each.
        validation: the pictures kept out of training, None where there are none.
        outfits: the subject's, name -> words; None where it has none.
    """
    sections = (
        ReportSection("base", tuple(_base_lines(settings, base))),
        ReportSection(f"behaves like {plan.behave_like}", tuple(row for line in behaviour for row in _wrapped(line))),
        ReportSection("pictures", tuple(_picture_lines(data, plan))),
        ReportSection(
            "held-out pictures",
            tuple(row for line in held_out_lines(settings, data, plan, validation) for row in _wrapped(line)),
        ),
        ReportSection("time", tuple(_time_lines(settings, plan))),
        ReportSection(_folder_title(plan), tuple(_folder_lines(data, plan))),
        ReportSection("outfits by exposure", tuple(_outfit_lines(data, plan, outfits or {}))),
        ReportSection("tags by exposure", tuple(_tag_lines(settings, data, plan))),
        ReportSection("exposures by epoch", tuple(_epoch_lines(data, plan, outfits or {}))),
        ReportSection("buckets", tuple(_bucket_lines(plan))),
        ReportSection("rates", tuple(row for line in rate_lines(settings, base.family, plan) for row in _folded(line))),
        ReportSection(
            f"timesteps: {settings.timestep_sampling}",
            tuple(histogram_lines(settings, family_record(base.family).times, WIDTH, _HISTOGRAM)),
        ),
        ReportSection("files and disk", tuple(_file_lines(settings, plan))),
        ReportSection("measures", tuple(row for line in measures for row in _wrapped(line))),
        ReportSection("warnings", tuple(f"! {printable(text)}" for text in warnings)),
    )
    return tuple(section for section in sections if section.lines)


def report_json(
    settings: Settings,
    data: DataSet,
    plan: Plan,
    behaviour: Sequence[str] = (),
    measures: Sequence[str] = (),
    validation: DataSet | None = None,
    outfits: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Return the plan as plain JSON values with the exposures and the resolved rate of every group; sizes are [width, height]."""
    epochs = _epochs_shown(plan)
    return {
        **plan_json(plan),
        "behaviour": list(behaviour),
        "measures": list(measures),
        "held_out": {
            "pictures": [] if validation is None else [validation.name_of(picture) for picture in validation.pictures],
            "offers": [asdict(offer) for offer in hold_out_offers(settings, data, plan)],
        },
        "exposures": {
            "epochs": epochs,
            "folders": [asdict(folder) for folder in folder_exposures(data, epochs)],
            "outfits": [asdict(outfit) for outfit in outfit_exposures(data, outfits or {}, epochs)],
            "by_epoch": [
                {**asdict(each), "after": [each.after(epoch) for epoch in range(1, epochs + 1)]}
                for each in epoch_exposures(data, outfits or {})
            ],
            "tags": [asdict(tag) for tag in tag_exposures(data, epochs, plan.cut)],
        },
        "groups": [{**asdict(group), "rate": group.rate} for group in param_groups(settings, plan.family)],
        "pairs": {part: {"down": pair.down, "up": pair.up} for part, pair in rate_pairs(settings, plan.family).items()},
    }


def _base_lines(settings: Settings, base: ReportedBase) -> Iterator[str]:
    markers = base.markers
    facts = [printable(base.name, 60), family_record(base.family).title]
    if markers.prediction is not None:
        source = f" (from {printable(markers.source, 60)})" if markers.source else ""
        facts.append(f"{_PREDICTIONS[markers.prediction]}{source}")
    yield " · ".join(facts)
    yield from _component_lines(settings, base.family)
    if markers.prediction == "flow":
        # The settings of diffusion's kinds have no effect on it.
        return
    asked = {"yes": "v", "no": "epsilon"}.get(settings.v_parameterization)
    if asked is not None:
        yield f"{_PREDICTIONS[asked]} requested; checked by a measurement at the start, and refused if the base disagrees"
    elif markers.prediction is None:
        yield "the file does not say what it predicts: measured at the start on a few pictures"
    zero = markers.zero_terminal_snr if settings.zero_terminal_snr == "auto" else settings.zero_terminal_snr == "yes"
    if zero:
        yield "zero terminal SNR: the last timestep is pure noise"


def _component_lines(settings: Settings, family: Family) -> Iterator[str]:
    """Yield each file that the base comes in beside its own: one taken for another would not show."""
    for name in family_record(family).components:
        if place := str(getattr(settings, name)):
            yield f"{field(name).label}: {printable(place)}"


def _picture_lines(data: DataSet, plan: Plan) -> Iterator[str]:
    yield f"{_captioned(data, is_reg=False)} captioned"
    if plan.reg_pictures:
        yield f"{_captioned(data, is_reg=True)} regularisation pictures captioned, shown as often in total as the others"
    if plan.excluded_pictures:
        names = _some([data.name_of(picture) for picture in data.excluded])
        yield f"{plural(plan.excluded_pictures, 'picture')} left out by exclude_pictures: {names}"
    length = (
        f"{plural(plan.epochs, 'epoch')} · {plural(plan.total_steps, 'step')}"
        if plan.steps_known
        else f"{plural(plan.steps_per_epoch, 'step')} per epoch"
    )
    yield f"{plan.repeats_total:,} per epoch · {length}"


def _captioned(data: DataSet, *, is_reg: bool) -> str:
    folders = [folder for folder in data.folders if folder.is_reg is is_reg]
    return f"{sum(folder.captioned for folder in folders):,} of {sum(folder.pictures for folder in folders):,}"


def _time_lines(settings: Settings, plan: Plan) -> Iterator[str]:
    return iter(()) if plan.timing is None else minutes_lines(plan.timing, settings, plan.total_steps)


def _epochs_shown(plan: Plan) -> int:
    """Return the epochs that exposures are counted over: one where their number is not known yet."""
    return plan.epochs if plan.steps_known else 1


def _folder_title(plan: Plan) -> str:
    return "folders: pictures × repeats × epochs" if plan.steps_known else "folders: pictures × repeats, in one epoch"


def _folder_lines(data: DataSet, plan: Plan) -> Iterator[str]:
    folders = folder_exposures(data, _epochs_shown(plan))
    shares = sum(folder.times_shown for folder in folders) or 1
    for folder in folders[:_MAX_FOLDERS]:
        product = f"{folder.pictures:,} × {folder.repeats}"
        kind = "  reg" if folder.is_reg else ""
        yield (
            f"{_cell(folder.name)} {product:>10} → {plural(folder.times_shown, 'exposure'):>17}"
            f" {folder.times_shown / shares:>5.0%}{kind}"
        )
    if len(folders) > _MAX_FOLDERS:
        rest = folders[_MAX_FOLDERS:]
        yield f"and {plural(len(rest), 'more folder')}, {plural(sum(folder.times_shown for folder in rest), 'exposure')}"
    if plan.steps_known and plan.total_steps < plan.epochs * plan.steps_per_epoch:
        yield f"counted over complete epochs; the last one ends early, after step {plan.total_steps:,}"


def _outfit_lines(data: DataSet, plan: Plan, outfits: Mapping[str, str]) -> Iterator[str]:
    found = outfit_exposures(data, outfits, _epochs_shown(plan))
    for each in found[:_MAX_FOLDERS]:
        name = each.name or _NO_OUTFIT
        yield f"{_cell(name)} {plural(each.pictures, 'picture'):>14} {plural(each.times_shown, 'exposure'):>17}"
    if len(found) > _MAX_FOLDERS:
        yield f"and {plural(len(found) - _MAX_FOLDERS, 'more outfit')}"


def _epoch_lines(data: DataSet, plan: Plan, outfits: Mapping[str, str]) -> Iterator[str]:
    """Yield how often folders, outfits and the commonest tags were shown at a few epochs, the last among them."""
    if not plan.steps_known or plan.epochs < 2:
        return
    last = plan.epochs
    parts = _EPOCH_COLUMNS - 1
    epochs = sorted({1, *(max(1, round(last * part / parts)) for part in range(1, parts + 1))})
    rows = epoch_exposures(data, outfits, _MAX_NAMED)
    yield f"{_cell('')} {''.join(f'{epoch:>10,}' for epoch in epochs)}"
    for each in rows[:_MAX_FOLDERS]:
        numbers = "".join(f"{each.after(epoch):>10,}" for epoch in epochs)
        yield f"{_cell(exposed_name(each))} {numbers}"


def exposed_name(exposure: EpochExposure) -> str:
    """Return what something is called in a table of exposures."""
    if exposure.kind == "tag":
        return exposure.name
    if exposure.name:
        return f"{exposure.kind} {exposure.name}"
    return "the folder of the data" if exposure.kind == "folder" else _NO_OUTFIT


def _tag_lines(settings: Settings, data: DataSet, plan: Plan) -> Iterator[str]:
    exposures = tag_exposures(data, _epochs_shown(plan), plan.cut)
    tags = [tag for tag in exposures if tag.times_shown]
    most = max((tag.times_shown for tag in tags), default=0) or 1
    for tag in tags[:_MAX_TAGS]:
        pictures, shown = plural(tag.pictures, "picture"), plural(tag.times_shown, "exposure")
        cut = f"  cut off {tag.times_cut:,} more" if tag.times_cut else ""
        yield f"{_cell(tag.tag)} {pictures:>14} {shown:>17}  {_bar(tag.times_shown / most, 7)}{cut}".rstrip()
    rest = tags[_MAX_TAGS:]
    if rest:
        yield f"and {plural(len(rest), 'more tag')}, at most {plural(rest[0].times_shown, 'exposure')} each"
    if unread := [tag.tag for tag in exposures if not tag.times_shown]:
        yield f"never read, beyond the {settings.max_token_length} tokens: {_some(unread)}"
    trigger = guess_trigger(settings.subject or settings.output_name, data)
    if common := common_tags(data, trigger):
        yield (
            f"in 80% of the captions or more: {_some([tag for tag, _ in common])}; what such a tag names is learned with"
            " its words, not with the trigger alone"
        )


def _some(tags: Sequence[str]) -> str:
    """Return tags in a row, of many the first ones and how many more there are."""
    more = f" and {len(tags) - _MAX_NAMED:,} more" if len(tags) > _MAX_NAMED else ""
    return ", ".join(printable(tag, _NAME) for tag in tags[:_MAX_NAMED]) + more


def _bucket_lines(plan: Plan) -> Iterator[str]:
    most = max((bucket.pictures for bucket in plan.buckets), default=0) or 1
    for bucket in plan.buckets:
        size = f"{bucket.size[0]}×{bucket.size[1]}"
        batches = "1 batch" if bucket.batches == 1 else f"{bucket.batches:,} batches"
        yield f"{size:<11} {plural(bucket.pictures, 'picture'):>15} {batches:>15}  {_bar(bucket.pictures / most, _BAR)}"


def _file_lines(settings: Settings, plan: Plan) -> Iterator[str]:
    files = [printable(save.file, 60) for save in plan.saves]
    names = files[0] if len(files) == 1 else f"{files[0]} … {files[-1]}"
    each = f", {size_text(plan.lora_bytes)} each in {settings.save_precision}" if plan.lora_bytes is not None else ""
    if plan.steps_known:
        yield f"{plural(len(files), 'LoRA file')}{each}: {names}"
    else:
        yield f"LoRA files{each}: as many as the steps to come ask for, the last one {files[-1]}"
    if plan.state_bytes is not None and not plan.steps_known:
        yield f"states to resume from: {size_text(plan.state_bytes)} each; the space on the disk follows from the steps"
    if plan.state_bytes is not None and plan.states_disk_bytes is not None:
        kept = f"{size_text(plan.states_disk_bytes)} at most with keep_states {settings.keep_states}"
        yield f"states to resume from: {size_text(plan.state_bytes)} each, {kept}"
    if plan.total_disk_bytes is not None:
        yield f"{size_text(plan.total_disk_bytes)} of disk space in total"
    if plan.seconds is not None and plan.timing is None:
        yield f"≈ {duration(max(1, plan.seconds))} for all steps, at the speed of the last similar bake"
    if plan.bytes_per_8_hours is not None:
        yield f"about {size_text(plan.bytes_per_8_hours)} written per 8 hours"


def _folded(line: str) -> Iterator[str]:
    """Break a line that is too long at its dots, so that no number is separated from its words."""
    row = ""
    for part in line.split(" · "):
        if row and len(row) + 3 + len(part) > WIDTH:
            yield row
            row = f"  {part}"
        else:
            row = f"{row} · {part}" if row else part
    yield row


def _wrapped(line: str) -> Iterator[str]:
    """Break a sentence that is too long at its blanks."""
    yield from wrap(printable(line), WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _cell(text: str) -> str:
    """Return a text from outside as a column: cut or padded to its width on a terminal."""
    kept, used = "", 0
    plain = printable(text)
    for place, letter in enumerate(plain):
        wide = _columns(letter)
        if used + wide > _NAME - (place + 1 < len(plain)):
            kept, used = f"{kept}…", used + 1
            break
        kept, used = kept + letter, used + wide
    return kept + " " * (_NAME - used)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _bar(share: float, width: int) -> str:
    """Return a bar of at least one block, so that small shares stay visible."""
    return "▇" * max(1, round(share * width))
