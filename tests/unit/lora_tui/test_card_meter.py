"""The meter's words for cards that say much, little or nothing."""

from textual.content import Content

from lora_tui.widgets import card_meter
from lora_tui.widgets.pane import spread
from lora_tui.wording.bars import stacked_bar
from trainer.machine.readings import CardReading, HostReading, MachineReading

GIB = 1024**3
HOST = HostReading(12.0, 6 * GIB, 32 * GIB, GIB, 41 * GIB)
CARD = CardReading(0, "NVIDIA GeForce RTX 3070 Ti", 5 * GIB, 8 * GIB, 4 * GIB, 98, 216.0, 71, 1845, 62)


def words(machine: MachineReading, peak: int | None = None, width: int = 80) -> list[str]:
    meter = card_meter.CardMeter()
    meter._machine, meter._peak = machine, peak
    return [line.plain for line in meter.wide_lines(width)]


def test_one_card_says_memory_by_owner_load_power_clock_heat_and_fan() -> None:
    first, second, third = words(MachineReading(0.0, (CARD,), "", HOST), 5 * GIB)
    assert "5.00 / 8.00 GiB   ours 4.00  others 1.00" in first
    assert second == "peak 5.00 GiB   GPU  98 %   216 W   1845 MHz   71 °C   fan 62 %"
    assert "6.0 / 32.0 GiB   disk 41 GiB free   CPU  12 %" in third


def test_what_a_card_does_not_say_is_n_a() -> None:
    first, second, _ = words(MachineReading(0.0, (CardReading(0, "Laptop", 5 * GIB, 8 * GIB),), "", HOST))
    assert "ours N/A  others N/A" in first
    assert second == "peak N/A GiB   GPU   N/A   N/A   N/A   N/A   fan N/A"


def test_several_cards_have_a_line_each() -> None:
    other = CardReading(1, "NVIDIA A100", GIB, 40 * GIB)
    lines = words(MachineReading(0.0, (CARD, other), "", HOST))
    assert len(lines) == 3
    assert lines[0].startswith("0 3070 Ti") and lines[1].startswith("1 A100")


def test_without_a_card_the_reason_stands_there() -> None:
    lines = words(MachineReading(0.0, (), "no NVIDIA driver", HOST))
    assert lines[0] == "! no GPU: no NVIDIA driver"
    assert "32.0 GiB" in lines[1]


def test_beside_a_long_reason_no_figure_of_the_narrow_line_is_cut() -> None:
    host = HostReading(100.0, 100 * GIB, 128 * GIB, GIB, 1234 * GIB)
    machine = MachineReading(0.0, (), "the driver does not answer (libnvidia-ml.so.1: version mismatch)", host)
    for width in (66, 78, 97):
        (line,) = card_meter._compact_lines(machine, width)
        assert line.plain.startswith("! no GPU")
        assert line.plain.endswith("RAM 100.0/128   disk 1234 GiB free   CPU 100 %")
        assert line.cell_length <= width


def test_no_line_is_wider_than_the_pane() -> None:
    for width in (60, 75, 80, 120):
        for line in words(MachineReading(0.0, (CARD,), "", HOST), 5 * GIB, width)[:1]:
            assert len(line) <= width


def test_a_bar_is_as_full_as_its_share() -> None:
    assert stacked_bar(((0.5, "$a"), (0.25, "$b")), 8).plain == "▇▇▇▇▇▇▁▁"
    assert stacked_bar(((1.5, "$a"),), 4).plain == "▇▇▇▇"
    assert stacked_bar(((0.1, "$a"), (0.1, "$b")), 0).plain == ""


def test_the_right_end_of_a_line_holds_and_the_left_gives_way() -> None:
    assert spread(12, Content("left"), Content("right")).plain == "left   right"
    assert spread(9, Content("left"), Content("right")).plain == "le… right"
    assert spread(5, Content("left"), Content("right")).plain == "left"


def test_the_maker_s_words_are_left_out_of_a_card_s_name() -> None:
    assert card_meter.card_name(MachineReading(0.0, (CARD,), "", HOST)) == "3070 Ti"
    assert card_meter.card_name(MachineReading(0.0, (), "none", HOST)) == "no GPU"
    assert card_meter.card_name(None) == ""
