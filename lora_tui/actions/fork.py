"""What would a fork of a bake be, with the settings on the desk? And: make it. Runs in a worker thread."""

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
    """What a fork would be. Texts are for one line each, as yet unchecked for a terminal.

    Attributes:
        epochs: at whose ends a state is kept.
        begins: after which step it begins, and how many it has; empty where it cannot be made.
        changes: what the desk has otherwise than the bake.
        notes: what becomes of the rates.
        error: why it cannot be made, None where it can.
    """

    epochs: tuple[int, ...] = ()
    begins: str = ""
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: LoraTuiError | None = None


@dataclass(frozen=True)
class Forking:
    """A fork of bake `number` with what is on the desk.

    Attributes:
        workspace: where the bake is.
        number: the bake to fork.
        draft: the settings on the desk; None changes nothing.
        engine: key of the engine that shall take the new bake.
    """

    workspace: Workspace
    number: int
    draft: SettingsDraft | None
    engine: str

    def look(self, epoch: int | None) -> Outlook:
        """Return what a fork at the end of `epoch` (None: at the newest state) would be. Writes and raises nothing."""
        outlook = Outlook()
        try:
            with self._journal() as journal:
                from trainer.jobs.fork import kept_epochs, preview_fork

                outlook = Outlook(tuple(kept_epochs(journal, self.workspace, self.number)))
                changed = self._changed(journal, epoch)
                outlook = replace(outlook, changes=tuple(line for line, _ in changed))
                overrides = [override for _, override in changed]
                prospect = preview_fork(journal, self.workspace, self.number, epoch=epoch, overrides=overrides)
        except Exception as error:
            # What was found before it went wrong helps to mend it.
            return replace(outlook, error=as_error("fork", error))
        begins = f"begins after step {prospect.step} of {prospect.planned.plan.total_steps}"
        return replace(outlook, begins=begins, notes=prospect.notes)

    def make(self, epoch: int | None, why: str) -> "ForkedBake":
        """Queue the fork.

        Raises:
            LoraTuiError: what is wrong; nothing was written.
        """
        from trainer.jobs.fork import fork

        with self._journal() as journal:
            overrides = [override for _, override in self._changed(journal, epoch)]
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

    def _changed(self, journal: "Journal", epoch: int | None) -> list[tuple[str, str]]:
        """Return (line, override) of each setting that the desk has otherwise than the bake at that state."""
        from trainer.jobs.fork import settings_at
        from trainer.settings.subject import resolve

        if self.draft is None:
            return []
        before = settings_at(journal, self.workspace, self.number, epoch)
        return _differences(before, resolve(self.draft.now, self.draft.path))


def _differences(before: "Settings", after: "Settings") -> list[tuple[str, str]]:
    from trainer.settings.describe import shown_value

    def value(settings: "Settings", name: str) -> str:
        return shown_value(settings, name) or "blank"

    return [
        (f"{name}  {value(before, name)} → {value(after, name)}", f"{name}={shown_value(after, name)}")
        for name in type(after).model_fields
        if getattr(before, name) != getattr(after, name)
    ]
