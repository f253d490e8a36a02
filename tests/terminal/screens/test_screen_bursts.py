"""Keys that arrive together: what is typed behind a key that opens something goes there, and does nothing anywhere else."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from bursts import ENTER, PANGRAM, key_events, random_text, type_at_once
from opened_screens import OPENERS, character_of, on_a_bake, on_the_form
from textual import events
from textual.screen import Screen
from textual.widgets import Input
from textual.widgets.input import Selection

from lora_tui.app import LoraApp
from lora_tui.keys.keymap import ACTIONS
from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.confirm import ConfirmDialog
from trainer.journal.records import BakeState

SIZE = (120, 36)
# Behind an enter that ends a line the keys are the list's again; a dialog takes all of them.
MORE_TEXTS = (ENTER, ENTER * 3 + PANGRAM)


def texts_behind(name: str, more: bool) -> tuple[str, ...]:
    """Return what is typed behind the key of an action: every letter, or more, something else behind each."""
    letters, others = PANGRAM + ENTER, random_text(random.Random(name))
    if OPENERS[name][2] is None:
        # A line keeps what was typed into it, and the list below shows what holds it.
        return () if more else (letters, others)
    return (others, *MORE_TEXTS) if more else (letters,)


@pytest.fixture(autouse=True)
def an_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an editor, else none is opened."""
    monkeypatch.setenv("EDITOR", "true")


def acted(runner) -> tuple[object, ...]:
    """Return everything that an action of a key leaves behind, in the journal and in the files that are the user's."""
    with runner.journal() as journal:
        bakes = [(bake.number, bake.state, bake.held, bake.place) for bake in journal.bakes.latest()]
        orders = [journal.orders.read(number) for number, *_ in bakes]
        rows = journal.grids.latest()
        notes = [journal.grids.cell_notes(grid.number) for grid in rows]
        ladders = [journal.ladders.bakes_of(row.number) for row in journal.ladders.all()]
        # Not the text of a note: what is typed behind its key is meant for it.
        notes += [
            [
                (each.bake, each.tags, each.best_step)
                for each in journal.notes.all().values()
                if each.tags or each.best_step
            ]
        ]
    files = {path: path.read_bytes() for path in runner.workspace.root.rglob("*.toml")}
    files |= {path: path.read_bytes() for path in runner.workspace.subjects.glob("*.json")}
    files |= {path: path.read_bytes() for path in runner.workspace.bakes.rglob("*.safetensors")}
    pages = sorted(runner.workspace.root.rglob("*.html")) + sorted(runner.workspace.grids.glob("[!.]*.json"))
    captions = {path: path.read_bytes() for path in (runner.workspace.root / "data").rglob("*.txt")}
    return bakes, orders, [grid.number for grid in rows], notes, files, pages, ladders, captions


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[Screen[Any]]:
    """Return the list of the screens that are pushed, in order."""
    screens: list[Screen[Any]] = []
    push = LoraApp.push_screen

    def note(app: LoraApp, screen: Screen[Any], *args: Any, **options: Any) -> Any:
        screens.append(screen)
        return push(app, screen, *args, **options)

    monkeypatch.setattr(LoraApp, "push_screen", note)
    return screens


async def all_arrived(app: LoraApp, pilot, until) -> None:
    """Come back once no key waits any more, and everything that they set off is done."""
    await until(pilot, lambda: not app._keys._waiting and not app._keys._released and app._keys._is_settled())
    await pilot.pause()


async def back_to(screen: Screen[Any], runner, pilot, until) -> None:
    """Close whatever is open above `screen`, and any edit in it."""
    for _ in range(12):
        if runner.app.screen is screen and not isinstance(runner.app.focused, Input):
            return
        await pilot.press("escape")
        await all_arrived(runner.app, pilot, until)
    raise AssertionError(f"stays in {runner.app.screen_stack}")


def test_every_action_that_opens_something_is_tried() -> None:
    assert set(OPENERS) == {action.id for action in ACTIONS if action.opens != "never"}


# Behind others of their kind, which are tried at once.
_LONG = (
    "bake.again",
    "advice.ladder",
    "aim.ladder",
    "doneness.aim",
    "doneness.open",
    "measures.open",
    "samples.open",
    "curves.choose",
    "settings.export",
    "parity.take",
    "parity.columns",
    "report.save",
    "report.paths",
    "report.find",
    *(f"journal.{name}" for name in ("sort", "metric", "diff", "tags", "fork", "prune", "frontier")),
    *(f"ladder.{name}" for name in ("measure", "grid", "extend", "doneness", "measures")),
    *(f"dataset.{name}" for name in ("operation", "steps", "findings", "repeats", "tagger")),
    *("dataset.filter", "dataset.pairs", "pictures.sort", "caption.add", "tags.rename", "tags.front", "tags.add"),
)


def tried(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.long) if name in _LONG else name for name in names]


# What is typed into these lines is written into the caption, as it is meant.
_WRITTEN = ("caption.rename", "caption.add")


# Another key would find something else there: the same grid without its marks, or no picture that a filter lets pass.
_ALONE = ("grid.open", "dataset.filter")
# So many share an app that none takes long: whoever runs the tests at once gets even shares.
_AT_ONCE = 6


def together(names: Iterable[str]) -> list[Any]:
    """Return the actions in groups that are tried in one app: those whose keys are pressed in the same place."""
    places: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        alone = name if name in _ALONE else ""
        places.setdefault((*OPENERS[name][:2], name in _LONG, alone), []).append(name)
    groups = [some[start : start + _AT_ONCE] for some in places.values() for start in range(0, len(some), _AT_ONCE)]
    marks = {True: pytest.mark.long, False: ()}
    return [pytest.param(group, id=" ".join(group), marks=marks[group[0] in _LONG]) for group in groups]


@pytest.mark.parametrize(
    "more", [pytest.param(False, id="every letter"), pytest.param(True, id="more", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("names", together(OPENERS))
async def test_what_is_typed_behind_a_key_does_nothing_but_in_what_it_opens(runner, until, pushed, names, more) -> None:
    prepare, bring, _ = OPENERS[names[0]]
    prepare(runner)
    async with runner.run(SIZE) as pilot:
        await bring(runner, pilot, until)
        app, screen, before = runner.app, runner.app.screen, acted(runner)
        for name, text in ((each, text) for each in names for text in texts_behind(each, more)):
            opened, compared = OPENERS[name][2], slice(-1) if name in _WRITTEN else slice(None)
            pushed.clear()
            type_at_once(app, character_of(name) + text)
            if opened is None:
                await all_arrived(app, pilot, until)
                assert pushed == [], f"a letter of {text!r} behind {name} was taken for a key"
            else:
                await until(pilot, lambda: pushed)
                await all_arrived(app, pilot, until)
                assert type(pushed[0]) is opened, name
            assert app.is_running
            assert acted(runner)[compared] == before[compared], f"{text!r} behind {name} did something"
            await back_to(screen, runner, pilot, until)
            if bring is on_the_form or bring is on_a_bake:
                app.bake_screen.form.go_to("unet_lr")
                await pilot.pause()
            assert acted(runner)[compared] == before[compared]


LINES = {
    "bake.start": "why",
    "subject.new": "name",
    "settings.import": "source",
    "report.save": "name",
    "report.paths": "folder-0",
    "grid.use": "target",
    "plan.fit": "limit",
}


@pytest.mark.parametrize("name", tried(LINES))
async def test_text_behind_a_key_stands_in_the_line_that_it_opens(runner, until, name: str) -> None:
    prepare, bring, opened = OPENERS[name]
    prepare(runner)
    async with runner.run(SIZE) as pilot:
        await bring(runner, pilot, until)
        type_at_once(runner.app, character_of(name) + "x b space")
        await until(pilot, lambda: isinstance(runner.app.screen, opened))
        await all_arrived(runner.app, pilot, until)
        assert runner.app.screen.query_one(f"#{LINES[name]}", Input).value.endswith("x b space")


async def test_a_setting_is_found_edited_and_kept_in_one_read(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        await on_the_form(runner, pilot, until)
        type_at_once(runner.app, f"/network_alpha{ENTER}{ENTER}3.5{ENTER}/te rate{ENTER}")
        draft = runner.app.bake_screen.editor
        await until(pilot, lambda: draft.draft.now.network_alpha == 3.5)
        await all_arrived(runner.app, pilot, until)
        assert runner.app.screen is runner.app.bake_screen
        assert runner.app.bake_screen.form.focused_info.name == "text_encoder_lr"
    assert runner.bakes() == []


async def test_enter_a_value_and_enter_keep_the_value(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        await on_the_form(runner, pilot, until)
        type_at_once(runner.app, f"{ENTER}7e-4{ENTER}")
        await until(pilot, lambda: runner.app.bake_screen.editor.draft.now.unet_lr == 7e-4)
        assert runner.app.bake_screen.form.editing == ""


async def test_an_enter_older_than_the_first_frame_starts_nothing_and_a_later_one_does(runner, until, seen) -> None:
    async with runner.run(SIZE) as pilot:
        await on_the_form(runner, pilot, until)
        type_at_once(runner.app, f"b{ENTER}")
        await until(pilot, lambda: "note for this bake" in seen(runner.app))
        await all_arrived(runner.app, pilot, until)
        assert isinstance(runner.app.screen, BakeNoteDialog)
        assert runner.bakes() == []
        await pilot.press("enter")
        await until(pilot, runner.bakes)


async def test_a_question_that_comes_by_itself_is_not_answered_by_keys_typed_before(runner, until) -> None:
    """As at the start, when what an earlier session left in the queue is offered while one types."""
    runner.add_bake(engine="gone")
    async with runner.run(SIZE) as pilot:
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        # Typed before it was painted, read after.
        painted = runner.app._keys._painted[runner.app.screen]
        for event in key_events(f"t{ENTER}"):
            event.time = painted - 0.001
            runner.app.post_message(event)
        await all_arrived(runner.app, pilot, until)
        assert isinstance(runner.app.screen, ConfirmDialog)
    assert {bake.engine for bake in runner.bakes()} == {"gone"}


async def test_what_is_typed_behind_a_key_that_cannot_open_is_dropped(runner, until) -> None:
    runner.baking()
    async with runner.run(SIZE) as pilot:
        await on_a_bake(runner, pilot, until)
        # Nothing is judged on the Bake screen, and without a plan nothing is shown.
        runner.app.bake_screen.editor.view = None
        type_at_once(runner.app, "p s X F space")
        await until(pilot, lambda: any("no plan yet" in note.message for note in runner.app._notifications))
        await all_arrived(runner.app, pilot, until)
        assert runner.app.screen is runner.app.bake_screen
    assert runner.orders() == []


async def test_what_is_typed_together_long_behind_a_key_that_could_not_open_is_not_dropped(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        await on_the_form(runner, pilot, until)
        runner.app.bake_screen.editor.view = None
        form = runner.app.bake_screen.form
        await pilot.press("p")
        await until(pilot, lambda: any("no plan yet" in note.message for note in runner.app._notifications))
        await all_arrived(runner.app, pilot, until)
        await until(pilot, runner.app._keys._watch.done)
        sections = list(dict.fromkeys(info.section for info in form._infos.values()))
        before = sections.index(form.focused_info.section)
        type_at_once(runner.app, "]][]]")
        await until(pilot, lambda: form.focused_info.name != "unet_lr")
        await all_arrived(runner.app, pilot, until)
        assert sections.index(form.focused_info.section) == before + 3


async def test_what_is_left_when_a_dialog_closes_unseen_is_dropped(runner, until, pushed) -> None:
    runner.baking()
    async with runner.run(SIZE) as pilot:
        await on_a_bake(runner, pilot, until)
        type_at_once(runner.app, "pquick save X")
        await until(pilot, lambda: pushed)
        await all_arrived(runner.app, pilot, until)
        assert runner.app.screen is runner.app.bake_screen
        assert len(pushed) == 1
        # What is typed after that is a key again.
        await pilot.press("X")
        await until(pilot, runner.orders)


async def test_a_key_behind_one_that_opens_nothing_is_a_key(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        await on_the_form(runner, pilot, until)
        form = runner.app.bake_screen.form
        form.go_to("gradient_checkpointing")
        await pilot.pause()
        section = form.focused_info.section
        type_at_once(runner.app, f"{ENTER}{ENTER}{ENTER}]")
        await until(pilot, lambda: runner.app.bake_screen.editor.draft.now.gradient_checkpointing)
        await all_arrived(runner.app, pilot, until)
        assert form.focused_info.section != section


def test_no_file_of_the_user_is_left_out_of_what_is_compared(runner) -> None:
    """`acted` sees each kind of thing that a key may leave behind."""
    before = acted(runner)
    runner.add_bake()
    after = acted(runner)
    assert before != after
    runner.set_state(BakeState.STOPPED)
    assert acted(runner) != after
    (Path(runner.workspace.root) / "more.toml").write_text("")
    assert len(acted(runner)[4]) == len(after[4]) + 1


async def test_all_lines_of_a_paste_stand_in_the_line(runner, until) -> None:
    async with runner.run(SIZE) as pilot:
        await on_the_form(runner, pilot, until)
        type_at_once(runner.app, "bso: ")
        runner.app.post_message(events.Paste("(halo:1.2),  smile,\r\n\r\n  night sky\n"))
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        await all_arrived(runner.app, pilot, until)
        line = runner.app.screen.query_one(Input)
        assert line.value == "so: (halo:1.2),  smile, night sky"
        # A selection is replaced, a single line keeps its blanks.
        line.selection = Selection(len(line.value), 4)
        runner.app.post_message(events.Paste(" moon "))
        await until(pilot, lambda: line.value == "so:  moon ")
