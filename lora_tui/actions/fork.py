"""The preview of a fork of a bake with the edited settings, and the fork itself; both run in a worker thread."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lora_tui.forms.draft import SettingsDraft
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.jobs.fork import ForkedBake
    from trainer.journal.journal import Journal
    from trainer.settings.model import Settings


@dataclass(frozen=True)
class Outlook:
    """The preview of a fork. Texts are one line each, not yet escaped for a terminal.

    Attributes:
        epochs: at whose ends a state is kept.
        start: after which step it starts, and how many it has; empty where it cannot be made.
        changes: the edited settings, `name  before → after`.
        notes: what happens to the rates.
        error: why it cannot be made, None where it can.
    """

    epochs: tuple[int, ...] = ()
    start: str = ""
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: LoraTuiError | None = None


@dataclass(frozen=True)
class ForkRequest:
    """A fork of bake `number` with the edited settings.

    Attributes:
        workspace: where the bake is.
        number: the bake to fork.
        draft: the edited settings; None changes nothing.
        engine: key of the engine that takes the new bake.
    """

    workspace: Workspace
    number: int
    draft: SettingsDraft | None
    engine: str

    def preview(self, epoch: int | None) -> Outlook:
        """Return what a fork at the end of `epoch` (None: at the newest state) would be. Writes and raises nothing."""
        outlook = Outlook()
        try:
            with self._journal() as journal:
                from trainer.jobs.fork import kept_epochs, preview_fork

                outlook = Outlook(tuple(kept_epochs(journal, self.workspace, self.number)))
                changed = self._edited_settings(journal, epoch)
                outlook = replace(outlook, changes=tuple(line for line, _ in changed))
                overrides = [override for _, override in changed]
                prospect = preview_fork(journal, self.workspace, self.number, epoch=epoch, overrides=overrides)
        except Exception as error:
            # What was found before it went wrong helps to fix it.
            return replace(outlook, error=as_error("fork", error))
        start = f"starts after step {prospect.step} of {prospect.planned.plan.total_steps}"
        return replace(outlook, start=start, notes=prospect.notes)

    def queue_fork(self, epoch: int | None, why: str) -> "ForkedBake":
        """Queue the fork.

        Raises:
            LoraTuiError: what is wrong; nothing was written.
        """
        from trainer.jobs.fork import fork

        with self._journal() as journal:
            overrides = [override for _, override in self._edited_settings(journal, epoch)]
            return fork(
                journal,
                self.workspace,
                self.number,
                epoch=epoch,
                overrides=overrides,
                why=why,
                engine=self.engine,
            )

    def _journal(self) -> "Journal":
        from trainer.journal.journal import Journal

        return Journal(self.workspace.journal_path)

    def _edited_settings(self, journal: "Journal", epoch: int | None) -> list[tuple[str, str]]:
        """Return (line, override) of each setting that was edited against the bake at that state."""
        from trainer.jobs.fork import settings_at
        from trainer.settings.subject import resolve

        if self.draft is None:
            return []
        before = settings_at(journal, self.workspace, self.number, epoch)
        return _differences(before, resolve(self.draft.now, self.draft.path))


def _differences(before: "Settings", after: "Settings") -> list[tuple[str, str]]:
    from trainer.settings.describe import shown_value

    def value(settings: "Settings", name: str) -> str:
        return shown_value(settings, name) or "empty"

    return [
        (f"{name}  {value(before, name)} → {value(after, name)}", f"{name}={shown_value(after, name)}")
        for name in type(after).model_fields
        if getattr(before, name) != getattr(after, name)
    ]
