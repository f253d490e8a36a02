"""The table made: every trainer's column beside the settings as they stand, and why they differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from trainer.parity.columns import (
    HERE,
    AskedSettings,
    TrainerColumn,
    chosen_profiles,
    column_of,
    first_column,
    run_by,
    settings_of,
)
from trainer.parity.rows import OPTIONS_OF_RUN, CellContent, RowRule, rows_of, shown_setting
from trainer.parity.table import ParityCell, ParityRow, ParityTable
from trainer.profiles.tally import FoundData
from trainer.settings.parts import Family
from trainer.text import printable

# Rows that say something although the trainer would not train: they come from its settings.
_OF_THE_RUN = frozenset(
    (
        "pictures_counted",
        "pictures_trained",
        "regularisation",
        "captions",
        "buckets",
        "steps_shown",
        "steps_run",
        "epochs",
        "warmup",
    )
)
_STOPS, _UNKNOWN = CellContent("stops"), CellContent("unknown")
# Settings named in one reason.
_NAMED = 4


def parity_table(asked: AskedSettings, data: FoundData, *, family: Family, profiles: Sequence[str] = ()) -> ParityTable:
    """Return what each trainer makes of the same settings and data.

    Args:
        asked: the settings, every path filled in, and which of them were asked for; see columns.asked_settings.
        data: all files of the data folders; see dataset.found_files.found_data.
        family: of the base, which decides the parts that there are rates for.
        profiles: keys of the trainers; all where there are none.

    Raises:
        SettingsError: a key is not known.
    """
    first = first_column(asked, data)
    columns = [_Column(column_of(profile, asked, data), first, data) for profile in chosen_profiles(profiles)]
    regularisation = any(file.regularisation for file in data.files)
    rows = (_row(rule, first, columns) for rule in rows_of(family, regularisation=regularisation))
    return ParityTable(
        columns=(HERE, *(column.column.profile.key for column in columns)),
        titles=(_first_title(asked), *(column.column.profile.title for column in columns)),
        rows=tuple(rows),
    )


def _first_title(asked: AskedSettings) -> str:
    return "these settings" if asked.like.key == "lora-tui" else f"these settings, like {asked.like.title}"


@dataclass(frozen=True)
class _Column:
    """One trainer's column, with what its rules alone and its options alone would make."""

    column: TrainerColumn
    first: TrainerColumn
    data: FoundData
    _changed: dict[tuple[str, bool], TrainerColumn] = field(default_factory=dict)

    @cached_property
    def by_rules(self) -> TrainerColumn:
        """What the first column's options make by this trainer's rules."""
        run = run_by(self.column.profile, self.data, self.first.run.options)
        return replace(self.first, profile=self.column.profile, run=run)

    @cached_property
    def by_options(self) -> TrainerColumn:
        """What this trainer's options make by the first column's rules."""
        run = run_by(self.first.profile, self.data, self.column.run.options)
        return replace(self.column, profile=self.first.profile, run=run)

    def with_option(self, name: str, *, alone: bool) -> TrainerColumn:
        """Return what comes, by this trainer's rules, of its options with one of the first column's.

        Args:
            name: of that option.
            alone: True for the other way round: of the first column's options with one of this trainer's.
        """
        if (name, alone) not in self._changed:
            base, other = (self.by_rules, self.column) if alone else (self.column, self.first)
            options = {**base.run.options, name: other.run.options[name]}
            run = base.run
            if name in OPTIONS_OF_RUN:
                run = run_by(self.column.profile, self.data, options)
            self._changed[name, alone] = replace(base, run=run, settings=settings_of(options))
        return self._changed[name, alone]


def _row(rule: RowRule, first: TrainerColumn, columns: Sequence[_Column]) -> ParityRow:
    here = _content(rule, first)
    cells = [ParityCell(here.text, reason=printable(first.run.stops) if here is _STOPS else "", details=here.details)]
    cells += (_cell(rule, here, column) for column in columns)
    return ParityRow(rule.key, rule.label, tuple(cells))


def _cell(rule: RowRule, here: CellContent, column: _Column) -> ParityCell:
    content = _content(rule, column.column)
    if not content.differs_from(here):
        return ParityCell(content.text, details=content.details)
    reason = "; ".join(_reasons(rule, here, content, column))
    return ParityCell(content.text, True, printable(reason), content.details)


def _content(rule: RowRule, column: TrainerColumn) -> CellContent:
    if column.is_unknown(rule.settings(column.settings)):
        return _UNKNOWN
    if rule.key in _OF_THE_RUN and column.run.stops:
        return _STOPS
    return rule.content(column)


def _reasons(rule: RowRule, here: CellContent, content: CellContent, both: _Column) -> Iterator[str]:
    """Yield why a cell differs: what is not known, what stops the trainer, its defaults, what it passes otherwise, its rule."""
    column, first = both.column, both.first
    decisive = rule.settings(column.settings)
    if content is _UNKNOWN:
        names = [name for name in decisive if column.is_unknown((name,))]
        yield f"its default{'s' if len(names) > 1 else ''} of {', '.join(names)} {'are' if len(names) > 1 else 'is'} not known"
        return
    if content is _STOPS:
        yield column.run.stops
        return
    by_rules, by_options = _content(rule, both.by_rules), _content(rule, both.by_options)
    rules_do = rule.rule is not None and not by_rules.differs_from(content)
    options_do = not by_options.differs_from(content)
    if options_do or not rules_do:
        yield from list(_option_texts(column, _deciding(rule, content, by_rules, both)))[:_NAMED]
    if rule.rule is not None and (rules_do or not options_do):
        yield rule.rule(both.by_rules, first)


def _deciding(rule: RowRule, content: CellContent, by_rules: CellContent, both: _Column) -> list[str]:
    """Return the options that make a cell what it is: those without which it would be another, else those that alone change it."""
    settings, others = both.column.settings, both.first.settings
    differing = [name for name in rule.settings(settings) if getattr(settings, name) != getattr(others, name)]

    def change(from_: CellContent, *, alone: bool) -> list[str]:
        made = ((name, _content(rule, both.with_option(name, alone=alone))) for name in differing)
        return [name for name, each in made if each.differs_from(from_)]

    return change(content, alone=False) or change(by_rules, alone=True) or differing


def _option_texts(column: TrainerColumn, names: Sequence[str]) -> Iterator[str]:
    """Yield these options of a trainer, and why they are so."""
    derived = {each.name: each.why for each in column.run.derived}
    for name in names:
        if name in derived:
            yield f"{name} = {shown_setting(column.settings, name)} is passed: {derived[name]}"
        elif name not in column.stated:
            yield _default_text(column, name)


def _default_text(column: TrainerColumn, name: str) -> str:
    profile = column.profile
    text = f"{name} = {shown_setting(column.settings, name)} by default"
    if name in profile.inferred:
        text += ", as its descendants have it"
    reason = profile.reasons.get(name)
    return f"{text} ({reason})" if reason else text
