"""The table of trainers on the screen: its cursor, what differs, the reason below it, and a column that is taken over."""

from collections.abc import Sequence
from typing import Any

import pytest
from screen_alone import ScreenAlone, until_true
from textual.widgets import Static

from lora_tui.actions import parity
from lora_tui.actions.parity import TakenOver, changed_settings
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.parity import ParityScreen, ParitySources
from lora_tui.screens.parity_columns import ColumnsDialog
from lora_tui.screens.plan import PlanDialog
from lora_tui.screens.settings_changes import ChangesDialog
from lora_tui.widgets.parity_view import ParityView
from trainer.errors import SettingsError
from trainer.parity.table import ParityCell, ParityRow, ParityTable

WIDE, NARROW = (120, 36), (80, 24)
COLUMNS = ("yours", "legacy 2023", "anon 2023", "easy 2023", "gui 2023", "ext 2023", "sd 2023", "one 2026", "ai 2026")
TITLES = ("these settings", *(f"The {key.split()[0].title()} script, {key.split()[1]}-02-09" for key in COLUMNS[1:]))
LOST = ("10_a/b.GIF: not counted", "10_a/c.PNG: not counted")


def row(key: str, label: str, mine: str, others: Sequence[str], why: str, details: tuple[str, ...] = ()) -> ParityRow:
    cells = [ParityCell(mine)]
    cells += [ParityCell(text, text != mine, why if text != mine else "", details) for text in others]
    return ParityRow(key, label, tuple(cells))


TABLE = ParityTable(
    COLUMNS,
    TITLES,
    (
        row(
            "counted",
            "pictures counted",
            "12",
            ["16", "10", "13", "9", "12", "12", "12", "12"],
            "it counts .gif, too",
            LOST * 3,
        ),
        row(
            "steps",
            "steps really run",
            "155",
            ["200", "155", "155", "113", "155", "155", "155", "155"],
            "it rounds [half] up",
        ),
        row("epochs", "epochs", "5", ["7", "5", "5", "4", "5", "5", "5", "5"], "the last one is cut"),
        row("clip", "clip skip", "2", ["2"] * 8, ""),
        row("tokens", "tokens", "75", ["150", "75", "75", "75", "75", "75", "75", "unknown"], "it was so on that day"),
    ),
)


def nothing_to_take(key: str) -> TakenOver:
    return TakenOver(key, {}, ())


def alone(table: Any = lambda: TABLE, *, take: Any = nothing_to_take, editable: bool = True) -> ScreenAlone:
    """Return an app of the table alone, in which nothing is taken over."""
    sources = ParitySources(
        "Trainers compared for a.toml",
        table,
        take,
        lambda then: then(),
        lambda: editable,
        lambda changes: None,
    )
    kept: list[Sequence[str]] = []
    app = ScreenAlone(ParityScreen(sources, None, kept.append, editable=editable))
    app.kept = kept  # type: ignore[attr-defined]
    return app


def reason(app: ScreenAlone) -> str:
    return str(app.shown.query_one("#reason", Static).content)


async def shown_table(app: ScreenAlone, pilot) -> None:
    await until_true(pilot, lambda: app.shown._table is not None and app.shown.query_one(ParityView).cell)


async def test_the_current_cell_has_its_reason_below() -> None:
    app = alone()
    async with app.run_test(size=NARROW) as pilot:
        await shown_table(app, pilot)
        assert "it counts .gif, too" in reason(app) and "yours: 12" in reason(app)
        assert LOST[0] in reason(app)
        assert app.text().count(LOST[1]) == 0
        await pilot.press("J", "shift+down")
        assert LOST[1] in app.text()
        await pilot.press("K", "K", "down", "j")
        assert "the last one is cut" in reason(app) and "7" in reason(app)
        await pilot.press("down")
        assert "the same as yours" in reason(app)
        await pilot.press("k", "k", "l", "l", "l")
        assert "it rounds [half] up" in app.text()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_what_differs_has_a_sign_and_labels_and_first_column_stand(size) -> None:
    app = alone()
    async with app.run_test(size=size) as pilot:
        await shown_table(app, pilot)
        lines = app.text().splitlines()
        counted = next(line for line in lines if line.startswith(" pictures counted"))
        assert counted.count("≠") == (3 if size == NARROW else 4)
        assert "▸≠ 16" in counted and "  12" in counted
        assert "≠" not in next(line for line in lines if line.startswith(" clip skip"))
        view = app.shown.query_one(ParityView)
        for key in COLUMNS[1:]:
            assert view.column == key
            assert f"The {key.split()[0].title()}" in app.text()
            await pilot.press("right")
        text = app.text()
        assert "The Ai" in text and "The Legacy" not in text and "≠ unknown" in text and "these" in text
        for label in ("pictures counted", "steps really run", "tokens"):
            assert label in text
        await pilot.press("home")
        assert view.column == COLUMNS[0]
        await pilot.press("t")
        assert "your settings" in app.notes()
        # The columns that the new width has room for are the right ones.
        await pilot.press("end")
        await pilot.resize_terminal(60, 24)
        assert "The Ai" in app.text()


async def test_the_trainers_and_rows_shown_are_chosen() -> None:
    app = alone()
    async with app.run_test(size=WIDE) as pilot:
        await shown_table(app, pilot)
        await pilot.press("c")
        await until_true(pilot, lambda: isinstance(app.screen, ColumnsDialog))
        await pilot.press("a", "enter")
        assert "at least one" in app.notes() and "✓" not in app.text()
        await pilot.press("a", "space", "down", "space", "enter")
        await until_true(pilot, lambda: app.screen is app.shown)
        text = app.text()
        assert "The Legacy" not in text and "The Anon" not in text and "The Easy" in text and "2 not shown" in text
        assert app.kept == [COLUMNS[3:]]
        await pilot.press("d")
        assert "clip skip" not in app.text() and "4 rows that differ" in app.text()
        await pilot.press("d")
        assert "clip skip" in app.text()


@pytest.mark.parametrize("editable", [True, False])
async def test_every_key_of_the_table_can_be_asked_for(editable: bool) -> None:
    app = alone(editable=editable)
    async with app.run_test(size=NARROW) as pilot:
        await shown_table(app, pilot)
        # All of the line of keys is in view.
        assert "? help   esc close" in app.text() and ("take it over" in app.text()) is editable
        await pilot.press("question_mark")
        await until_true(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = " ".join(str(line.content) for line in app.screen.query(Static))
        assert "last trainer" in text and "scroll the text about the cell" in text
        assert ("make the settings like this column's trainer" in text) is editable


async def test_what_goes_wrong_is_one_line_and_no_key_does_harm() -> None:
    def fail() -> ParityTable:
        raise OSError(5, "Input/output error", "/data/[b]set[/b]")

    app = alone(fail)
    async with app.run_test(size=WIDE) as pilot:
        await until_true(pilot, lambda: "[b]set[/b]" in app.text())
        await pilot.press("t", "c", "d", "right", "down", "end", "pagedown", "escape")
        assert app.answers == [None]


async def test_a_trainer_whose_defaults_do_not_fit_says_which() -> None:
    def take(key: str) -> TakenOver:
        raise SettingsError("resolution", found="64 lies outside the buckets", way_out="move [min_bucket_reso] first")

    app = alone(take=take)
    async with app.run_test(size=WIDE) as pilot:
        await shown_table(app, pilot)
        await pilot.press("t")
        await until_true(pilot, lambda: "move [min_bucket_reso] first" in reason(app))
        await pilot.press("down")
        assert "[min_bucket_reso]" not in reason(app) and app.screen is app.shown


async def test_who_may_not_change_settings_takes_nothing_over() -> None:
    app = alone(editable=False)
    async with app.run_test(size=WIDE) as pilot:
        await shown_table(app, pilot)
        assert "make yours" not in app.text()
        await pilot.press("t", "enter")
        assert app.screen is app.shown


async def test_a_column_is_taken_over_after_its_changes_were_shown(runner, until, seen, monkeypatch) -> None:
    def take(draft: Any, profile: str) -> TakenOver:
        changes = {"network_dim": 77, "unet_lr": 3e-4}
        return TakenOver(profile, changes, changed_settings(draft, changes, {"unet_lr": "its [default]"}), ("a note",))

    monkeypatch.setattr(parity, "parity_of", lambda draft: TABLE)
    monkeypatch.setattr(parity, "take_over", take)
    async with runner.run(WIDE) as pilot:
        app, editor = runner.app, runner.app.bake_screen.editor
        await until(pilot, lambda: editor.view is not None)
        before = editor.draft
        # From the plan, and left once.
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        for key, answer in (("t", "escape"), ("enter", "enter")):
            await pilot.press("C") if not isinstance(app.screen, ParityScreen) else None
            await until(pilot, lambda: isinstance(app.screen, ParityScreen) and app.screen._table is not None)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, ChangesDialog))
            shown = seen(app)
            for words in ("2 settings would change", "network_dim", "→ 77", "its [default]", "a note"):
                assert words in shown
            assert editor.draft is before
            await pilot.press(answer)
        await until(pilot, lambda: app.screen is app.bake_screen)
        assert (editor.draft.now.network_dim, editor.draft.now.unet_lr) == (77, 3e-4)
        assert editor.draft.unsaved == {"network_dim", "unet_lr"} and editor.draft.saved == before.saved
        # Each can be taken back as after any edit, and all of them at once.
        assert any(
            "u undoes it, backspace on a setting takes that one back" in note.message for note in app._notifications
        )
        app.bake_screen.form.go_to("network_dim")
        await pilot.press("1", "backspace")
        await until(pilot, lambda: editor.draft.unsaved == {"unet_lr"})
        # What is unsaved is settled first: discarded it is gone, saved it stays below what is taken over.
        for answer, alpha in (("d", before.saved.network_alpha), ("s", 9)):
            editor.typed("network_alpha", "9")
            await pilot.press("C")
            await until(pilot, lambda: isinstance(app.screen, ParityScreen) and app.screen._table is not None)
            await pilot.press("t")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await pilot.press(answer)
            await until(pilot, lambda: isinstance(app.screen, ChangesDialog))
            await pilot.press("enter")
            await until(pilot, lambda: app.screen is app.bake_screen)
            assert editor.draft.now.network_alpha == alpha
            assert editor.draft.unsaved == ({"network_dim", "unet_lr"} if answer == "d" else frozenset())


def test_the_table_and_the_changes_are_of_the_edited_settings(runner) -> None:
    from lora_tui.forms.draft import open_draft

    draft = open_draft(runner.workspace.root / "hifumi.toml").changed({"max_train_epochs": 3, "behave_like": None})
    table = parity.parity_of(draft)
    run = next(each for each in table.rows if each.key == "steps_run")
    assert run.cells[0].text == "120"
    taken = parity.take_over(draft, "easy training scripts 2023-02")
    after = draft.changed(taken.changes).now
    assert (after.behave_like, after.clip_skip) == ("easy training scripts 2023-02", 2)
    assert {line.name for line in taken.lines} >= {"behave_like", "clip_skip"} and all(line.why for line in taken.lines)
    again = parity.take_over(draft.changed(taken.changes), "easy training scripts 2023-02")
    assert again.changes == {} and again.lines == ()
