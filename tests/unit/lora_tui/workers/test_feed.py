"""The feed over a real journal."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lora_on_disk import write_lora
from made_twins import add_bake as add_twin

from lora_tui.snapshot import Snapshot
from lora_tui.workers.feed import Feed, FeedSources, SnapshotReady, what_changed
from trainer.history.imports import find_loras, import_loras
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState, Checkpoint, Mark, MarkKind, NewBake
from trainer.machine.readings import HostReading, MachineReading
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.workspace import make_workspace


class Ears:
    """Hears what the feed posts."""

    def __init__(self) -> None:
        self.heard: list[Snapshot] = []

    def post(self, message: object) -> bool:
        assert isinstance(message, SnapshotReady)
        self.heard.append(message.snapshot)
        return True

    def wait(self, condition: Callable[[Snapshot], object]) -> Snapshot:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.heard and condition(self.heard[-1]):
                return self.heard[-1]
            time.sleep(0.01)
        raise AssertionError(f"never came true; last heard: {self.heard[-1:]}")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


@pytest.fixture
def feed(journal: Journal) -> Feed:
    sources = FeedSources("mine", lambda: "ready", lambda: None, lambda: None)
    return Feed(journal.path, sources, lambda message: False, interval=0.02)


@pytest.fixture
def ears(feed: Feed) -> Iterator[Ears]:
    ears = Ears()
    feed._post = ears.post
    feed.start()
    yield ears
    feed.stop()
    feed.join(5)
    assert not feed.is_alive()


def add(
    journal: Journal,
    engine: str = "mine",
    settings: Settings | None = None,
    parent: int | None = None,
    *,
    held: bool = False,
) -> int:
    return journal.bakes.add(
        NewBake(
            name="x",
            settings_toml=settings_toml(settings or Settings()),
            engine=engine,
            total_steps=100,
            steps_per_epoch=50,
            parent=parent,
            held=held,
        )
    ).number


def bake_done(journal: Journal, settings: Settings | None = None) -> int:
    """Leave a bake that was started, ran, and is done."""
    number = add(journal, settings=settings)
    start(journal, number)
    journal.bakes.set_state(number, BakeState.DONE)
    return number


def number_of(bake: Bake | None) -> int | None:
    return None if bake is None else bake.number


def start(journal: Journal, number: int, engine: str = "mine") -> None:
    journal.queue.claim(engine, os.getpid(), 0.0)
    journal.bakes.set_state(number, BakeState.BAKING)


def test_a_new_journal_has_no_bake(ears: Ears) -> None:
    assert ears.wait(lambda snapshot: snapshot.libraries == "ready").bake is None


def test_what_is_written_is_heard(journal: Journal, ears: Ears) -> None:
    number = add(journal)
    start(journal, number)
    journal.log.write("begun", bake=number)
    journal.results.add_checkpoint(number, Checkpoint(1, 50, "x-000001.safetensors", 1, 0.1, None, None, None, 0.0))
    journal.results.add_validation(number, 50, 0.2, None, None)
    # One look reads several tables while others write; the next look has what this one missed.
    snapshot = ears.wait(lambda seen: seen.validations and seen.bake and seen.bake.state is BakeState.BAKING)
    assert [line.text for line in snapshot.log] == ["begun"]
    assert [saved.step for saved in snapshot.checkpoints] == [50]
    assert snapshot.validations == ((50, 0.2),)


def test_who_carries_each_epoch_is_read(journal: Journal, ears: Ears) -> None:
    number = add(journal)
    start(journal, number)
    shares = {"unet": 0.1, "text_encoder": 0.8}
    values = [MeasuredValue(step=50, name="output_share", part=part, value=share) for part, share in shares.items()]
    lead = MeasuredValue(step=50, name="output_lead", value=0.7, low=0.6, high=0.8, count=16)
    journal.measures.add(number, [*values, lead, replace(lead, scope="folder a", value=0.0)])
    snapshot = ears.wait(lambda seen: seen.carried)
    assert {step: each.words for step, each in snapshot.carried.items()} == {
        50: "the text encoder carries (TE 80 %, U-Net 10 %)"
    }


def test_what_the_noise_says_of_the_lowest_validation_loss_is_read_and_follows_twins(
    journal: Journal, ears: Ears
) -> None:
    first = add_twin(journal, seed=1, losses={10: 0.5, 20: 0.3})
    start(journal, first)
    seen = ears.wait(lambda seen: seen.lowest)
    assert seen.lowest == "noise not known: make a twin"
    add_twin(journal, seed=2, losses={10: 0.51, 20: 0.32})
    ears.wait(lambda seen: seen.lowest.startswith("against step 10: ") and "against the base: " in seen.lowest)


def test_curves_speed_and_last_values_are_read(journal: Journal, ears: Ears) -> None:
    number = add(journal)
    start(journal, number)
    writer = MetricWriter(journal.path, number)
    for step in range(1, 31):
        writer.put(step, {"loss": 0.1, "lr_unet": 1e-4, "seconds_per_step": 0.25})
    writer.close()
    # Rows and curves are read one after the other, while the writer is at it.
    snapshot = ears.wait(
        lambda seen: seen.curves and seen.curves["loss"].steps[-1:] == [30] and seen.last.get("loss") == (30, 0.1)
    )
    assert snapshot.step_seconds == pytest.approx(0.25)
    assert snapshot.curves["lr_text_encoder"].steps == []


def test_nothing_new_is_not_said_again(journal: Journal, ears: Ears) -> None:
    ears.wait(lambda snapshot: snapshot.libraries == "ready")
    count = len(ears.heard)
    time.sleep(0.3)
    assert len(ears.heard) == count


def test_the_running_bake_comes_before_newer_ones_that_wait(journal: Journal, ears: Ears) -> None:
    first = add(journal)
    start(journal, first)
    add(journal, "another")
    snapshot = ears.wait(lambda seen: seen.bake)
    assert snapshot.bake is not None and snapshot.bake.number == first


def test_our_own_bake_comes_before_another_program_s(journal: Journal, ears: Ears) -> None:
    ours = add(journal)
    start(journal, ours)
    theirs = add(journal, "another")
    start(journal, theirs, "another")
    snapshot = ears.wait(lambda seen: seen.bake and seen.bake.state is BakeState.BAKING)
    assert snapshot.bake is not None and snapshot.bake.number == ours


def test_what_waits_takes_no_place_of_what_ran(journal: Journal, ears: Ears) -> None:
    done = bake_done(journal)
    waiting = add(journal)
    add(journal, held=True)
    snapshot = ears.wait(lambda seen: number_of(seen.next_bake) == waiting)
    assert number_of(snapshot.bake) == done
    assert snapshot.active_bake("mine") is None


def test_of_bakes_that_never_ran_the_next_one_is_shown(journal: Journal, ears: Ears) -> None:
    add(journal, held=True)
    waiting = add(journal)
    assert number_of(ears.wait(lambda seen: seen.line).bake) == waiting


def test_held_bakes_are_nobody_s_next_and_interrupt_nothing(journal: Journal, ears: Ears) -> None:
    number = add(journal, held=True)
    snapshot = ears.wait(lambda seen: seen.bake)
    assert number_of(snapshot.bake) == number
    assert (snapshot.ours, snapshot.ahead(time.time()), snapshot.active_bake("mine")) == (None, (), None)


def test_where_none_ever_ran_loras_from_elsewhere_are_shown_once_they_are_chosen(
    journal: Journal, feed: Feed, ears: Ears, tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path)
    for name in ("cat", "dog"):
        lora = write_lora(tmp_path / f"{name}.safetensors", metadata={"ss_session_id": name, "ss_output_name": name})
        import_loras(journal, workspace, find_loras([lora]))
    assert ears.wait(lambda seen: not feed.shown.asked).bake is None
    feed.shown.show(1)
    seen = ears.wait(lambda seen: number_of(seen.bake) == 1)
    assert [saved.file.endswith("cat.safetensors") for saved in seen.checkpoints] == [True]
    feed.shown.show_neighbour(1)
    ears.wait(lambda seen: number_of(seen.bake) == 2)
    feed.shown.follow()
    ears.wait(lambda seen: seen.bake is None)
    feed.shown.show_neighbour(-1)
    ears.wait(lambda seen: number_of(seen.bake) == 2)


def test_of_two_that_ran_the_one_started_last_is_shown_and_compared_with(journal: Journal, ears: Ears) -> None:
    early, late = add(journal, settings=Settings(seed=1)), add(journal, settings=Settings(seed=2))
    journal.queue.move(late, early)
    for number in (late, early):
        start(journal, number)
        journal.bakes.set_state(number, BakeState.DONE)
    add(journal, settings=Settings(seed=3), held=True)
    snapshot = ears.wait(lambda seen: seen.compared and seen.compared.seed == 1)
    assert number_of(snapshot.bake) == early


def test_neighbours_are_walked_to_and_withdrawn_ones_passed_over(journal: Journal, feed: Feed, ears: Ears) -> None:
    first, second = bake_done(journal), bake_done(journal)
    gone, held = add(journal), add(journal, held=True)
    journal.queue.remove(gone)
    ears.wait(lambda seen: number_of(seen.bake) == second)
    for by, expected in ((1, held), (1, held), (-1, second), (-1, first), (-1, first)):
        feed.shown.show_neighbour(by)
        feed.wake()
        ears.wait(lambda seen, expected=expected: number_of(seen.bake) == expected and not feed.shown.asked)
    assert number_of(ears.heard[-1].followed) == second


def test_a_bake_looked_at_stays_while_another_starts_and_following_goes_to_that(
    journal: Journal, feed: Feed, ears: Ears
) -> None:
    first, second = bake_done(journal), bake_done(journal)
    # Before that the first may be the last that ran, and to choose it is to follow.
    ears.wait(lambda seen: number_of(seen.bake) == second)
    feed.shown.show(first)
    ears.wait(lambda seen: number_of(seen.bake) == first)
    running = add(journal)
    start(journal, running)
    snapshot = ears.wait(lambda seen: number_of(seen.running) == running)
    assert (number_of(snapshot.bake), number_of(snapshot.running)) == (first, running)
    feed.shown.follow()
    ears.wait(lambda seen: number_of(seen.bake) == running)


def test_whoever_walks_back_to_the_last_that_ran_follows_again(journal: Journal, feed: Feed, ears: Ears) -> None:
    first, second = bake_done(journal), bake_done(journal)
    # Before that the first may be the last that ran, and to choose it is to follow.
    ears.wait(lambda seen: number_of(seen.bake) == second)
    feed.shown.show(first)
    ears.wait(lambda seen: number_of(seen.bake) == first)
    feed.shown.show_neighbour(1)
    ears.wait(lambda seen: number_of(seen.bake) == 2)
    third = bake_done(journal)
    ears.wait(lambda seen: number_of(seen.bake) == third)


def test_a_withdrawn_bake_that_was_looked_at_leaves_the_screen(journal: Journal, feed: Feed, ears: Ears) -> None:
    done, held = bake_done(journal), add(journal, held=True)
    feed.shown.show(held)
    ears.wait(lambda seen: number_of(seen.bake) == held)
    journal.queue.remove(held)
    ears.wait(lambda seen: number_of(seen.bake) == done)


def test_a_held_bake_on_the_screen_shows_the_settings_it_was_changed_to(
    journal: Journal, feed: Feed, ears: Ears
) -> None:
    bake_done(journal)
    held = add(journal, settings=Settings(seed=5), held=True)
    feed.shown.show(held)
    ears.wait(lambda seen: seen.asked and seen.asked.seed == 5)
    changed = settings_toml(Settings(seed=6))
    journal.queue.change(held, why="", settings_toml=changed, total_steps=100, steps_per_epoch=50)
    ears.wait(lambda seen: seen.asked and seen.asked.seed == 6)


def test_a_new_bake_is_behind_the_running_one_and_those_that_are_due(journal: Journal, ears: Ears) -> None:
    running = add(journal)
    start(journal, running)
    due = add(journal)
    add(journal, held=True)
    later = journal.bakes.add(
        NewBake(
            name="x", settings_toml="", engine="mine", total_steps=1, steps_per_epoch=1, not_before=time.time() + 9000
        )
    ).number
    snapshot = ears.wait(lambda seen: len(seen.line) == 3)
    assert [job.number for job in snapshot.ahead(time.time())] == [running, due]
    assert [job.number for job in snapshot.ahead(time.time() + 9999)] == [running, due, later]


def test_the_story_is_what_changed_from_the_parent(journal: Journal, ears: Ears) -> None:
    parent = bake_done(journal, Settings(unet_lr=1e-4))
    start(journal, add(journal, settings=Settings(unet_lr=2.5e-4, seed=7), parent=parent))
    assert ears.wait(lambda seen: seen.story).story == "unet_lr 1e-4→2.5e-4, seed 42→7"


def test_what_was_changed_while_baking_is_in_force_and_not_asked(journal: Journal, ears: Ears) -> None:
    number = add(journal, settings=Settings(unet_lr=1e-4))
    journal.results.add_mark(number, Mark(10, 0.0, MarkKind.SET, "unet_lr=5e-5"))
    journal.results.add_mark(number, Mark(20, 0.0, MarkKind.SET, "text_encoder_stop=now"))
    snapshot = ears.wait(lambda seen: len(seen.marks) == 2)
    assert snapshot.asked is not None and snapshot.in_force is not None
    assert (snapshot.asked.unet_lr, snapshot.in_force.unet_lr) == (1e-4, 5e-5)
    assert snapshot.in_force.text_encoder_stop == "20"


def test_settings_of_another_version_leave_the_story_empty(journal: Journal, ears: Ears) -> None:
    number = journal.bakes.add(
        NewBake(
            name="x", why="", settings_toml="setting_of_tomorrow = 1", engine="mine", total_steps=1, steps_per_epoch=1
        )
    ).number
    snapshot = ears.wait(lambda seen: seen.bake and seen.bake.number == number)
    assert snapshot.asked is None and snapshot.story == ""


def test_the_log_is_carried_whole_up_to_its_bound(journal: Journal, ears: Ears) -> None:
    for number in range(20):
        journal.log.write(f"line {number}")
    snapshot = ears.wait(lambda seen: len(seen.log) == 20)
    assert snapshot.log[-1].text == "line 19"


def test_a_file_that_is_no_journal_is_trouble_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("no database at all, but long enough to be looked at", encoding="utf-8")
    ears = Ears()
    feed = Feed(path, FeedSources("mine", str, lambda: None, lambda: None), ears.post, interval=0.02)
    feed.start()
    try:
        assert str(path) in ears.wait(lambda seen: seen.trouble).trouble
    finally:
        feed.stop()
        feed.join(5)


def test_a_new_reading_of_the_machine_is_heard(journal: Journal) -> None:
    readings = [MachineReading(0.0, (), "no NVIDIA driver", HostReading())]
    ears = Ears()
    feed = Feed(journal.path, FeedSources("mine", str, lambda: readings[-1], lambda: 5), ears.post, interval=0.02)
    feed.start()
    try:
        ears.wait(lambda seen: seen.machine is readings[0] and seen.peak_ours == 5)
        readings.append(MachineReading(1.0, (), "no NVIDIA driver", HostReading(cpu_percent=7.0)))
        ears.wait(lambda seen: seen.machine is readings[1])
    finally:
        feed.stop()
        feed.join(5)


def test_a_newer_snapshot_takes_the_place_of_one_not_drawn_yet() -> None:
    assert SnapshotReady(Snapshot()).can_replace(SnapshotReady(Snapshot()))


def test_equal_settings_have_no_story() -> None:
    assert what_changed(Settings(), Settings()) == ""


def test_a_value_of_none_is_shown_as_a_dash() -> None:
    assert what_changed(Settings(unet_lr=1e-4), Settings(unet_lr=None)) == "unet_lr 1e-4→–"


def test_a_source_that_breaks_is_trouble_and_the_feed_continues(journal: Journal) -> None:
    broken = [True]

    def machine() -> None:
        if broken:
            raise RuntimeError("the driver is gone")

    ears = Ears()
    feed = Feed(journal.path, FeedSources("mine", str, machine, lambda: None), ears.post, interval=0.02)
    feed.start()
    try:
        assert "RuntimeError: the driver is gone" in ears.wait(lambda seen: seen.trouble).trouble
        broken.clear()
        ears.wait(lambda seen: not seen.trouble)
    finally:
        feed.stop()
        feed.join(5)
