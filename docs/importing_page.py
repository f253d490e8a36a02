"""Prints docs/importing.md: every format of other trainers, from the tables that the importer and the exporter read."""

from collections.abc import Iterable, Iterator

from trainer.interop.export.said_apart import LOST, NOT_NEEDED
from trainer.interop.export.targets import TARGETS
from trainer.interop.option_list import OPTIONS
from trainer.interop.record import KeyRule, TrainerFormat
from trainer.interop.registry import FORMATS
from trainer.profiles.registry import PROFILES
from trainer.settings.absent_options import ABSENT_OPTIONS, why_absent

_HEAD = """\
<!-- Made by `make docs` from trainer/interop; change the tables there. -->

# Settings of other trainers

    lora-tui import old.json --out new.toml
    lora-tui export new.toml --to kohya-gui --out for-a-friend.json

**Import.** A file is recognised by its content, never by its name; nothing in it is run, and nothing that it names is opened. Every
format is turned into sd-scripts' options, and these into settings. Each key ends in one of four lists: *taken*, *translated* (with
the rule), *no effect* (with the reason) or *unknown*; unknown keys stay in a comment of the new settings, and the line of counts
adds up to all keys. What a file does not state has the default of the trainer it was written for: `behave_like` names that one.

**Export.** Every value is stated, also where both trainers have the same default, and the file is read back by the importer: a
setting that comes back different is reported as lost. Settings that behave like another trainer are written as the numbers that
run: steps, warm-up and repeats worked out.

**A LoRA file** is baked again from its metadata. One that was baked here has every setting as it was set, but for what stays on
the machine: paths, commands, the subject's name. Its base is found by its hash among the models of the workspace, and a note lists
its folders with their repeats and pictures; where a subject or `train_data_dir` says where these lie, it tells which are there. Of
one from sd-scripts the `ss_*` keys are read; what they do not say is listed. A file without metadata tells its rank, alpha, parts,
number type and the kind of base that it fits.

**Scale.** A LoRA's change is scaled by alpha / rank here, as in sd-scripts and microsoft/loralib: `network_alpha` / `network_dim`.
PEFT has the same with `lora_alpha` / `r`, and alpha / √rank with `use_rslora`, so that alpha here is alpha × √rank. cloneofsimo/lora
has no alpha and the scale 1: alpha is the rank. Such files, and folders of PEFT, can be named in grids and as `network_weights` as
they are, and have the scale that they had where they were made.
"""
_MAX_OPTIONS = 12
# Moments in days of sd-scripts that profiles are of, as its metadata write them.
_MOMENTS = ("1674000000", "1676400000", "1767225600")


def page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD, "\n## Formats\n\n", _overview(), _exports(), "\n## Tables\n"]
    parts += [f"\n### {each.title}\n\n{''.join(_format(each))}" for each in FORMATS]
    parts += ["\n## sd-scripts' options without a setting\n\n", _table(("option", "here"), _absent())]
    return "".join(parts)


def _overview() -> str:
    rows = ((each.title, _profiles(each), "yes" if _target(each) else "no") for each in FORMATS)
    return _table(("file", "`behave_like`", "exported"), rows)


def _profiles(its_format: TrainerFormat) -> str:
    """Return the profiles that files of a format may be of: asked of the format with each of its keys alone."""
    asked = ({}, *({rule.key: value} for rule in its_format.rules for value in (rule.key, *_MOMENTS)))
    found = dict.fromkeys(its_format.profile(values) for values in asked)
    return ", ".join(f"`{key}`" for key in PROFILES if key in found) or "–"


def _target(its_format: TrainerFormat) -> str:
    return next((key for key, target in TARGETS.items() if target.format is its_format), "")


def _exports() -> str:
    lost = _table(("setting", "what is lost"), ((f"`{name}`", why) for name, why in LOST.items()))
    spare = _table(("setting", "why it is not missed"), ((f"`{name}`", why) for name, why in NOT_NEEDED.items()))
    return f"\n## What an export cannot say\n\nSettings that only this program has, at another value than the default:\n\n{lost}\n{spare}"


def _format(its_format: TrainerFormat) -> Iterator[str]:
    """Yield the table of a format: rows of their own, then what is taken as it is, then what has no effect, by reason."""
    rules = its_format.rules
    if target := _target(its_format):
        yield f"`--to {target}` writes the keys marked ▸.\n\n"
    if its_format.fixed:
        fixed = ", ".join(f"`{name}` = {value}" for name, value in its_format.fixed.items())
        yield f"Where the file says nothing else: {fixed}.\n\n"
    own = [rule for rule in rules if not (_is_idle(rule) or _is_plain(rule))]
    if own:
        yield _table(("key", "becomes", "rule"), ((_key(rule, its_format), _options(rule), rule.rule) for rule in own))
    plain = [_key(rule, its_format) for rule in rules if _is_plain(rule)]
    if plain and len(plain) > 100:
        yield f"\nTaken under their own names: {len(plain)} keys, all of sd-scripts' options.\n"
    elif plain:
        yield f"\nTaken under their own names: {', '.join(plain)}.\n"
    idle: dict[str, list[str]] = {}
    for rule in rules:
        if _is_idle(rule):
            idle.setdefault(rule.why, []).append(_key(rule, its_format))
    if idle:
        yield "\n" + _table(("no effect here", "why"), ((", ".join(keys), why) for why, keys in idle.items()))


def _is_idle(rule: KeyRule) -> bool:
    # One that reads its value all the same only words its reason by it.
    return not rule.options and (rule.read is None or bool(rule.why))


def _is_plain(rule: KeyRule) -> bool:
    return rule.options == (rule.key,) and not rule.rule


def _key(rule: KeyRule, its_format: TrainerFormat) -> str:
    mark = "▸" if rule.exported and _target(its_format) else ""
    return f"{mark}`{rule.key}`"


def _options(rule: KeyRule) -> str:
    if len(rule.options) > _MAX_OPTIONS:
        return f"{len(rule.options)} settings"
    return ", ".join(f"`{name}`" for name in rule.options) or "sd-scripts' options"


def _absent() -> Iterator[tuple[str, str]]:
    by_reason: dict[str, list[str]] = {}
    for name in ABSENT_OPTIONS:
        if name in OPTIONS:
            by_reason.setdefault(why_absent(name), []).append(f"`{name}`")
    yield from ((", ".join(names), why) for why, names in by_reason.items())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
