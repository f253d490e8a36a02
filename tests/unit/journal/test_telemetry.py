from collections.abc import Callable

from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.machine.readings import CardReading, HostReading, MachineReading

Queue = Callable[..., Bake]

GIB = 1024**3
FULL = MachineReading(
    seconds=100.0,
    cards=(
        CardReading(0, "RTX 3070 Ti", 5 * GIB, 8 * GIB, 4 * GIB, 98, 216.4, 71, 1845, 62),
        CardReading(1, "RTX 2060", memory_total=6 * GIB),
    ),
    no_card_because="",
    host=HostReading(12.5, 6 * GIB, 32 * GIB, 2 * GIB, 41 * GIB),
)
BARE = MachineReading(seconds=105.0, cards=(), no_card_because="no NVIDIA driver", host=HostReading())


def test_readings_are_read_as_they_were_written(journal: Journal) -> None:
    for reading in (FULL, BARE):
        journal.telemetry.add(reading, None)
    assert journal.telemetry.read(0.0) == [FULL, BARE]


def test_readings_before_the_time_asked_for_are_left_out(journal: Journal) -> None:
    for reading in (FULL, BARE):
        journal.telemetry.add(reading, None)
    assert journal.telemetry.read(105.0) == [BARE]


def test_the_readings_of_one_bake_leave_the_others_out(journal: Journal, queue: Queue) -> None:
    queue()
    journal.telemetry.add(FULL, 1)
    journal.telemetry.add(BARE, None)
    assert journal.telemetry.read(0.0, 1) == [FULL]


def test_a_reading_is_one_row_of_few_bytes(journal: Journal) -> None:
    journal.telemetry.add(FULL, None)
    size = journal._database.rows("SELECT length(cards) FROM telemetry")
    assert [row[0] for row in size] < [200]
