"""Prints docs/settings.md: every setting of a bake, from its own declaration in trainer/settings/fields/."""

from itertools import groupby

from trainer.settings.describe import SettingInfo, default_text, fields
from trainer.text import plural

_HEAD = """\
<!-- Made by `make docs` from trainer/settings/fields/; change it there. -->

# Settings

The keys of a settings file, by the sections of the form. `lora-tui new` writes a file with all of them; what is left out has its
default. Names are sd-scripts' where sd-scripts has the option. `/` in the dashboard finds a setting by its name, its label or by what
people call it, `?` shows this text for the one under the cursor, and `lora-tui plan SETTINGS.toml --set NAME=VALUE` tries a value.

- **live** settings can be changed while a bake runs (`L` in the dashboard, `lora-tui order N set NAME=VALUE`).
- **fork** settings can differ in a fork of a bake (`B`, `lora-tui fork`); all others stay those of the bake that it starts from.
- The line *resume* tells what a setting does to a resumed bake; without one the bake is the same bit for bit.
"""


def page() -> str:
    """Return the page as Markdown."""
    sections = [(name, list(found)) for name, found in groupby(fields(), key=lambda info: info.section)]
    lines = [
        _HEAD,
        f"{plural(len(fields()), 'setting')}: " + ", ".join(f"[{name}](#{_anchor(name)})" for name, _ in sections),
        "",
    ]
    for name, found in sections:
        lines += [f"## {name}", ""]
        for info in found:
            lines += [*_setting(info), ""]
    return "\n".join(lines)


def _setting(info: SettingInfo) -> list[str]:
    unit = f" ({info.unit})" if info.unit else ""
    facts = [f"{info.expected}{unit}", f"default {_default(info)}"]
    facts += [word for word, holds in (("live", info.live), ("fork", info.may_fork)) if holds]
    lines = [f"### `{info.name}`", "", f"**{info.label}**: {info.help}", "", f"*{'; '.join(facts)}*"]
    if info.exactness:
        lines += ["", f"*resume: {info.exactness}*"]
    return lines


def _default(info: SettingInfo) -> str:
    text = default_text(info)
    return f"`{text}`" if text else "blank"


def _anchor(name: str) -> str:
    return "".join(letter for letter in name.lower().replace(" ", "-") if letter.isalnum() or letter == "-")


if __name__ == "__main__":
    print(page(), end="")
