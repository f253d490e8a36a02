"""Every screen says what it is for, in its help and on its page in docs, and the pages are those that the records make."""

import re
from base64 import b64decode
from io import BytesIO, StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from glossary_page import WORDS
from glossary_page import page as glossary
from keys_page import page as keys
from our_nodes import NODES, ours
from page_parts import place_of
from PIL import Image
from rich.console import Console
from rich.text import Text
from screen_svg import slim
from screens_page import PICTURES, pages
from textual.screen import Screen

from lora_tui.keys.keymap import BY_ID, actions_of
from lora_tui.keys.places import PLACES
from lora_tui.screens.help import guide_of
from lora_tui.screens.panes import PANES, terms_of
from lora_tui.wording.pane_terms import STATES
from lora_tui.wording.screen_guides import GUIDES, ScreenGuide

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
MOST_BYTES = 80 * 1024
MOST_OF_ALL = 400 * 1024
SCOPES = [guide.scope for guide in GUIDES]


def test_every_place_with_keys_of_its_own_in_the_docs_has_a_guide() -> None:
    assert {place.scopes[-1] for place in PLACES if place.heading} - set(SCOPES) == set()
    # What an export lost stands beside what an import did: the same columns.
    assert PANES.keys() - set(SCOPES) == {"export report"}
    assert len({guide.page for guide in GUIDES}) == len(set(SCOPES)) == len(GUIDES)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.page)
def test_a_guide_names_keys_that_hold_there_and_pages_that_are_there(guide: ScreenGuide) -> None:
    place = place_of(guide)
    there = {action.id for action in actions_of(*place.scopes, *place.panes)}
    assert set(re.findall(r"<key ([a-z.-]+)>", guide.purpose)) <= there
    assert set(guide.opened) <= BY_ID.keys()
    assert bool(guide.opened) != bool(guide.command)
    assert [name for name, _ in guide.more if not (DOCS / name).is_file()] == []


@pytest.mark.parametrize(
    "node", [node for node in NODES if issubclass(node, Screen) and ours(node)], ids=lambda node: node.__name__
)
def test_the_help_of_a_screen_says_what_that_screen_is_for(node: type[Screen[object]]) -> None:
    bound = {binding.id for binding in ours(node)}
    place = next((place for place in PLACES if {action.id for action in actions_of(*place.scopes)} == bound), None)
    guide = guide_of(node)
    expected = place.scopes[-1] if place is not None and place.scopes[-1] in SCOPES else None
    assert (guide.scope if guide else None) == expected


def test_no_guide_but_the_replays_is_without_a_screen() -> None:
    shown = {guide.scope for node in NODES if issubclass(node, Screen) and (guide := guide_of(node))}
    # A replay is the Bake screen with an engine of its own.
    assert set(SCOPES) - shown == {"replay"}


def test_the_pages_of_screens_are_those_that_the_records_make() -> None:
    assert {path.name: path.read_text("utf-8") for path in (DOCS / "screens").iterdir()} == pages(), "run `make docs`"


def test_the_pages_of_keys_and_words_are_those_that_the_records_make() -> None:
    assert (DOCS / "keys.md").read_text("utf-8") == keys(), "run `make docs`"
    assert (DOCS / "glossary.md").read_text("utf-8") == glossary(), "run `make docs`"


def test_a_page_has_every_key_and_every_term_of_its_screen() -> None:
    made = pages()
    for guide in GUIDES:
        text, place = made[f"{guide.page}.md"], place_of(guide)
        own = actions_of(*(scope for scope in (guide.scope, *place.panes) if scope not in ("editor", "find", "filter")))
        assert [action.id for action in own if f"| `{action.documented_key}` | {action.help} |" not in text] == []
        assert [term for pane in terms_of(place) for term in pane.terms if f"| {term.sign} |" not in text] == []


def test_the_glossary_has_every_word_once_in_order_and_every_term() -> None:
    words = [word.casefold() for word, _ in WORDS]
    assert words == sorted(set(words))
    text = glossary()
    terms = [*STATES.terms, *(term for place in PLACES for pane in terms_of(place) for term in pane.terms)]
    assert [term for term in terms if f"| {term.sign} | {' '.join(term.means.split())} |" not in text] == []


def test_make_docs_makes_every_page_that_says_so() -> None:
    targets = (ROOT / "Makefile").read_text("utf-8")
    made = [path for path in DOCS.rglob("*.md") if "<!-- Made by `make docs`" in path.read_text("utf-8")]
    assert made
    for path in made:
        name = path.relative_to(ROOT)
        assert f"> {name}\n" in targets or f"{name.parent}\n" in targets, name


# Pictures

SVGS = sorted(PICTURES.glob("*.svg"))


@pytest.mark.parametrize("path", SVGS, ids=lambda path: path.stem)
def test_a_picture_of_a_screen_is_small_and_names_no_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    ElementTree.fromstring(text)
    assert path.stem in {guide.page for guide in GUIDES}
    assert len(text.encode()) <= MOST_BYTES
    # Nothing is fetched by whoever looks at it, and nothing of where it was made is in it.
    assert re.findall(r"https?://(?!www\.w3\.org/)[^\s\"']+|@import|@font-face|url\((?!#)", text) == []
    assert re.findall(r"/(?:home|root|tmp|work|var|usr)/\w+", text) == []
    assert ">lora-tui<" in text


def test_all_pictures_together_are_small() -> None:
    assert sum(path.stat().st_size for path in SVGS) <= MOST_OF_ALL


def test_every_screen_has_its_picture() -> None:
    # A replay looks like the bake that it shows.
    assert {guide.page for guide in GUIDES} - {path.stem for path in SVGS} == {"replay"}


def test_a_picture_made_small_keeps_its_text_and_the_colours_of_its_halves() -> None:
    console = Console(
        width=7,
        height=1,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
    )
    line = Text("epoch ", "#102030 on #405060", end="")
    line.append("▀", "#aa0001 on #00bb02")
    console.print(Text.assemble(line, end=""), end="", crop=False, soft_wrap=True)
    drawn = console.export_svg(title="lora-tui")
    made = slim(re.sub(r"terminal-\w+-", "terminal-1-", drawn))
    ElementTree.fromstring(made)
    assert ">epoch<" in made and "font-face" not in made and "▀" not in made and len(made) < len(drawn)
    assert '<path fill="#405060" d="M0 0h6v2h-6z"/>' in made
    assert '<image x="6" y="0" width="1" height="2"' in made
    with Image.open(BytesIO(b64decode(re.findall(r"base64,([^\"]+)", made)[0]))) as halves:
        assert (halves.getpixel((0, 0)), halves.getpixel((0, 1))) == ((0xAA, 0, 1, 255), (0, 0xBB, 2, 255))


def test_the_pictures_of_the_readme_are_there() -> None:
    named = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert 2 <= len(named) <= 4
    assert [name for name in named if not (ROOT / name).is_file()] == []
