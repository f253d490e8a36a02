from collections.abc import Callable

from trainer.journal.journal import Journal
from trainer.journal.records import Bake

Queue = Callable[..., Bake]


def test_lines_come_oldest_first_with_their_level(journal: Journal, queue: Queue) -> None:
    queue()
    journal.log.write("one", bake=1)
    journal.log.write("two", level="warning")
    assert [(line.bake, line.level, line.text) for line in journal.log.read()] == [
        (1, "info", "one"),
        (None, "warning", "two"),
    ]


def test_only_lines_after_the_last_seen_one_are_read(journal: Journal) -> None:
    for text in "abc":
        journal.log.write(text)
    seen = journal.log.read()[1].id
    assert [line.text for line in journal.log.read(seen)] == ["c"]


def test_a_limit_keeps_the_last_lines(journal: Journal) -> None:
    for text in "abcd":
        journal.log.write(text)
    assert [line.text for line in journal.log.read(limit=2)] == ["c", "d"]


def test_the_lines_of_one_bake_leave_the_others_out(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    journal.log.write("first", bake=1)
    journal.log.write("second", bake=2)
    journal.log.write("nobody's")
    assert [line.text for line in journal.log.read(bake=2)] == ["second"]


def test_a_line_is_kept_as_it_came(journal: Journal) -> None:
    journal.log.write("[red]\x1b[2J '; DROP TABLE log")
    assert journal.log.read()[0].text == "[red]\x1b[2J '; DROP TABLE log"


def test_a_line_is_no_longer_than_a_message(journal: Journal) -> None:
    journal.log.write("warning: " + "x" * 5000 + "; do this")
    (line,) = journal.log.read()
    assert len(line.text) == 500
    assert line.text.startswith("warning: ")
    assert line.text.endswith("; do this")
