"""Writes docs/screens/: a page for each screen from its guide, its keys and the terms of its panes, and an index of them."""

import sys
from pathlib import Path

from page_parts import cell, key_tables, place_of, terms_table, ways_in, with_keys

from lora_tui.screens.panes import terms_of
from lora_tui.wording.pane_terms import STATES
from lora_tui.wording.screen_guides import GUIDES, ScreenGuide

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures"
_MADE = "<!-- Made by `make docs` from the records of lora_tui; change it there. -->\n"
_INDEX = """\
# Screens

lora-tui opens on the Bake screen; every other one opens from there by a key, and closes with `esc`. `?` on a screen shows what its page says here, `ctrl+p` leads to any screen by name. The pictures were made by the program itself, with the demo.

| screen | opened with | for |
|---|---|---|
"""


def pages() -> dict[str, str]:
    """Return file name -> Markdown."""
    rows = "".join(
        f"| [{guide.title}]({guide.page}.md) | {ways_in(guide)} | {cell(_first(guide))} |\n" for guide in GUIDES
    )
    index = f"{_MADE}\n{_INDEX}{rows}\nThe signs of states are the same on every screen:\n\n{terms_table(STATES)}"
    return {"README.md": index, **{f"{guide.page}.md": _page(guide) for guide in GUIDES}}


def _first(guide: ScreenGuide) -> str:
    """Return the first sentence of what a screen is for."""
    sentence, _, rest = guide.purpose.partition(". ")
    return with_keys(f"{sentence}." if rest else sentence)


def _page(guide: ScreenGuide) -> str:
    place = place_of(guide)
    parts = [_MADE, f"# {guide.title}\n", f"{with_keys(guide.purpose)}\n", f"Opened with {ways_in(guide)}.\n"]
    if (PICTURES / f"{guide.page}.svg").is_file():
        parts.append(f"![{guide.title}](../pictures/{guide.page}.svg)\n")
    if guide.more:
        links = ", ".join(f"[{about}](../{name})" for name, about in guide.more)
        parts.append(f"More: {links}.\n")
    if terms := terms_of(place):
        parts += ["## What stands there\n", *map(terms_table, terms)]
    parts += ["## Keys\n", *key_tables(place)]
    parts.append("`?` shows this on the screen, `ctrl+p` what can be done there by name. [All keys](../keys.md).\n")
    return "\n".join(parts)


def main(folder: Path) -> None:
    """Write the pages into a folder, and remove those of screens that are gone."""
    folder.mkdir(exist_ok=True)
    made = pages()
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
