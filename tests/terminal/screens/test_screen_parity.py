"""The table of trainers on the screen: its cursor, what differs, the reason below it, and a column that is taken over."""

from collections.abc import Sequence
from typing import Any

import pytest
from textual.widgets import OptionList, Static

from lora_tui.actions import parity
from lora_tui.actions.parity import TakenOver, changed_settings
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.parity import ParityScreen
from lora_tui.screens.parity_columns import ColumnsDialog
from lora_tui.screens.plan import PlanDialog
from lora_tui.screens.settings_changes import ChangesDialog
from lora_tui.widgets.parity_view import ParityView
from trainer.parity.table import ParityCell, ParityRow, ParityTable

SIZES = [(120, 36), (80, 24)]
COLUMNS = ("yours", "legacy 2023", "anon 2023", "easy 2023", "gui 2023", "ext 2023", "sd 2023", "one 2026", "ai 2026")
TITLES = ("these settings", *(f"The {key.split()[0].title()} script, {key.split()[1]}-02-09" for key in COLUMNS[1:]))


def row(key: str, label: str, mine: str, others: Sequence[str], why: str) -> ParityRow:
    cells = [ParityCell(mine)]
    cells += [ParityCell(text, text != mine, why if text != mine else "") for text in others]
    return ParityRow(key, label, tuple(cells))


TABLE = ParityTable(
    COLUMNS,
    TITLES,
    (
        row(
            "counted", "pictures counted", "12", ["16", "10", "13", "9", "12", "12", "12", "12"], "It counts .gif, too."
        ),
        row(
            "steps",
            "steps really run",
            "155",
            ["200", "155", "155", "113", "155", "155", "155", "155"],
            "It rounds [half] up.",
        ),
        row("epochs", "epochs", "5", ["7", "5", "5", "4", "5", "5", "5", "5"], "The last one is cut."),
        row("clip", "clip skip", "2", ["2"] * 8, ""),
        row("tokens", "tokens", "75", ["150", "75", "75", "75", "75", "75", "75", "unknown"], "It was so on that day."),
    ),
)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ParityTable:
    """Have every comparison give TABLE, and every column taken over change two settings."""

    def take(draft: Any, profile: str) -> TakenOver:
        changes = {"network_dim": 77, "unet_lr": 3e-4}
        return TakenOver(
            profile, changes, changed_settings(draft, changes, {"unet_lr": "Its [default]."}), ("A note.",)
        )

    monkeypatch.setattr(parity, "parity_of", lambda draft: TABLE)
    monkeypatch.setattr(parity, "take_over", take)
    return TABLE


async def opened(runner, pilot, until, key: str = "C") -> ParityScreen:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(runner.app.screen, ParityScreen) and runner.app.screen._table is not None)
    await pilot.pause()
    return runner.app.screen


def reason(screen: ParityScreen) -> str:
    return str(screen.query_one("#reason", Static).content)


@pytest.mark.parametrize("size", SIZES)
async def test_the_current_cell_has_its_reason_below(runner, until, seen, table, size) -> None:
    async with runner.run(size) as pilot:
        screen = await opened(runner, pilot, until)
        assert "It counts .gif, too." in reason(screen) and "yours: 12" in reason(screen)
        await pilot.press("down", "j")
        assert "The last one is cut." in reason(screen) and "7" in reason(screen)
        await pilot.press("down")
        assert "the same as yours" in reason(screen)
        await pilot.press("k", "k", "l", "l", "l")
        assert "It rounds [half] up." in seen(runner.app)


@pytest.mark.parametrize("size", SIZES)
async def test_what_differs_has_a_sign_beside_its_colour(runner, until, seen, table, size) -> None:
    async with runner.run(size) as pilot:
        await opened(runner, pilot, until)
        lines = seen(runner.app).splitlines()
        counted = next(line for line in lines if line.startswith(" pictures counted"))
        assert counted.count("≠") == (3 if size[0] == 80 else 4)
        assert "▸≠ 16" in counted and "  12" in counted
        assert "≠" not in next(line for line in lines if line.startswith(" clip skip"))


@pytest.mark.parametrize("size", SIZES)
async def test_labels_and_the_first_column_stand_while_the_others_scroll(runner, until, seen, table, size) -> None:
    async with runner.run(size) as pilot:
        screen = await opened(runner, pilot, until)
        assert "The Ai" not in seen(runner.app)
        await pilot.press("end")
        shown = seen(runner.app)
        assert "The Ai" in shown and "The Legacy" not in shown
        for label in ("pictures counted", "steps really run", "tokens"):
            assert label in shown
        assert "these" in shown and "≠ unknown" in shown
        await pilot.press("home")
        assert screen.query_one(ParityView).column == COLUMNS[0]
        await pilot.press("right")
        assert "The Legacy" in seen(runner.app)


async def test_every_column_can_be_reached_by_the_arrow_and_is_seen_then(runner, until, seen, table) -> None:
    async with runner.run((80, 24)) as pilot:
        screen = await opened(runner, pilot, until)
        view = screen.query_one(ParityView)
        for key in COLUMNS[1:]:
            assert view.column == key
            assert f"The {key.split()[0].title()}" in seen(runner.app)
            await pilot.press("right")


async def test_the_trainers_shown_are_chosen_and_stay_chosen(runner, until, seen, table) -> None:
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(runner.app.screen, ColumnsDialog))
        await pilot.press("space", "down", "space", "enter")
        await until(pilot, lambda: isinstance(runner.app.screen, ParityScreen))
        for _ in range(2):
            shown = seen(runner.app)
            assert "The Legacy" not in shown and "The Anon" not in shown and "The Easy" in shown
            assert "2 not shown" in shown
            await pilot.press("escape")
            await opened(runner, pilot, until)


async def test_a_table_without_a_trainer_is_refused(runner, until, table) -> None:
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(runner.app.screen, ColumnsDialog))
        await pilot.press("a", "enter")
        await until(pilot, lambda: any("at least one" in note.message for note in runner.app._notifications))
        assert "✓" not in str(runner.app.screen.query_one(OptionList).get_option_at_index(0).prompt)


async def test_d_leaves_the_rows_that_differ(runner, until, seen, table) -> None:
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("d")
        assert "clip skip" not in seen(runner.app) and "4 rows that differ" in seen(runner.app)
        await pilot.press("d")
        assert "clip skip" in seen(runner.app)


@pytest.mark.parametrize("key", ["t", "enter"])
async def test_a_column_is_taken_over_after_its_changes_were_shown(runner, until, seen, table, key) -> None:
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        before = runner.app.bake_screen.editor.draft
        await pilot.press(key)
        await until(pilot, lambda: isinstance(runner.app.screen, ChangesDialog))
        shown = seen(runner.app)
        for words in ("2 settings would change", "network_dim", "→ 77", "Its [default].", "A note."):
            assert words in shown
        assert runner.app.bake_screen.editor.draft is before
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        draft = runner.app.bake_screen.editor.draft
        assert (draft.now.network_dim, draft.now.unet_lr) == (77, 3e-4)
        assert draft.unsaved == {"network_dim", "unet_lr"}
        assert draft.saved == before.saved
        # Each can be taken back as after any edit.
        runner.app.bake_screen.form.go_to("network_dim")
        await pilot.press("1", "backspace")
        await until(pilot, lambda: runner.app.bake_screen.editor.draft.unsaved == {"unet_lr"})


async def test_escape_changes_nothing(runner, until, table) -> None:
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(runner.app.screen, ChangesDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(runner.app.screen, ParityScreen))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert not runner.app.bake_screen.editor.draft.unsaved


@pytest.mark.parametrize(("answer", "rank"), [("s", 9), ("d", 4)])
async def test_unsaved_edits_are_settled_first(runner, until, table, answer, rank) -> None:
    """Saved, they stay below what is taken over; discarded, they are gone."""
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        editor = runner.app.bake_screen.editor
        file_s = editor.draft.saved.network_alpha
        editor.typed("network_alpha", "9")
        await opened(runner, pilot, until)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press(answer)
        await until(pilot, lambda: isinstance(runner.app.screen, ChangesDialog))
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert editor.draft.now.network_alpha == (9 if answer == "s" else file_s)
        assert editor.draft.unsaved == {"network_dim", "unet_lr"}


async def test_ones_own_column_is_nothing_to_take_over(runner, until, table) -> None:
    async with runner.run((120, 36)) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("home", "t")
        await until(pilot, lambda: any("your settings" in note.message for note in runner.app._notifications))
        assert isinstance(runner.app.screen, ParityScreen)


async def test_the_plan_leads_to_the_table(runner, until, table) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(runner.app.screen, PlanDialog))
        await opened(runner, pilot, until)


async def test_what_goes_wrong_is_one_line_and_the_screen_stays(runner, until, seen, monkeypatch) -> None:
    def fail(draft: Any) -> ParityTable:
        raise OSError(5, "Input/output error", "/data/[b]set[/b]")

    monkeypatch.setattr(parity, "parity_of", fail)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("C")
        await until(pilot, lambda: "[b]set[/b]" in seen(runner.app))
        assert isinstance(runner.app.screen, ParityScreen)
        await pilot.press("t", "c", "d", "right", "down", "escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
