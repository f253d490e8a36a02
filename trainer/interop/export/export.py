"""Settings written for another trainer, read back by our own importer, and a report on what came back different."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trainer.dataset.read import read_data
from trainer.errors import LoraTuiError, WorkspaceError
from trainer.families.registry import family_record, first_family
from trainer.grid.sample_prompts import sample_pictures
from trainer.interop.documents import read_document
from trainer.interop.export.data import SUBSET_OPTIONS, WrittenData, data_set_for_others, data_set_toml, written_data
from trainer.interop.export.options import WrittenOptions, written_options
from trainer.interop.export.report import ExportReport, SettingReport
from trainer.interop.export.said_apart import LOST, NOT_NEEDED
from trainer.interop.export.targets import Target, Written
from trainer.interop.importer import import_documents
from trainer.interop.prompt_lines import prompt_lines
from trainer.interop.record import PROGRAM, Options
from trainer.jobs.minutes import minutes_as_steps
from trainer.journal.bake_folder import read_bake_json
from trainer.journal.records import MarkKind
from trainer.plan.behaviour import imitate
from trainer.regular_file import read_regular
from trainer.settings.amounts import steps_of
from trainer.settings.describe import fields, shown_value
from trainer.settings.model import Settings
from trainer.settings.parts import all_parts, settings_of_part
from trainer.text import printable
from trainer.text_encoding import UndecodableText, decode_text

_MAX_PROMPTS = 2**16
_SAMPLING = ("sample_at_first", "sample_every_n_epochs", "sample_every_n_steps")
OF_DATA = ("train_data_dir", "reg_data_dir", "dataset_config", "dataset_repeats", "num_repeats")
"""Settings that say which pictures there are; they may become a data set file."""


@dataclass(frozen=True)
class Exported:
    """Settings written for another trainer.

    Attributes:
        text: the file.
        beside: further files that it names, by where they are to be: a data set file, a prompt file.
        how: how it is run.
        report: what became of every setting.
    """

    text: str
    beside: Mapping[Path, str]
    how: str
    report: ExportReport


def export_settings(settings: Settings, settings_path: Path, target: Target, file: Path, data_set: Path) -> Exported:
    """Return settings written for `target`, and what it cannot say.

    Args:
        settings: resolved.
        settings_path: the file they are from; where it lies in a bake's folder, changes made while baking are reported.
        target: what they are written as.
        file: where the text will be written, for the words on how it is run.
        data_set: where the data set file will be, which the text may name; a prompt file is put beside `file`.

    Raises:
        SettingsError, DatasetError: the settings behave like a trainer whose numbers cannot be worked out.
    """
    return _Export(settings, settings_path, target, file, data_set).made()


class _Export:
    def __init__(self, settings: Settings, settings_path: Path, target: Target, file: Path, data_set: Path) -> None:
        self._asked, self._path, self._target, self._file, self._data_set = (
            settings,
            settings_path,
            target,
            file,
            data_set,
        )
        self._prompt_file, self._beside = file.with_name(f"{file.stem}.prompts.txt"), dict[Path, str]()
        self._data: WrittenData = written_data(settings)
        self._minutes = minutes_as_steps(settings, settings_path)
        self._settings, self._imitated = self._in_force()
        self._options: WrittenOptions = written_options(self._settings)
        self._lost, self._changed = dict(self._options.lost), dict(self._options.changed)

    def made(self) -> Exported:
        """Return everything."""
        settings, target = self._settings, self._target
        base = self._options.base
        record = family_record(base.family) if base is not None else first_family()
        options = self._options.options | {PROGRAM: record.sd_scripts}
        options |= self._prompts()
        other = record.times.takes_shift and not target.trains_flows
        no_program = f"no program of it trains {record.title}" if other else ""
        text_of_data = self._data_set_text(options)
        named = self._data_set if text_of_data else Path(settings.dataset_config) if settings.dataset_config else None
        written = Written(options, self._data.subsets, named)
        text = target.text(written)
        back = import_documents([read_document(text.encode(), str(self._file))]).settings
        report = ExportReport(
            where=printable(str(self._path)),
            title=target.format.title,
            settings=(*self._reports(back, options), *self._live_changes()),
            notes=tuple(filter(None, (*self._options.notes, self._data.note, no_program, *self._imitated))),
        )
        if text_of_data:
            self._beside[self._data_set] = text_of_data
        return Exported(text, self._beside, target.how(written, self._file, named), report)

    def _data_set_text(self, options: Options) -> str:
        """Return the data set file that is written beside the text, "" where the target needs none."""
        settings, target, data = self._settings, self._target, self._data
        if target.folder_by_folder or data.data is None:
            return ""
        if settings.dataset_config:
            return data_set_for_others(Path(settings.dataset_config))
        return "" if data.is_plain and not target.always_data_set else data_set_toml(options, data.subsets, settings)

    def _prompts(self) -> dict[str, object]:
        """Return the sample prompts as the target has them: a prompt file, or its lines where it keeps them itself."""
        settings, keeps = self._settings, self._target.keeps_prompts
        if not settings.sample_prompts:
            return self._prompts_of_the_subject()
        if not keeps:
            return {}
        try:
            text = decode_text(read_regular(Path(settings.sample_prompts), _MAX_PROMPTS))
        except (OSError, UndecodableText) as error:
            self._lost["sample_prompts"] = f"it keeps the prompts themselves, and the file cannot be read: {error}"
            return {"sample_prompts": None}
        self._changed["sample_prompts"] = "the lines of the file, which it keeps in its own"
        return {"sample_prompts": text.strip()}

    def _prompts_of_the_subject(self) -> dict[str, object]:
        """Return the pictures of the subject's prompts, where the bake makes samples."""
        settings, base = self._settings, self._options.base
        every = {name: getattr(settings, name) for name in _SAMPLING if getattr(settings, name)}
        if not every or base is None:
            return {}
        try:
            lines = prompt_lines(sample_pictures(settings, self._path, base, "epsilon", zero_terminal_snr=False))
        except LoraTuiError as error:
            self._lost |= dict.fromkeys(every, f"there are no prompts: {error.line()}")
            return {}
        self._changed["sample_prompts"] = "a line for each picture of the subject's prompts, with its seed"
        for name in every:
            self._lost.pop(name, None)
        if self._target.keeps_prompts:
            return {**every, "sample_prompts": lines.strip()}
        self._beside[self._prompt_file] = lines
        return {**every, "sample_prompts": str(self._prompt_file)}

    def _in_force(self) -> tuple[Settings, tuple[str, ...]]:
        """Return the settings with concrete numbers, where they behave like another trainer than the target."""
        asked = self._minutes.settings
        if not asked.behave_like or asked.behave_like == self._target.behaves_like:
            return asked, ()
        # Its numbers follow from the pictures: without them this is the refusal.
        data = self._data.data if self._data.data is not None else read_data(asked)
        imitation = imitate(asked, data)
        lines = (f"{asked.behave_like}: {line}" for line in imitation.lines)
        return imitation.settings, tuple(lines)

    def _reports(self, back: Settings, options: Mapping[str, object]) -> Iterator[SettingReport]:
        for info in fields():
            name = info.name
            report = partial(SettingReport, name, shown_value(self._asked, name))
            if name in OF_DATA:
                yield self._of_data(name, report)
            elif self._minutes.note and name in ("train_minutes", "max_train_epochs", "max_train_steps"):
                yield self._of_minutes(name, report)
            elif name in self._lost:
                yield report("lost", why=self._lost[name])
            elif name in self._options.idle:
                yield report("not needed", why=self._options.idle[name])
            elif name in self._changed:
                yield report(
                    "translated", to=f"{name} = {printable(_plain(options.get(name)), 80)}", why=self._changed[name]
                )
            elif self._target.folder_by_folder and name in SUBSET_OPTIONS:
                yield report("written")
            elif in_effect(self._settings, name) == in_effect(back, name):
                yield self._same(name, report)
            elif name in NOT_NEEDED:
                yield report("not needed", why=NOT_NEEDED[name])
            else:
                yield report("lost", why=LOST.get(name) or self._why_lost(name, back))

    def _why_lost(self, name: str, back: Settings) -> str:
        """Return why a setting comes back with another value: by its row's own rule, where it has one."""
        rules = [rule.rule for rule in self._target.format.rules if name in rule.options and rule.exported]
        if not rules:
            return "it has no such setting"
        return next(filter(None, rules), f"there it would be {shown_value(back, name) or 'blank'}")

    def _same(self, name: str, report: Callable[..., SettingReport]) -> SettingReport:
        if name in NOT_NEEDED or name in LOST:
            return report("not needed", why="at its default, which is how it is there too")
        if getattr(self._asked, name) != getattr(self._settings, name):
            computed = shown_value(self._settings, name) or "blank"
            return report("translated", to=f"{name} = {computed}", why="as that trainer computes it")
        return report("written")

    def _of_minutes(self, name: str, report: Callable[..., SettingReport]) -> SettingReport:
        """Return what became of the bake's length where it was given in minutes."""
        settings, known = self._settings, self._minutes.known
        if name == "train_minutes":
            to = f"max_train_steps = {settings.max_train_steps}"
            return (
                report("translated", to=to, why=self._minutes.note) if known else report("lost", why=self._minutes.note)
            )
        if known or getattr(self._asked, name) != getattr(settings, name):
            return report("not needed", why="train_minutes decides")
        return self._same(name, report)

    def _of_data(self, name: str, report: Callable[..., SettingReport]) -> SettingReport:
        if not getattr(self._asked, name):
            return report("not needed", why="blank")
        if self._target.folder_by_folder or (name in ("dataset_repeats", "num_repeats") and not self._data.is_plain):
            return report("translated", to="the folders of the data set", why="each folder with its own repeats")
        return report("written")

    def _live_changes(self) -> Iterator[SettingReport]:
        """Yield a report for each change that was made while baking, where the settings are a bake's own."""
        try:
            record = read_bake_json(self._path.parent)
        except WorkspaceError:
            return
        for mark in record.marks if record is not None else ():
            if mark.kind is MarkKind.SET:
                why = "one value holds for the whole run there"
                yield SettingReport(f"set at step {mark.step:,}", printable(mark.text), "lost", why=why)


def in_effect(settings: Settings, name: str) -> object:
    """Return what a setting amounts to: two settings that train the same compare equal."""
    if name in _BY_RULE:
        return _BY_RULE[name](settings)
    return getattr(settings, name)


def _rate(part: str, settings: Settings) -> object:
    return settings.rate(part)


def _amount(name: str, settings: Settings) -> object:
    text = str(getattr(settings, name))
    return steps_of(text, 1_000_000) if text.strip() else ""


def _switched_on(name: str, settings: Settings) -> object:
    return getattr(settings, name) == "yes"


def _encoders_rest(settings: Settings) -> object:
    names = [part for part in all_parts() if part != "unet"]
    return settings.network_train_unet_only or not any(settings.rate(part) for part in names)


_BY_RULE: Mapping[str, Callable[[Settings], object]] = {
    **{settings_of_part(part).rate[0]: partial(_rate, part) for part in all_parts()},
    **{name: partial(_amount, name) for name in ("lr_warmup_steps", "lr_decay_steps", "token_warmup_step")},
    "network_train_unet_only": _encoders_rest,
    "network_train_text_encoder_only": lambda settings: not settings.rate("unet"),
    "network_alpha": lambda settings: settings.alpha,
    "conv_alpha": lambda settings: settings.alpha_of_conv if settings.conv_dim else None,
    "resolution": lambda settings: settings.size,
    "behave_like": lambda settings: "",
    # Of two kinds of attention xformers comes first.
    "sdpa": lambda settings: settings.sdpa or settings.xformers,
    # What is left out there is off, and auto here is off unless the base says otherwise, which an export writes down.
    **{name: partial(_switched_on, name) for name in ("v_parameterization", "zero_terminal_snr")},
    "max_train_steps": lambda settings: None if settings.max_train_epochs else settings.max_train_steps,
    "optimizer_args": lambda settings: settings.optimizer_options,
}
"""Setting to what it amounts to, where that is not its own value."""


def _plain(value: object) -> str:
    return (
        {True: "true", False: "false", None: "blank"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
