"""Every key of a source with what becomes of it: by its format's table, and by what the options become."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainer.interop.option_list import OPTIONS
from trainer.interop.option_meaning import as_number, is_blank
from trainer.interop.options import FromOptions
from trainer.interop.places import Beside, at_places, row_of
from trainer.interop.record import (
    Computed,
    KeyRule,
    Reading,
    SourceDocument,
    SourceKey,
    TrainerFormat,
    is_list_of_options,
)
from trainer.interop.report import Fate, KeyReport
from trainer.settings.toml_file import value_toml
from trainer.text import printable, shortened

_COMPUTED = "it is worked out while the script runs, and nothing is run here"
# What a script was started with, and a variable that holds further options.
_GIVEN = re.compile(r"%~?[a-z]{0,8}[0-9*]|\$[0-9@*#]", re.IGNORECASE)
_MORE = re.compile(r"[$@%!]\{?\w+(?:\[[@*]\])?\}?[%!]?")
_MAX_TO = 300
# One key of a LoRA's metadata has all settings of its bake.
_MAX_SETTINGS = 200
_MAX_VALUE = 2000
"""Characters of a value in a report, so that one long text does not fill it."""

JOINED = ("optimizer_args", "network_args", "lr_scheduler_args")
"""Options that gather the entries of several keys."""


@dataclass
class KeyPlan:
    """One key of a source on its way to a fate.

    Attributes:
        source: the key.
        file: its document, where there are several.
        rule: the rule of the format's table; None where it has none.
        rank: the rule's place in the table.
        options: what it sets.
        no_effect: why it sets nothing.
        variable_of: options of the command that the variable's value is given to.
        lost: option to the key that sets it instead.
    """

    source: SourceKey
    file: str = ""
    rule: KeyRule | None = None
    rank: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    no_effect: str = ""
    variable_of: tuple[str, ...] = ()
    lost: dict[str, str] = field(default_factory=dict)


def plans_of(document: SourceDocument, its_format: TrainerFormat, *, several: bool = False) -> list[KeyPlan]:
    """Return a plan for each key of a document, in its order, with the losers of those that set the same option."""
    rules = {rule.key: (rank, rule) for rank, rule in enumerate(its_format.rules)}
    values = values_of(document, its_format)
    plans = [_plan(key, its_format, rules, values, document) for key in document.keys]
    for plan in plans:
        plan.file = document.where if several else ""
    settle_winners(plans)
    return plans


def values_of(document: SourceDocument, its_format: TrainerFormat) -> dict[str, object]:
    """Return the values of a document by its own keys, and by those that the table knows; without those that are computed."""
    own = {key.key: key.value for key in document.keys if not isinstance(key.value, Computed)}
    return {its_format.unprefixed(key): value for key, value in own.items()} | own


def settle_winners(plans: Sequence[KeyPlan]) -> None:
    """Note for each option which key sets it: the one whose rule stands first, of the same rule the last; a blank loses."""
    winners: dict[str, KeyPlan] = {}
    for plan in plans:
        for name, value in plan.options.items():
            before = winners.get(name)
            if before is None or (name in JOINED and plan.source.key != before.source.key):
                winners[name] = plan
                continue
            old, new = (is_blank(before.options[name]), before.rank), (is_blank(value), plan.rank)
            winner, loser = (plan, before) if new <= old else (before, plan)
            winners[name] = winner
            loser.lost[name] = winner.source.key


def options_of(plans: Sequence[KeyPlan]) -> dict[str, object]:
    """Return the options that the keys set, each as its winner says, in the order of the file."""
    options: dict[str, object] = {}
    for plan in plans:
        for name, value in plan.options.items():
            if name in plan.lost:
                continue
            before = options.get(name)
            if name in JOINED and isinstance(value, list) and isinstance(before, list):
                options[name] = list(dict.fromkeys([*before, *value]))
            else:
                options[name] = value
    return options


def _plan(
    key: SourceKey,
    its_format: TrainerFormat,
    rules: Mapping[str, tuple[int, KeyRule]],
    values: Mapping[str, object],
    document: SourceDocument,
) -> KeyPlan:
    plan = KeyPlan(key)
    places: tuple[str, ...] = ()
    plain, (row, of_row) = its_format.unprefixed(key.key), row_of(key.key)
    for name, its_places in (
        (key.key, ()),
        (plain, ()),
        row_of(plain),
        (row, of_row),
        (its_format.unprefixed(row), of_row),
    ):
        if name in rules:
            places = its_places
            plan.rank, plan.rule = rules[name]
            break
    if isinstance(key.value, Computed) or (document.syntax == "command" and is_list_of_options(key.value)):
        plan.options = _switched(plan.rule, str(key.value))
        plan.no_effect = (
            f"what {printable(str(key.value), 40)} adds is not read: {_COMPUTED}" if plan.options else _COMPUTED
        )
    elif key.replaced:
        plan.no_effect = "a later one of the same name wins"
    elif document.syntax == "command" and isinstance(key.value, str) and _GIVEN.search(key.value):
        plan.no_effect = "it is given when the script is started"
    elif isinstance(key.value, str | list) and len(key.value) > (longest := _longest(plan.rule)):
        plan.no_effect = f"no setting is that long: {len(key.value):,}, and at most {longest:,}"
    elif key.key.startswith("$") and (users := _users(key.key[1:], document)):
        plan.variable_of, plan.rule = users, None
    elif plan.rule is not None:
        reading = _reading(plan.rule, key.value, Beside(values, places))
        plan.options = {at_places(name, places): value for name, value in reading.options.items()}
        plan.no_effect = reading.no_effect
    elif key.key.startswith("$") and document.syntax == "command":
        plan.no_effect = "no option of the command uses it"
    return plan


def _switched(rule: KeyRule | None, value: str) -> dict[str, object]:
    """Return the switch that stands before a variable with further options, which argparse does not take for its value."""
    option = rule.options[0] if rule is not None and len(rule.options) == 1 else ""
    return {option: True} if OPTIONS.get(option) == "flag" and _MORE.fullmatch(value) else {}


def _longest(rule: KeyRule | None) -> float:
    """Return how long a value may be: as its rule says, any length where the rule reads nothing of it."""
    if rule is None:
        return KeyRule.longest
    return rule.longest if rule.options or rule.read else math.inf


def _reading(rule: KeyRule, value: object, values: Mapping[str, object]) -> Reading:
    if rule.read is not None:
        return rule.read(value, values)
    if not rule.options:
        return Reading(no_effect="blank" if value in ({}, []) else rule.why or "it has no use here")
    return Reading(dict.fromkeys(rule.options, value))


def _users(name: str, document: SourceDocument) -> tuple[str, ...]:
    script = document.tree.get("(script)")
    used = script.get("used") if isinstance(script, Mapping) else None
    return tuple(used.get(name.casefold(), ())) if isinstance(used, Mapping) else ()


def reports_of(plans: Sequence[KeyPlan], made: FromOptions) -> tuple[KeyReport, ...]:
    """Return what became of each key, in the order of the plans."""
    return tuple(_report(plan, made) for plan in plans)


def _report(plan: KeyPlan, made: FromOptions) -> KeyReport:
    fate, to, why = _fate(plan, made)
    return KeyReport(
        key=plan.source.key,
        value=printable(as_json(plan.source.value)[: _MAX_VALUE + 1], _MAX_VALUE),
        fate=fate,
        to=to,
        why=why,
        line=plan.source.line,
        file=plan.file,
    )


def _fate(plan: KeyPlan, made: FromOptions) -> tuple[Fate, str, str]:
    """Return fate, what the key became, and why."""
    if plan.variable_of:
        return "translated", ", ".join(f"--{name}" for name in plan.variable_of), "its value is given to the command"
    if not plan.options:
        # An empty table or list says nothing that could be lost.
        known = plan.rule is not None or plan.no_effect or plan.source.value in ({}, [])
        return ("without effect", "", plan.no_effect or "blank") if known else ("unknown", "", "")
    fates = {name: made.fates[name] for name in plan.options if name not in plan.lost and name in made.fates}
    key = plan.source.key
    losses = [f"{'a later one' if by == key else by} wins" for by in dict.fromkeys(plan.lost.values())]
    # That one of its options is blank is nothing to say of a key that sets another.
    reasons = [why for why in (plan.no_effect, *losses, *(each.why for each in fates.values())) if why != "blank"]
    values = [pair for each in fates.values() for pair in each.values.items()]
    if not values:
        if fates and all(each.fate == "unknown" for each in fates.values()):
            return "unknown", "", ""
        return "without effect", "", _joined(reasons) or "blank"
    to = ", ".join(dict.fromkeys(_setting_text(*pair) for pair in values[:_MAX_SETTINGS]))
    to += f", {len(values) - _MAX_SETTINGS} more" if len(values) > _MAX_SETTINGS else ""
    plain = not plan.lost and not _is_changed(plan) and all(each.fate == "taken" for each in fates.values())
    words = plan.rule.rule if plan.rule is not None and _is_changed(plan) else ""
    if plain:
        return "taken", to, _joined(reasons)
    return "translated", to, _joined((words, *reasons)) or f"sd-scripts' {', '.join(plan.options)}"


def _setting_text(setting: str, value: object) -> str:
    if value is None:
        return f"{setting} blank"
    plain = isinstance(value, bool | int | float | str | list)
    return f"{setting} = {shortened(printable((value_toml(value) if plain else as_json(value))[:_MAX_VALUE]), _MAX_TO)}"


def _is_changed(plan: KeyPlan) -> bool:
    """Return whether the format's table gives the options another value than the key has."""
    source = plan.source.value
    return len(plan.options) != 1 or not all(_is_same(source, value) for value in plan.options.values())


def _is_same(one: object, other: object) -> bool:
    first, second = as_number(one), as_number(other)
    if first is not None and second is not None:
        return first == second
    return str(one).strip() == str(other).strip() or (is_blank(one) and is_blank(other))


def _joined(parts: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, parts)))


def as_json(value: object) -> str:
    """Return a value of a document as one line of JSON."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return str(value)
