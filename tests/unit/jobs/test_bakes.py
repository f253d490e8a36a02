"""What is found before a bake is queued, and what is written into the queue."""

from pathlib import Path

import pytest

from trainer.checks.report import warning_lines
from trainer.demo.workspace import make_demo
from trainer.errors import DeviceError, DiskFull, SettingsError, WorkspaceError
from trainer.jobs import bakes as jobs
from trainer.jobs.bakes import check, measured_speed, queue_bake, queue_engine
from trainer.jobs.checks import check_planned
from trainer.jobs.orphaned import orphaned_jobs
from trainer.jobs.preflight import PlannedBake
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState
from trainer.machine.engines import register_engine
from trainer.settings.toml_file import apply_overrides, load_settings
from trainer.workspace import Workspace


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    return make_demo(tmp_path / "demo")


def _ready(demo: Workspace, *overrides: str) -> PlannedBake:
    path = demo.root / "hifumi.toml"
    return check(apply_overrides(load_settings(path), overrides), path)


def _queued(demo: Workspace, *overrides: str) -> Bake:
    with Journal(demo.journal_path) as journal:
        return queue_bake(journal, demo, _ready(demo, *overrides), why="", engine="x")


def test_the_queued_settings_stand_alone(demo: Workspace) -> None:
    bake = _queued(demo)
    # From the workspace's root, so that it may be moved.
    assert 'train_data_dir = "data"' in bake.settings_toml
    assert 'pretrained_model_name_or_path = "demo"' in bake.settings_toml
    with Journal(demo.journal_path) as journal:
        assert settings_of(journal, bake).train_data_dir == f"{demo.root}/data"


def test_a_bake_remembers_the_one_of_its_name_before_it(demo: Workspace) -> None:
    assert [_queued(demo).parent, _queued(demo).parent, _queued(demo, "output_name=other").parent] == [None, 1, None]


def test_neither_a_held_bake_nor_a_withdrawn_one_is_the_one_before(demo: Workspace) -> None:
    before, held, withdrawn = (_queued(demo) for _ in range(3))
    with Journal(demo.journal_path) as journal:
        journal.queue.set_held(held.number, True)
        journal.queue.remove(withdrawn.number)
    assert _queued(demo).parent == before.number


def test_a_bake_never_takes_the_number_of_a_folder_that_is_there(demo: Workspace) -> None:
    (demo.bakes / "0041-old").mkdir()
    assert _queued(demo).folder == "bakes/0042-hifumi"


def test_bakes_that_cannot_be_written_are_refused_before_the_queue(demo: Workspace) -> None:
    demo.bakes.rmdir()
    demo.bakes.write_text("in the way")
    with pytest.raises(WorkspaceError, match="bakes: cannot be written"):
        _queued(demo)
    with Journal(demo.journal_path) as journal:
        assert journal.bakes.latest() == []


def test_a_bake_that_has_no_room_on_the_disk_is_not_queued(demo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.plan.disk.free_bytes", lambda folder: 10**6)
    with pytest.raises(DiskFull, match=r"1\.0 MB free"):
        _queued(demo)
    with Journal(demo.journal_path) as journal:
        assert journal.bakes.latest() == []


def test_the_speed_of_a_like_bake_becomes_the_plans_time(demo: Workspace) -> None:
    bake = _queued(demo)
    with Journal(demo.journal_path) as journal:
        with MetricWriter(demo.journal_path, bake.number) as metrics:
            for step, seconds in enumerate((0.2, 0.5, 0.25), start=1):
                metrics.put(step, {"seconds_per_step": seconds})
        journal.bakes.set_state(bake.number, BakeState.DONE)
        found = measured_speed(journal, _ready(demo, "unet_lr=1e-5").settings)
        # Of three steps the first does not count.
        assert found is not None
        assert found.seconds == pytest.approx(0.375)
        assert measured_speed(journal, _ready(demo, "train_batch_size=8").settings) is None
        # A step of two batches takes twice as long, and one without the text encoder far less.
        assert measured_speed(journal, _ready(demo, "gradient_accumulation_steps=2").settings) is None
        assert measured_speed(journal, _ready(demo, "text_encoder_lr=0").settings) is None
        assert measured_speed(journal, _ready(demo, "network_train_unet_only=true").settings) is None


@pytest.mark.parametrize(
    ("override", "error"), [("mixed_precision=fp16", SettingsError), ("xformers=yes", DeviceError)]
)
def test_what_needs_a_card_is_refused_without_one(
    override: str, error: type[Exception], demo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "card_device", lambda: False)
    with pytest.raises(error, match="GPU"):
        _ready(demo, override)
    monkeypatch.setattr(jobs, "card_device", lambda: True)
    assert _ready(demo, override).plan.total_steps == 240


def test_what_waits_for_an_engine_that_is_gone_was_left_behind(demo: Workspace) -> None:
    held = register_engine("here", demo.root, takes_queue=True)
    assert held is not None
    with Journal(demo.journal_path) as journal:
        for engine in ("here", "gone", ""):
            queue_bake(journal, demo, _ready(demo), why="", engine=engine)
        assert [bake.number for bake in orphaned_jobs(journal, demo)] == [2, 3]
        assert queue_engine(demo) == "here"
        held.release()
        assert [bake.number for bake in orphaned_jobs(journal, demo)] == [1, 2, 3]
        assert queue_engine(demo) == ""


def test_nothing_is_queued_for_an_engine_that_does_one_bake_and_ends(demo: Workspace) -> None:
    held = register_engine("one bake", demo.root, takes_queue=False)
    assert held is not None
    assert queue_engine(demo) == ""


def test_a_queued_bake_keeps_the_time_it_was_planned_to_take(demo: Workspace) -> None:
    first = _queued(demo)
    assert first.planned_seconds is None
    with Journal(demo.journal_path) as journal:
        with MetricWriter(demo.journal_path, first.number) as metrics:
            metrics.put(1, {"seconds_per_step": 0.5})
        journal.bakes.set_state(first.number, BakeState.DONE)
    assert _queued(demo).planned_seconds == 0.5 * first.total_steps


def _warnings(demo: Workspace) -> tuple[str, ...]:
    return warning_lines(check_planned(_ready(demo), demo.root / "hifumi.toml"))


def test_what_is_left_out_of_the_validation_is_said_too(demo: Workspace) -> None:
    assert not any("validation" in line for line in _warnings(demo))
    folder = Path(_ready(demo).settings.validation_data_dir)
    (folder / "knight.heic").write_bytes(b"x")
    assert any(line.startswith("validation: 1 picture in ") and "(1 .heic)" in line for line in _warnings(demo))


def test_long_captions_are_counted_with_the_tokens_of_the_base(demo: Workspace) -> None:
    caption = next(Path(_ready(demo).settings.train_data_dir).glob("*/*.txt"))
    caption.write_text(", ".join(f"castle {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"))
    planned = _ready(demo)
    assert planned.base.tokens is not None
    assert [cut.tokens for cut in planned.plan.cut] == [len(planned.base.tokens(caption.read_text()))]
    [line] = [line for line in _warnings(demo) if "longer than 75 tokens" in line]
    assert f"tags in {caption.name} (" in line and "others each time" in line
