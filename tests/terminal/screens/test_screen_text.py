"""Foreign text reaches the screen as letters, never as codes or markup."""

from lora_tui.widgets.log_pane import LogPane
from trainer.journal.records import LogLine

NASTY = "[bold red]1girl[/] [@click=app.quit]\x1b[31mred\x1b[0m \u202eevil"
SHOWN = "[bold red]1girl[/] [@click=app.quit]\\x1b[31mred\\x1b[0m \\u202eevil"


async def test_markup_and_codes_in_a_log_line_are_text(runner, until, seen) -> None:
    with runner.journal() as journal:
        journal.log.write(NASTY, level="warning")
    async with runner.run((160, 40)) as pilot:
        await until(pilot, lambda: SHOWN in seen(runner.app))
        assert "\x1b" not in seen(runner.app)
        line = next(line for line in seen(runner.app).splitlines() if SHOWN in line)
        assert "! [bold red]" in line


async def test_markup_in_why_and_name_is_text(runner, until, seen) -> None:
    runner.add_bake(why=NASTY, name="[b]x[/b]\x1b[2J")
    async with runner.run((200, 40)) as pilot:
        await until(pilot, lambda: f"“{SHOWN}”" in seen(runner.app))
        assert "[b]x[/b]\\x1b[2J" in seen(runner.app)


async def test_markup_in_a_setting_or_a_wrong_value_is_text(runner, until, seen) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is not None)
        runner.app.bake_screen.editor.typed("training_comment", "[red]x[/]")
        runner.app.bake_screen.form.focus_list()
        runner.app.bake_screen.form.go_to("training_comment")
        await until(pilot, lambda: "[red]x[/]" in seen(runner.app))
        runner.app.bake_screen.editor.typed("network_dim", "[red]x")
        await until(pilot, lambda: '✗ "[red]x"' in seen(runner.app))


async def test_markup_in_a_file_name_is_text(runner, until, seen) -> None:
    (runner.workspace.root / "hifumi.toml").rename(runner.workspace.root / "[red]a[b].toml")
    async with runner.run() as pilot:
        await until(pilot, lambda: "settings  [red]a[b].toml" in seen(runner.app))


async def test_a_long_line_is_folded_and_its_level_has_a_sign(runner, until, seen) -> None:
    with runner.journal() as journal:
        journal.log.write("word " * 40 + "end", level="error")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "end" in seen(runner.app))
        rows = [line[43:] for line in seen(runner.app).splitlines() if "word word" in line]
    assert len(rows) > 2
    assert "✗ word" in rows[0]


async def test_the_log_follows_its_end_until_one_scrolls_up(runner, until, seen) -> None:
    with runner.journal() as journal:
        for number in range(60):
            journal.log.write(f"line {number}")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "line 59" in seen(runner.app))
        log = runner.app.bake_screen.query_one(LogPane)
        await pilot.press("4", "k", "k")
        with runner.journal() as journal:
            journal.log.write("line 60")
        await until(pilot, lambda: log.virtual_size.height == 61)
        assert "line 60" not in seen(runner.app)
        await pilot.press("end")
        await until(pilot, lambda: "line 60" in seen(runner.app))


async def test_a_log_of_any_length_keeps_a_bounded_part(runner, until) -> None:
    async with runner.run() as pilot:
        log = runner.app.bake_screen.query_one(LogPane)
        log.show([LogLine(number, None, 0.0, "info", f"line {number}") for number in range(1, 2101)])
        await pilot.pause()
        assert log.virtual_size.height == 2000
