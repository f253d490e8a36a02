"""The planner over the demo's real data."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.message import Message

from lora_tui.workers.planner import Planned, Planner
from trainer.dataset.records import DataSet
from trainer.demo.workspace import demo_settings, make_demo
from trainer.errors import DatasetError
from trainer.settings.model import Settings


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo")).root


class Asker:
    def __init__(self, demo: Path) -> None:
        self.path = demo / "hifumi.toml"
        self.answers: list[Planned] = []
        self.planner = Planner(demo / "journal.sqlite", self.keep, quiet=0.05)

    def keep(self, answer: Message) -> None:
        # What the checks find comes after the plan.
        if isinstance(answer, Planned):
            self.answers.append(answer)

    def wait(self, question: int) -> Planned:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.answers and self.answers[-1].question == question:
                return self.answers[-1]
            time.sleep(0.01)
        raise AssertionError(f"no answer to question {question}: {self.answers}")


@pytest.fixture
def asker(demo: Path) -> Iterator[Asker]:
    asker = Asker(demo)
    asker.planner.start()
    yield asker
    asker.planner.stop()
    asker.planner.join(5)
    assert not asker.planner.is_alive()


def _count_scans(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Have the demo's plan made, and return a list that grows with each reading of the data from then on."""
    import trainer.jobs.preflight

    asker.wait(asker.planner.ask(demo_settings(), asker.path))
    scanned: list[object] = []
    read = trainer.jobs.preflight.read_data

    def counted(settings: Settings) -> DataSet:
        scanned.append(settings)
        return read(settings)

    monkeypatch.setattr(trainer.jobs.preflight, "read_data", counted)
    return scanned


def test_the_answer_has_the_line_the_paths_and_the_rates(asker: Asker, demo: Path) -> None:
    view = asker.wait(asker.planner.ask(demo_settings(), asker.path)).view
    assert view is not None
    assert "40 steps × 6 = 240" in view.line
    assert view.resolved.train_data_dir == str(demo / "data")
    last = {part: rates[-1] for part, rates in view.rates.by_part.items()}
    assert last == pytest.approx({"unet": 2e-3, "text_encoder": 1e-3})
    assert view.rates.steps[-1] < 240


def test_a_part_that_stops_has_its_rate_up_to_there_and_none_behind(asker: Asker) -> None:
    stopping = demo_settings().model_copy(update={"text_encoder_stop": "50%"})
    view = asker.wait(asker.planner.ask(stopping, asker.path)).view
    assert view is not None
    rates = dict(zip(view.rates.steps, view.rates.by_part["text_encoder"], strict=True))
    assert (rates[119], rates[120]) == pytest.approx((1e-3, 0.0))
    assert view.rates.by_part["unet"][-1] == pytest.approx(2e-3)
    assert view.rates.stops == (120,)


def test_the_whole_plan_is_made_when_it_is_asked_for(asker: Asker) -> None:
    view = asker.wait(asker.planner.ask(demo_settings(), asker.path)).view
    assert view is not None
    assert {"folders: pictures × repeats × epochs", "rates", "buckets"} <= {section.title for section in view.report()}


def test_only_the_last_of_quick_questions_is_answered(asker: Asker) -> None:
    settings = [demo_settings().model_copy(update={"max_train_epochs": epochs}) for epochs in range(1, 6)]
    last = [asker.planner.ask(each, asker.path) for each in settings][-1]
    view = asker.wait(last).view
    assert view is not None and "× 5 = 200" in view.line
    assert [answer.question for answer in asker.answers] == [last]


def test_an_edit_that_leaves_the_data_alone_scans_no_folder_again(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned = _count_scans(asker, monkeypatch)
    other = demo_settings().model_copy(update={"max_train_epochs": 3})
    view = asker.wait(asker.planner.ask(other, asker.path)).view
    assert view is not None and "× 3 = 120" in view.line
    assert scanned == []


@pytest.mark.parametrize(
    "change",
    [
        {"dataset_repeats": 3},
        {"reg_data_dir": "regular"},
        {"num_repeats": ["10_hifumi_chan=2"]},
        {"shuffle_caption": False},
        {"alpha_mask": True, "masked_loss": True},
        {"bucket_reso_steps": 64},
    ],
)
def test_an_edit_that_decides_what_is_read_has_it_read_again(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    scanned = _count_scans(asker, monkeypatch)
    asker.wait(asker.planner.ask(demo_settings().model_copy(update=change), asker.path))
    assert len(scanned) == 1


def test_files_that_were_changed_are_read_again_for_the_same_settings(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned = _count_scans(asker, monkeypatch)
    asker.planner.note_data_changed()
    asker.wait(asker.planner.ask(demo_settings(), asker.path))
    assert len(scanned) == 1
    asker.wait(asker.planner.ask(demo_settings(), asker.path))
    assert len(scanned) == 1


def test_what_is_wrong_is_the_answer(asker: Asker) -> None:
    wrong = demo_settings().model_copy(update={"train_data_dir": "/nowhere"})
    answer = asker.wait(asker.planner.ask(wrong, asker.path))
    assert answer.view is None
    assert isinstance(answer.error, DatasetError)


def test_it_continues_after_a_fault_of_its_own(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    import trainer.jobs.bakes

    def broken(*args: object) -> None:
        raise ZeroDivisionError("a fault")

    with monkeypatch.context() as patched:
        patched.setattr(trainer.jobs.bakes, "check", broken)
        error = asker.wait(asker.planner.ask(demo_settings(), asker.path)).error
    assert error is not None and "ZeroDivisionError" in error.line()
    assert asker.wait(asker.planner.ask(demo_settings(), asker.path)).view is not None


def test_a_workspace_without_a_journal_has_no_speed_and_gets_none(demo: Path, tmp_path: Path) -> None:
    asker = Asker(demo)
    asker.planner = Planner(tmp_path / "journal.sqlite", asker.keep, quiet=0.0)
    asker.planner.start()
    try:
        assert asker.wait(asker.planner.ask(demo_settings(), asker.path)).view is not None
    finally:
        asker.planner.stop()
    assert not (tmp_path / "journal.sqlite").exists()
