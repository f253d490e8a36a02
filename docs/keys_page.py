"""Prints docs/keys.md: every key of every screen, the user's own keys and the config file, all from their records."""

from page_parts import cell, guide_of, key_tables

from lora_tui.keys.keymap import key_table
from lora_tui.keys.places import PLACES, KeyPlace
from lora_tui.user_config import OPTIONS, ConfigOption

_HEAD = """\
<!-- Made by `make docs` from the records of lora_tui; change it there. -->

# Keys

`tab` goes from pane to pane. In every list and table the arrows move, and `h` `j` `k` `l` do as they do in vi; in a line that is typed they are letters. `?` shows what the screen in front is for, its keys, and what its columns and signs mean; `ctrl+p` everything that can be done there, searched by name, help or key. [screens/](screens/README.md) has a page for each screen, with a picture and what its columns and signs mean.
"""

_OWN = """\
## Your own keys

`~/.config/lora-tui/config.toml` (or the same in `$XDG_CONFIG_HOME`) gives actions other keys. It is read when lora-tui starts:

```toml
[keys]
"bake.pause" = "p,space"     # two keys
"plan.open" = "ctrl+o"       # since p is taken now
"bake.report" = ""           # none; ctrl+p still finds it
```

- `lora-tui keys` lists every action with its id, its keys and where they hold, your own among them; `lora-tui keys --json` gives the same to a program.
- A key is a character (`p`, `P`, `?`), a name (`space`, `enter`, `tab`, `up`, `home`, `pagedown`, `delete`, `f5`), or either behind `ctrl+`, `alt+` or `shift+`; `comma` stands for `,` and `plus` for `+`. A terminal sends the same for `ctrl+i` and `tab`, and for `ctrl+m` and `enter`.
- Two actions that hold at once cannot have one key: "bake.pause and plan.open both have p on the Bake screen". Both keep their own then, and everything else of the file holds.
- What you set shows in help, key lines, palette and messages.
- Nobody is locked out: `esc` always closes what is open, `ctrl+q` and `ctrl+c` always quit, `?` always helps where no line is typed, `ctrl+p` always opens the palette, and `enter` always answers a question.
- A mistake is a line with file, line and key, in the log and in front for a while; `lora-tui keys` prints it and ends with 2.

"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD, *map(_place, (place for place in PLACES if place.heading))]
    parts.append(f"## Everywhere\n\n{key_table('app')}")
    parts.append(
        f"{_OWN}The other options of that file:\n\n| option | default | does |\n|---|---|---|\n"
        + "".join(map(_option, OPTIONS))
    )
    return "\n".join(parts)


def _place(place: KeyPlace) -> str:
    parts = [f"## {place.heading}\n", *key_tables(place)]
    if place.note:
        parts.append(f"{place.note}\n")
    if guide := guide_of(place):
        parts.append(f"What its columns and signs mean: [{guide.title}](screens/{guide.page}.md).\n")
    return "\n".join(parts)


def _option(option: ConfigOption) -> str:
    return f"| `{option.key}` | `{'true' if option.default else 'false'}` | {cell(option.help)} |\n"


if __name__ == "__main__":
    print(page(), end="")
