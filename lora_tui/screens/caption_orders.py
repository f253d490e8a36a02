"""What the keys of the Dataset screen ask and do about captions: edits of one and of many, their steps, an editor."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions.dataset import CaptionWork, EditorText, drop_copy, redone_next, undone_next
from lora_tui.actions.long_job import run_long
from lora_tui.actions.order_sender import OrderSender
from lora_tui.screens.pick import PickChoice, PickDialog
from trainer.errors import LoraTuiError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.actions.dataset_findings import DataFinding
    from trainer.captions.record import CaptionEditPlan, CaptionStep, TagEdit
    from trainer.data_index.record import IndexedPicture
    from trainer.families.conventions import CaptionConvention

# Before the key of a convention among the keys of operations.
_CONVENTION = "convention "


class CaptionOrders:
    """Asks, then writes. All calls come in the screen's thread.

    Args:
        screen: the Dataset screen.
        sender: knows what the keys may do, and shows toasts.
        work: edits captions.
        changed: called once captions were written, with whether the next key is to wait until they have been read again.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        work: CaptionWork,
        changed: Callable[[bool], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._work = work
        self._changed = changed
        self._edits_text = False

    # Captions

    def order_tags(
        self, picture: "IndexedPicture", before: Sequence[str], after: Sequence[str], then: Callable[[], object]
    ) -> None:
        """Give one caption other tags; `then` is called once they are written."""
        if not self._sender.may_bake():
            return
        work = self._work

        def job(show: Any, stop: Any) -> "CaptionEditPlan | CaptionStep":
            plan = work.plan_tags(picture, before, after)
            return work.write(plan, show, stop) if plan.changes else plan

        def done(result: "CaptionEditPlan | CaptionStep") -> None:
            from trainer.captions.record import CaptionEditPlan

            if isinstance(result, CaptionEditPlan):
                self._say_refused(result)
            else:
                then()
                self._say_left(result)
                # What the next key acts on is known already.
                self._changed(False)

        self._run("Write a caption", job, done)

    def operate(self, operation: str | None, tags: Sequence[str], ids: Sequence[int], about: str) -> None:
        """Show what an operation would change, and write it if the user says so.

        Args:
            operation: key of TAG_OPERATIONS; None asks.
            tags: the tags that it is about, as far as they are known.
            ids: the pictures.
            about: which these are, in words.
        """
        from trainer.captions.operations import TAG_OPERATIONS

        if not self._sender.may_bake():
            return
        if not ids:
            self._sender.warn("no pictures are listed")
            return

        def take(key: str | None) -> None:
            if key is not None:
                self._ask_arguments(key, tags, ids, about)

        if operation is not None:
            take(operation)
            return

        def ask(conventions: "Sequence[CaptionConvention]") -> None:
            choices = [PickChoice(each.key, each.label, each.help) for each in TAG_OPERATIONS.values()]
            choices += [
                PickChoice(f"{_CONVENTION}{each.key}", f"convention {each.key}", each.title) for each in conventions
            ]
            by_key = {f"{_CONVENTION}{each.key}": each for each in conventions}

            def choose(key: str | None) -> None:
                if key in by_key:
                    self._arrange(by_key[key], ids, about)
                else:
                    take(key)

            self._screen.app.push_screen(PickDialog(f"Edit tags of {about}", choices), choose)

        self._run("Conventions of captions", lambda show, stop: self._work.conventions(), ask)

    def mend(self, finding: "DataFinding") -> None:
        """Show what the edits of a finding would change, and write it if the user says so."""
        self._plan(finding.edits, finding.ids, lambda plan: self.preview(plan, plural(len(finding.ids), "picture")))

    def preview(self, plan: "CaptionEditPlan", about: str, notes: Sequence[str] = ()) -> None:
        """Show what a plan changes, for which pictures, with lines on it, and write it if the user says so."""
        from lora_tui.screens.dataset_preview import EditPreviewDialog

        def take(written: bool | None) -> None:
            if written:
                self._write(plan)

        heading = f"{plan.words[0].upper()}{plan.words[1:]}: {about}"
        self._screen.app.push_screen(EditPreviewDialog(heading, plan, notes), take)

    def _ask_arguments(self, key: str, tags: Sequence[str], ids: Sequence[int], about: str) -> None:
        from lora_tui.screens.dataset_operation import OperationDialog
        from trainer.captions.operations import TAG_OPERATIONS
        from trainer.captions.record import TagEdit

        operation = TAG_OPERATIONS[key]
        if not operation.takes or (operation.takes == ("tags",) and tags):
            edit = TagEdit(operation.key, tags=tuple(tags) if operation.takes else ())
            self._plan(edit, ids, lambda plan: self.preview(plan, about))
            return

        def take(plan: "CaptionEditPlan | None") -> None:
            if plan is not None:
                self.preview(plan, about)

        def work_out(
            edit: "TagEdit", then: Callable[["CaptionEditPlan"], object], fail: Callable[[LoraTuiError], object]
        ) -> None:
            self._plan(edit, ids, then, fail)

        # What is added is something else than what stands under the cursor.
        first = () if key == "add" else tags
        self._screen.app.push_screen(OperationDialog(operation, about, first, work_out), take)

    def _arrange(self, convention: "CaptionConvention", ids: Sequence[int], about: str) -> None:
        """Show what a convention would change."""
        self._run(
            "What would change",
            lambda show, stop: self._work.plan_convention(convention, ids, show, stop),
            lambda plan: self.preview(plan, about),
        )

    def _plan(
        self,
        edit: "TagEdit | Sequence[TagEdit]",
        ids: Sequence[int],
        then: Callable[["CaptionEditPlan"], object],
        fail: Callable[[LoraTuiError], object] | None = None,
    ) -> None:
        self._run("What would change", lambda show, stop: self._work.plan(edit, ids, show, stop), then, fail)

    def _write(self, plan: "CaptionEditPlan", kept: EditorText | None = None) -> None:
        """Write a plan; a copy that was edited is kept until that is done."""

        def done(step: "CaptionStep") -> None:
            self._note_written(step)
            if kept is not None and not step.left:
                self._screen.run_worker(partial(drop_copy, kept), thread=True, exit_on_error=False, group="editor")

        def fail(error: LoraTuiError) -> None:
            self._sender.show_error(f"{error.line()}{_kept_words(kept)}")
            self._changed(True)

        if self._sender.may_bake():
            self._run("Write captions", lambda show, stop: self._work.write(plan, show, stop), done, fail)

    def _note_written(self, step: "CaptionStep") -> None:
        if step.undone:
            self._sender.warn("stopped: every caption is as it was")
        else:
            number = step.files - len(step.left)
            self._sender.note(
                f"step {step.number}: {plural(number, 'caption')} written; <key dataset.undo> undoes it", seconds=5
            )
        self._say_left(step)
        self._changed(True)

    # Steps

    def undo(self) -> None:
        """Undo the newest step that is done."""
        self._turn_next(undone_next, "no step on captions is left to undo")

    def redo(self) -> None:
        """Do the step again that was undone last."""
        self._turn_next(redone_next, "no step on captions was undone last")

    def show_steps(self) -> None:
        """List every step."""
        from lora_tui.screens.dataset_steps import CaptionStepsDialog

        def show(steps: "Sequence[CaptionStep]") -> None:
            turn = self._turn_one if self._sender.rights.bake else None
            self._screen.app.push_screen(CaptionStepsDialog(steps, turn))

        self._run("Steps on captions", lambda show, stop: self._work.steps(), show)

    def tell_interrupted(self) -> None:
        """Say which step was interrupted: until it is undone or completed no caption is written."""

        def note(steps: "Sequence[CaptionStep]") -> None:
            for step in steps:
                if step.unfinished:
                    self._sender.warn(
                        f"step {step.number} on captions was interrupted: <key dataset.steps> undoes it, or completes it"
                    )

        if self._sender.rights.bake:
            self._run("Steps on captions", lambda show, stop: self._work.steps(), note, lambda error: None)

    def _turn_next(self, choose: "Callable[[Sequence[CaptionStep]], CaptionStep | None]", none: str) -> None:
        if not self._sender.may_bake():
            return
        work = self._work

        def job(show: Any, stop: Any) -> "tuple[CaptionStep, CaptionStep] | None":
            step = choose(work.steps())
            return None if step is None else (step, work.turn(step, show, stop))

        def done(turned: "tuple[CaptionStep, CaptionStep] | None") -> None:
            if turned is None:
                self._sender.warn(none)
            else:
                self._note_turned(*turned)

        self._run("Captions", job, done)

    def _turn_one(self, step: "CaptionStep", complete: bool, then: "Callable[[Sequence[CaptionStep]], object]") -> None:
        work = self._work

        def job(show: Any, stop: Any) -> "tuple[CaptionStep, Sequence[CaptionStep]]":
            return work.turn(step, show, stop, complete=complete), work.steps()

        def done(result: "tuple[CaptionStep, Sequence[CaptionStep]]") -> None:
            self._note_turned(step, result[0])
            then(result[1])

        self._run(f"Step {step.number}", job, done)

    def _note_turned(self, before: "CaptionStep", step: "CaptionStep") -> None:
        what = "stopped halfway" if step.unfinished else "undone" if step.undone else "done again"
        if not step.unfinished and step.undone == before.undone and len(step.left) == step.files:
            what = f"nothing of it could be {'done again' if step.undone else 'undone'}"
        self._sender.note(f"step {step.number} ({step.words}): {what}", seconds=5)
        self._say_left(step)
        self._changed(True)

    # In an editor

    def edit_text(self, picture: "IndexedPicture") -> None:
        """Open the caption of a picture in the user's editor, and write what comes of it."""
        from lora_tui.terminal.text_editor import editor_command

        if not self._sender.may_bake() or self._edits_text:
            return
        try:
            editor_command()
        except LoraTuiError as error:
            self._sender.show_error(error.line())
            return
        self._edits_text = True
        self._screen.run_worker(self._edit(picture), exit_on_error=False, group="editor", name="editor")

    async def _edit(self, picture: "IndexedPicture") -> None:
        from lora_tui.terminal.text_editor import edit_file
        from lora_tui.wording.unexpected import as_error

        kept: EditorText | None = None
        try:
            copy = await asyncio.to_thread(self._work.text_for_editor, picture)
            end = await edit_file(self._screen.app, copy.place)
            kept = copy
            if end.trouble:
                self._sender.warn(f"{end.trouble}; the caption is read as it is now")
            plan = await asyncio.to_thread(self._work.plan_of_editor, kept)
        except Exception as error:
            # What was typed must not be lost with whatever went wrong.
            self._sender.show_error(f"{as_error('caption', error).line()}{_kept_words(kept)}")
            return
        finally:
            self._edits_text = False
        if plan.changes:
            self._write(plan, kept)
        elif plan.refused:
            self._sender.show_error(f"{plan.refused[0].why}{_kept_words(kept)}")
        else:
            self._sender.note("the caption is unchanged")
            await asyncio.to_thread(drop_copy, kept)

    # Threads and toasts

    def _run(
        self,
        heading: str,
        job: Callable[[Any, Any], Any],
        then: Callable[[Any], object],
        fail: Callable[[LoraTuiError], object] | None = None,
    ) -> None:
        """Do a job in a thread, under the dialog on top."""
        run_long(self._screen.app.screen, heading, job, then, fail or self._show_error)

    def _show_error(self, error: LoraTuiError) -> None:
        self._sender.show_error(error.line())
        self._changed(True)

    def _say_refused(self, plan: "CaptionEditPlan") -> None:
        if plan.refused:
            self._sender.show_error(f"{plan.refused[0].path.name}: {plan.refused[0].why}")

    def _say_left(self, step: "CaptionStep") -> None:
        if step.left:
            first = step.left[0]
            more = f" and {len(step.left) - 1:,} more" if len(step.left) > 1 else ""
            self._sender.warn(
                f"left as they are: {first.path.name} ({first.why}){more}; <key dataset.steps> shows them"
            )


def _kept_words(kept: EditorText | None) -> str:
    """Return where what was typed is kept, "" where nothing was."""
    return "" if kept is None else f"; your text is kept in {printable(str(kept.place))}"
