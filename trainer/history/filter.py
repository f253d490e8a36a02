"""Filters of the list of bakes: a line such as `unet_lr>1e-4 subject:hifumi tag:te "words"`, read once and asked of every entry."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from trainer.errors import SettingsError
from trainer.history.filter_fields import BY_KEY, FieldKind, FilterField, Value
from trainer.history.filter_values import number_in, span_of_day, switch_in
from trainer.history.records import BakeEntry
from trainer.history.setting_changes import value_of
from trainer.settings.describe import SettingInfo, field, fields, is_setting, value_text
from trainer.text import printable

Metadata = Mapping[str, Mapping[int, str]]
"""Key of a LoRA's metadata -> number of a bake -> its text."""

_Test = Callable[[BakeEntry, Metadata], bool]


@dataclass(frozen=True)
class GrammarLine:
    """One form of a term.

    Attributes:
        form: how it is written.
        means: what it finds.
        example: one.
    """

    form: str
    means: str
    example: str


GRAMMAR: tuple[GrammarLine, ...] = (
    GrammarLine("word", "bakes with the word in their name, subject, note, tags, reason or error", "ears"),
    GrammarLine('"several words"', "bakes with these words one after the other", '"ears are gone"'),
    GrammarLine("key:value", "a text that has the value in it, a number, tag or state that is it", "subject:hifumi"),
    GrammarLine("key=value", "exactly the value; `key!=value` any other", "network_dim=16"),
    GrammarLine(
        "key>value", "numbers above it; likewise `<`, `>=`, `<=`, with units: `6G`, `2h`, `10%`", "unet_lr>1e-4"
    ),
    GrammarLine('key:""', "bakes in which it is blank", 'vae:""'),
    GrammarLine("-term", "bakes that the term does not find", "-state:failed"),
    GrammarLine("a setting's name", "its value, as the settings show it", "min_snr_gamma>=5"),
    GrammarLine("ss_…", "an entry of the metadata of the newest LoRA", "ss_network_module:lora"),
)
"""The grammar: help, docs and errors read it. Terms stand with spaces between them, and a bake must fit all of them."""

WHERE = "the filter"
MAX_LENGTH = 2000
_METADATA = ("ss_", "modelspec.", "sshs_")
# One term: quotes may stand anywhere in it, and are closed by the next one or by the end.
_TERM = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_PARTS = re.compile(r"(-?)([A-Za-z_][\w.]*)(!=|>=|<=|[:=<>])(.*)", re.DOTALL)
_LEADING = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SAME = 1e-9


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME, abs_tol=0.0)


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda one, other: one < other and not _equal(one, other),
    ">": lambda one, other: one > other and not _equal(one, other),
    "<=": lambda one, other: one < other or _equal(one, other),
    ">=": lambda one, other: one > other or _equal(one, other),
    "=": _equal,
    ":": _equal,
}


@dataclass(frozen=True)
class BakeFilter:
    """A filter that was read.

    Attributes:
        text: as it was typed.
        tests: of its terms.
        metadata_keys: entries of metadata that they ask for.
    """

    text: str
    tests: tuple[_Test, ...]
    metadata_keys: tuple[str, ...]

    def matching(self, entries: Iterable[BakeEntry], metadata: Metadata | None = None) -> list[BakeEntry]:
        """Return the entries that fit every term, in their order.

        Args:
            entries: of any number.
            metadata: the texts of `metadata_keys` by bake.
        """
        known = metadata or {}
        return [entry for entry in entries if all(test(entry, known) for test in self.tests)]


def parse_filter(text: str) -> BakeFilter:
    """Return the filter that a line means; an empty one fits every bake.

    Raises:
        SettingsError: a key is unknown (with those nearest to it), a value is none of its key's, or a text is asked whether it is above another.
    """
    if len(text) > MAX_LENGTH:
        raise SettingsError(WHERE, found=f"{len(text):,} characters", expected=f"at most {MAX_LENGTH:,}")
    terms = [_term(found[0]) for found in _TERM.finditer(text)]
    keys = dict.fromkeys(key for _, key in terms if key)
    return BakeFilter(text, tuple(test for test, _ in terms), tuple(keys))


def _term(term: str) -> tuple[_Test, str]:
    """Return the test of a term, and the entry of metadata that it needs."""
    found = _PARTS.fullmatch(term)
    if found is None or term.startswith('"'):
        negated = term.startswith("-") and len(term) > 1
        words = _unquoted(term[negated:])
        return _negated_if(negated, _has_words(words)), ""
    negated, key, sign, value = bool(found[1]), found[2], found[3], _unquoted(found[4])
    if sign == "!=":
        negated, sign = not negated, "="
    plain = key.lower()
    needs = ""
    if is_setting(plain):
        test = _setting_test(field(plain), sign, value)
    elif (its := BY_KEY.get(plain)) is not None:
        test = _field_test(its, sign, value)
    elif plain.startswith(_METADATA):
        test, needs = _metadata_test(key, sign, value), key
    else:
        raise _unknown_key(term, key)
    return _negated_if(negated, test), needs


def _negated_if(negated: bool, test: _Test) -> _Test:
    return (lambda entry, metadata: not test(entry, metadata)) if negated else test


def _unquoted(text: str) -> str:
    return text.replace('"', "")


def _has_words(words: str) -> _Test:
    wanted = words.casefold()

    def test(entry: BakeEntry, _: Metadata) -> bool:
        texts = (entry.name, entry.subject, entry.note, entry.why, entry.error, *entry.tags)
        return any(wanted in text.casefold() for text in texts)

    return test


def _setting_test(info: SettingInfo, sign: str, typed: str) -> _Test:
    kinds = {"int": FieldKind.NUMBER, "float": FieldKind.NUMBER, "bool": FieldKind.SWITCH, "list": FieldKind.TEXT}
    kind = kinds.get(info.kind, FieldKind.TEXT)
    if info.kind == "choice":
        kind = FieldKind.TEXT

    def value(entry: BakeEntry) -> Value:
        its = value_of(entry.settings, info.name)
        if kind is FieldKind.TEXT:
            return value_text(its)
        return its if isinstance(its, bool | int | float) else None

    compare = _comparison(info.name, kind, sign, typed)
    # A bake whose settings could not be read has none that could be compared.
    return lambda entry, _: not entry.fault and compare(value(entry))


def _field_test(its: FilterField, sign: str, typed: str) -> _Test:
    compare, value = _comparison(its.key, its.kind, sign, typed), its.value
    return lambda entry, _: compare(value(entry))


def _metadata_test(key: str, sign: str, typed: str) -> _Test:
    number = number_in(typed)
    numeric = _number_test(sign, number) if number is not None else None
    textual = _text_test(sign, typed) if sign in (":", "=") else None
    if numeric is None and textual is None:
        raise _wrong_value(key, sign, typed, FieldKind.NUMBER)

    def test(entry: BakeEntry, metadata: Metadata) -> bool:
        text = metadata.get(key, {}).get(entry.number)
        if text is None:
            return False
        its = number_in(text)
        if numeric is not None and its is not None:
            return numeric(its)
        return textual is not None and textual(text)

    return test


def _comparison(key: str, kind: FieldKind, sign: str, typed: str) -> Callable[[Value], bool]:
    """Return what tells whether a value of a kind fits what was typed.

    Raises:
        SettingsError: it is no value of that kind, or the kind knows no above and below.
    """
    if typed == "" and sign in (":", "="):
        return lambda value: value is None or value in ("", ())
    if kind is FieldKind.DAY:
        return _day_test(key, sign, typed)
    if kind in (FieldKind.NUMBER, FieldKind.BYTES, FieldKind.SECONDS):
        number = number_in(typed, kind)
        if number is None:
            raise _wrong_value(key, sign, typed, kind)
        return _number_test(sign, number)
    if kind is FieldKind.SWITCH:
        wanted = switch_in(typed)
        if wanted is None or sign not in (":", "="):
            raise _wrong_value(key, sign, typed, kind)
        return lambda value: value is wanted
    if kind is FieldKind.TEXT and sign not in (":", "="):
        return _leading_number_test(key, sign, typed)
    if sign not in (":", "="):
        raise _wrong_value(key, sign, typed, kind)
    return _text_test("=" if kind is not FieldKind.TEXT else sign, typed)


def _number_test(sign: str, wanted: float) -> Callable[[Value], bool]:
    compare = _COMPARE[sign]

    def fits(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and compare(float(value), wanted)

    def test(value: Value) -> bool:
        return any(map(fits, value)) if isinstance(value, tuple) else fits(value)

    return test


def _leading_number_test(key: str, sign: str, typed: str) -> Callable[[Value], bool]:
    """Return the test of a text that starts with a number, such as `10%` or `512,768`."""
    wanted = number_in(typed.rstrip("%"))
    if wanted is None:
        raise _wrong_value(key, sign, typed, FieldKind.NUMBER)
    compare = _number_test(sign, wanted)

    def test(value: Value) -> bool:
        found = _LEADING.match(value) if isinstance(value, str) else None
        return found is not None and compare(float(found[0]))

    return test


def _text_test(sign: str, typed: str) -> Callable[[Value], bool]:
    wanted = typed.casefold()

    def fits(text: str) -> bool:
        return text.casefold() == wanted if sign == "=" else wanted in text.casefold()

    def test(value: Value) -> bool:
        if isinstance(value, tuple):
            return any(isinstance(each, str) and fits(each) for each in value)
        return isinstance(value, str) and fits(value)

    return test


def _day_test(key: str, sign: str, typed: str) -> Callable[[Value], bool]:
    span = span_of_day(typed)
    if span is None:
        raise _wrong_value(key, sign, typed, FieldKind.DAY)
    start, end = span
    tests: Mapping[str, Callable[[float], bool]] = {
        ":": lambda moment: start <= moment < end,
        "=": lambda moment: start <= moment < end,
        ">": lambda moment: moment >= end,
        ">=": lambda moment: moment >= start,
        "<": lambda moment: moment < start,
        "<=": lambda moment: moment < end,
    }
    its = tests[sign]
    return lambda value: isinstance(value, float | int) and its(float(value))


def _unknown_key(term: str, key: str) -> SettingsError:
    known = [*dict.fromkeys(its.key for its in BY_KEY.values()), *(info.name for info in fields())]
    near = difflib.get_close_matches(key.lower(), [*BY_KEY, *known], n=3, cutoff=0.5)
    # `te_lr`: what all parts of a name stand in, or its initials, is nearer than what merely has similar letters.
    parts = [part for part in key.lower().split("_") if part]
    inside = [name for name in known if all(part in name for part in parts)]
    found = list(dict.fromkeys([*inside[:3], *near]))[:4]
    return SettingsError(
        f"{WHERE}: {printable(term, 80)}",
        found=f"unknown key {printable(key, 60)}",
        expected="a setting, a field of a bake or `ss_…`",
        way_out=(f"did you mean {' or '.join(f'`{name}`' for name in found)}? " if found else "")
        + "put quotes around it to search for the words, or see `lora-tui bakes list --grammar`",
    )


def _wrong_value(key: str, sign: str, typed: str, kind: FieldKind) -> SettingsError:
    comparing = kind in (FieldKind.WORD, FieldKind.WORDS, FieldKind.SWITCH) and sign not in (":", "=")
    return SettingsError(
        f"{WHERE}: {printable(f'{key}{sign}{typed}', 80)}",
        found=f"`{sign}`" if comparing else printable(typed, 60) or "nothing",
        expected=f"`:`, `=` or `!=`: it is {kind}" if comparing else str(kind),
    )
