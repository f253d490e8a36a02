"""Every key of a source with what becomes of it: by its format's table, and by what the options become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainer.interop.documents import as_json
from trainer.interop.option_rules import is_blank
from trainer.interop.options import FromOptions, OptionFate
from trainer.interop.places import Beside, at_places, row_of
from trainer.interop.record import Computed, KeyRule, Reading, SourceDocument, SourceKey, TrainerFormat
from trainer.interop.report import Fate, KeyReport
from trainer.settings.refusal import value_text
from trainer.text import printable

_COMPUTED = "it is worked out while the script runs, and nothing is run here"
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
        options: what it sets.
        no_effect: why it sets nothing.
        words: the translation of the format.
        variable_of: options of the command that the variable's value is given to.
        lost: option to the key that sets it instead.
    """

    source: SourceKey
    file: str = ""
    rule: KeyRule | None = None
    rank: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    no_effect: str = ""
    words: str = ""
    variable_of: tuple[str, ...] = ()
    lost: dict[str, str] = field(default_factory=dict)

    @property
    def unknown(self) -> bool:
        """Whether nobody knows the key."""
        return self.rule is None and not self.no_effect and not self.variable_of


def plans_of(document: SourceDocument, its_format: TrainerFormat, *, several: bool = False) -> list[KeyPlan]:
    """Return a plan for each key of a document, in its order, with the losers of those that set the same option."""
    rules = {rule.key: (rank, rule) for rank, rule in enumerate(its_format.rules)}
    values = values_of(document, its_format)
    plans = [
        _plan(key, its_format, rules, values, document.where if several else "", document) for key in document.keys
    ]
    settle_winners(plans)
    return plans


def values_of(document: SourceDocument, its_format: TrainerFormat) -> dict[str, object]:
    """Return the values of a document by its own keys, and by those that the table knows."""
    known = {its_format.unprefixed(key.key): key.value for key in document.keys}
    return known | {key.key: key.value for key in document.keys}


def settle_winners(plans: Sequence[KeyPlan]) -> None:
    """Note for each option which key sets it: the one whose rule stands first, of the same rule the last; a blank loses."""
    winners: dict[str, KeyPlan] = {}
    for plan in plans:
        for name, value in plan.options.items():
            before = winners.get(name)
            if before is None or name in JOINED:
                winners[name] = plan
                continue
            old, new = (is_blank(before.options[name]), before.rank), (is_blank(value), plan.rank)
            winner, loser = (plan, before) if new <= old else (before, plan)
            winners[name] = winner
            loser.lost[name] = winner.source.key
    for name, winner in winners.items():
        winner.lost.pop(name, None)


def _plan(
    key: SourceKey,
    its_format: TrainerFormat,
    rules: Mapping[str, tuple[int, KeyRule]],
    values: Mapping[str, object],
    file: str,
    document: SourceDocument,
) -> KeyPlan:
    plan = KeyPlan(key, file)
    if isinstance(key.value, Computed):
        plan.no_effect = _COMPUTED
    row, places = row_of(its_format.unprefixed(key.key))
    found = next((rules[name] for name in (key.key, its_format.unprefixed(key.key), row) if name in rules), None)
    if found is not None:
        plan.rank, plan.rule = found
        if not plan.no_effect:
            reading = _reading(plan.rule, key.value, Beside(values, places))
            plan.options = {at_places(name, places): value for name, value in reading.options.items()}
            plan.no_effect = reading.no_effect
            plan.words = plan.rule.rule
    elif key.key.startswith("$") and document.syntax == "command" and not plan.no_effect:
        plan.variable_of = _users(key.key[1:], document)
        if not plan.variable_of:
            plan.no_effect = "no option of the command uses it"
    return plan


def _reading(rule: KeyRule, value: object, values: Mapping[str, object]) -> Reading:
    if rule.read is not None:
        return rule.read(value, values)
    if not rule.options:
        return Reading(no_effect=rule.why or "it has no use here")
    return Reading(dict.fromkeys(rule.options, value))


def _users(name: str, document: SourceDocument) -> tuple[str, ...]:
    script = document.tree.get("(script)")
    used = script.get("used") if isinstance(script, Mapping) else None
    return tuple(used.get(name, ())) if isinstance(used, Mapping) else ()


def reports_of(plans: Sequence[KeyPlan], made: FromOptions) -> tuple[KeyReport, ...]:
    """Return what became of each key, in the order of the plans."""
    return tuple(_report(plan, made) for plan in plans)


def _report(plan: KeyPlan, made: FromOptions) -> KeyReport:
    fate, to, why = _fate(plan, made)
    return KeyReport(
        key=plan.source.key,
        value=printable(as_json(plan.source.value), _MAX_VALUE),
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
    if plan.unknown:
        return "unknown", "", ""
    if not plan.options:
        return "without effect", "", plan.no_effect or "blank"
    fates = {name: made.fates[name] for name in plan.options if name not in plan.lost and name in made.fates}
    reasons = [
        *(f"{winner} wins" for winner in dict.fromkeys(plan.lost.values())),
        *(each.why for each in fates.values()),
    ]
    values = {setting: value for each in fates.values() for setting, value in each.values.items()}
    if not values:
        if fates and all(each.fate == "unknown" for each in fates.values()):
            return "unknown", "", ""
        return "without effect", "", _joined((plan.no_effect, *reasons))
    to = ", ".join(
        f"{setting} = {value_text(value)}" if value is not None else f"{setting} blank"
        for setting, value in values.items()
    )
    plain = not plan.words and not plan.lost and _all_taken(fates)
    return ("taken", to, _joined(reasons)) if plain else ("translated", to, _joined((plan.words, *reasons)))


def _all_taken(fates: Mapping[str, OptionFate]) -> bool:
    return all(each.fate == "taken" for each in fates.values())


def _joined(parts: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, parts)))
