from rich.cells import cell_len

from lora_tui.wording.sample_steps import scrubber


def test_steps_are_named_by_their_epochs_where_they_end_one() -> None:
    assert scrubber((0, 25, 40, 1080), 40, 40, 80).plain == "start 25 [e1] e27  3 of 4"
    assert scrubber((1234,), 1234, 0, 80).plain == "[1,234]  1 of 1"


def test_the_cursor_is_always_in_the_line_and_the_line_in_its_room() -> None:
    steps = tuple(range(40, 40 * 60, 40))
    for step in steps:
        for width in (20, 40, 77):
            line = scrubber(steps, step, 40, width)
            assert f"[e{step // 40}]" in line.plain and cell_len(line.plain) <= width
    assert scrubber(steps, 40 * 30, 40, 40).plain.startswith("… ") and " …" in scrubber(steps, 40, 40, 40).plain
