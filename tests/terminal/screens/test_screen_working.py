"""Work that takes longer than a moment: shown with how far it is, ended by escape, and nothing typed before it was seen ends it."""

import threading
import time

import pytest

from lora_tui.actions.grids import GridNote
from lora_tui.actions.long_job import LongJob
from lora_tui.screens.new_subject import NewSubjectDialog
from lora_tui.screens.working import WorkingDialog, progress_lines
from trainer.long_work import WorkProgress, advance


class Slow:
    """Work that goes on until it is let go or ended."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.done = False

    def __call__(self) -> GridNote:
        # A test that fails lets go of it too, or its thread would hold up the end.
        for number in range(2000):
            if self.go.wait(0.01):
                break
            advance("deleting files:", min(number + 1, 7), 40)
        self.done = True
        return GridNote("all gone")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_tui.actions import long_job

    monkeypatch.setattr(long_job, "SHOWN_AFTER", 0.05)


async def started(runner, pilot, until, **how) -> Slow:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    work = Slow()
    runner.app.bake_screen.sender.write(work, long="Deleting", **how)
    await until(pilot, lambda: isinstance(runner.app.screen, WorkingDialog))
    return work


async def test_it_is_shown_with_how_far_it_is_until_it_is_done(runner, until, seen, soon) -> None:
    async with runner.run((100, 30)) as pilot:
        work = await started(runner, pilot, until)
        await until(pilot, lambda: "deleting files: 7 of 40" in seen(runner.app))
        assert "Deleting" in seen(runner.app) and "esc: cancel" in seen(runner.app)
        work.go.set()
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert work.done


@pytest.mark.parametrize("awaited", [False, True])
async def test_escape_ends_it_also_where_keys_wait_for_its_answer(runner, until, soon, awaited) -> None:
    opened: list[str] = []
    async with runner.run((100, 30)) as pilot:
        work = await started(runner, pilot, until, awaited=awaited, then=lambda: opened.append("answer"))
        await until(pilot, lambda: runner.app.shows(runner.app.screen))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await until(pilot, lambda: any("cancelled: Deleting" in note.message for note in runner.app._notifications))
    assert (work.done, opened) == (False, [])


async def test_work_that_is_quick_shows_nothing(runner, until) -> None:
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        work = Slow()
        work.go.set()
        opened: list[str] = []
        runner.app.bake_screen.sender.write(work, lambda: opened.append("answer"), long="Deleting")
        await until(pilot, lambda: opened)
        assert runner.app.screen is runner.app.bake_screen


async def test_an_answer_that_opens_something_comes_after_the_dialog_is_gone(runner, until, soon) -> None:
    async with runner.run((100, 30)) as pilot:
        work = await started(
            runner, pilot, until, then=lambda: runner.app.push_screen(NewSubjectDialog(lambda *_: None, "w"))
        )
        work.go.set()
        await until(pilot, lambda: isinstance(runner.app.screen, NewSubjectDialog))
        assert not any(isinstance(screen, WorkingDialog) for screen in runner.app.screen_stack)


async def test_a_dialog_that_works_says_how_far_and_escape_ends_it(runner, until, seen) -> None:
    work = Slow()
    made: list[object] = []

    def make(*_: str):
        made.append(work())

    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.push_screen(NewSubjectDialog(make, "workspace"))
        await until(pilot, lambda: isinstance(runner.app.screen, NewSubjectDialog))
        for _ in range(4):
            await pilot.press("enter")
        await until(pilot, lambda: "deleting files: 7 of 40 … · esc: cancel" in seen(runner.app))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
    assert (work.done, made) == (False, [])


async def test_quitting_does_not_wait_for_work(runner, until) -> None:
    work = Slow()
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.push_screen(NewSubjectDialog(lambda *_: work(), "workspace"))
        await until(pilot, lambda: isinstance(runner.app.screen, NewSubjectDialog))
        for _ in range(4):
            await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen.is_working)
        began = time.monotonic()
        runner.app.exit()
        await pilot.pause()
    assert time.monotonic() - began < 60
    assert not work.done


def test_what_fails_is_an_answer() -> None:
    def broken() -> GridNote:
        raise OSError("no")

    answer = LongJob("x", broken, lambda error: GridNote(str(error))).answer()
    assert isinstance(answer, GridNote) and answer.line == "no"


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (WorkProgress("reading a", 3, 1200), "reading a 3 of 1,200"),
        (WorkProgress("reading b:", 512, 2048, "MB"), "reading b: 512 of 2,048 MB"),
        (WorkProgress("counting", 1500), "counting 1,500"),
        (WorkProgress(""), ""),
    ],
)
def test_progress_in_words(progress: WorkProgress, line: str) -> None:
    assert progress_lines(progress, 3).plain.splitlines()[0] == line
    assert "3 s" in progress_lines(progress, 3).plain.splitlines()[1]
