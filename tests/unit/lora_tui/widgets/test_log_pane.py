"""The order of the log's lines: that of what happened, whichever was read first."""

from textual.app import App, ComposeResult

from lora_tui.colours.theme_files import roles
from lora_tui.widgets.log_pane import LogPane
from trainer.journal.records import LogLine


class OneLog(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return roles(self.current_theme)

    def compose(self) -> ComposeResult:
        yield LogPane()


def line(number: int, seconds: float) -> LogLine:
    return LogLine(number, 1, seconds, "info", f"journal {number}")


def shown(log: LogPane) -> list[str]:
    return [row.text for row in log._rows]


async def test_a_line_of_the_program_stands_where_it_happened() -> None:
    async with OneLog().run_test() as pilot:
        log = pilot.app.query_one(LogPane)
        log.append("started", "warning", 100.0)
        log.append("asked", "info", 101.0)
        # What happened before, and between, is read after.
        log.show([line(1, 40.0), line(2, 100.5)])
        assert shown(log) == ["journal 1", "started", "journal 2", "asked"]
        log.append("later", "info", 105.0)
        log.show([line(1, 40.0), line(2, 100.5), line(3, 103.0), line(4, 106.0)])
        assert shown(log)[3:] == ["asked", "journal 3", "later", "journal 4"]


async def test_the_journal_keeps_its_own_order_where_the_clock_was_put_back() -> None:
    async with OneLog().run_test() as pilot:
        log = pilot.app.query_one(LogPane)
        log.show([line(1, 200.0), line(2, 50.0)])
        log.append("now", "info", 60.0)
        log.show([line(3, 51.0)])
        assert shown(log) == ["journal 1", "journal 2", "journal 3", "now"]
