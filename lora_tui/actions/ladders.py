"""Ladders previewed, queued, extended, cut and continued, and the grid over one; all in worker threads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.forms.draft import SettingsDraft
from trainer.errors import SettingsError
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec
    from trainer.journal.journal import Journal
    from trainer.ladders.record import LadderSpec
    from trainer.ladders.to_queue import LadderToQueue
    from trainer.settings.describe import SettingInfo
    from trainer.settings.model import Settings

DEFAULT_RUNGS = "0.1, 0.33, 1, 3, 10"
"""Offered for a number: changes that are far apart, for what changes little is inside the noise."""
BETWEEN_ROWS = ";"
"""Stands between two knobs whose every pair is baked, and between their rungs."""

# A list of choices longer than this is typed.
_MAX_CHOICES = 8


@dataclass
class LadderQueued(Message):
    """A ladder is in the journal, and its bakes are in the queue."""

    number: int
    line: str


@dataclass
class LadderChanged(Message):
    """Something was done to a ladder; one line about it for the user."""

    line: str


@dataclass
class GridOfLadderRead(Message):
    """A grid over the rungs of a ladder, for the builder."""

    spec: "GridSpec"


@dataclass(frozen=True)
class LadderRequest:
    """A ladder that a user asks for.

    Attributes:
        workspace: where it goes.
        engine: key of the engine that takes its bakes.
        draft: the settings in the form; None without any.
        of_bake: the bake whose settings it starts from; None for those in the form.
        knob: the setting, or several separated by commas that move together; with BETWEEN_ROWS two whose every pair is baked; "" for a
            ready ladder.
        preset: key of the ready ladder, "" for none.
        choice: what of several things a ready ladder varies; "" for its own choice.
        rungs: as typed, commas between them, and BETWEEN_ROWS where the knob has it; of no meaning to a ready ladder.
        twins: how many bakes each rung has.
    """

    workspace: Workspace
    engine: str
    draft: SettingsDraft | None = None
    of_bake: int | None = None
    knob: str = ""
    preset: str = ""
    choice: str = ""
    rungs: str = ""
    twins: int = 2

    def preview(self) -> "LadderToQueue":
        """Return what `queue` would queue. Writes nothing.

        Raises:
            LoraTuiError: what is wrong.
        """
        from trainer.journal.journal import Journal

        with Journal(self.workspace.journal_path) as journal:
            return self._preview(journal)

    def queue(self, *, held: bool) -> LadderQueued:
        """Queue the ladder.

        Args:
            held: whether its bakes wait to be released.

        Raises:
            LoraTuiError: what is wrong; nothing was written.
        """
        from trainer.journal.journal import Journal
        from trainer.ladders.queue import queue_ladder

        with Journal(self.workspace.journal_path) as journal:
            ready = self._preview(journal)
            number = queue_ladder(journal, self.workspace, ready, engine=self.engine, held=held)
        how = "held" if held else "queued"
        return LadderQueued(number, f"ladder {number}: {plural(ready.count, 'bake')} {how}")

    def _preview(self, journal: "Journal") -> "LadderToQueue":
        from trainer.ladders.queue import preview_ladder

        settings = self._settings(journal)
        spec, remarks = self._spec(settings)
        ready = preview_ladder(journal, self.workspace, settings, spec, of_bake=self.of_bake)
        return replace(ready, notes=(*remarks, *ready.notes))

    def _settings(self, journal: "Journal") -> "Settings":
        """Return the settings that every rung starts from.

        Raises:
            LoraTuiError: there are none, or they cannot be read.
        """
        from trainer.ladders.queue import settings_of_bake
        from trainer.settings.subject import resolve

        if self.of_bake is not None:
            return settings_of_bake(journal, self.of_bake)
        if self.draft is None:
            raise SettingsError(
                "the settings to start from",
                found="none are open",
                expected="the number of a bake",
                way_out="type it, or open settings on the Bake screen",
            )
        return resolve(self.draft.now, self.draft.path)

    def _spec(self, settings: "Settings") -> "tuple[LadderSpec, tuple[str, ...]]":
        """Return the ladder, and what to know of it, one line each."""
        if self.preset:
            from trainer.ladders.presets import PRESETS

            made = PRESETS[self.preset].ladder(settings, twins=self.twins, choice=self.choice)
            return made.spec, made.remarks
        from trainer.ladders.build import axis_of, ladder_of_axes

        rows = zip_longest(self.knob.split(BETWEEN_ROWS), self.rungs.split(BETWEEN_ROWS), fillvalue="")
        axes = [axis_of(knob, typed_rungs(rungs)) for knob, rungs in rows]
        return ladder_of_axes(settings, axes, twins=self.twins), ()


@dataclass(frozen=True)
class ExtendRequest:
    """More rungs of a ladder, or more twins of each.

    Attributes:
        workspace: where it is.
        engine: key of the engine that takes the new bakes.
        number: of the ladder.
        rungs: those to be added, as typed, commas between them; "" for none.
        twins: how many bakes each rung is to have; None for as many as now.
    """

    workspace: Workspace
    engine: str
    number: int
    rungs: str = ""
    twins: int | None = None

    def preview(self) -> "LadderToQueue":
        """Return what `queue` would add. Writes nothing.

        Raises:
            LoraTuiError: what is wrong.
        """
        from trainer.journal.journal import Journal
        from trainer.ladders.queue import preview_extension

        with Journal(self.workspace.journal_path) as journal:
            rungs = typed_rungs(self.rungs)
            return preview_extension(journal, self.workspace, self.number, rungs=rungs, twins=self.twins)

    def queue(self, *, held: bool) -> LadderChanged:
        """Add them.

        Args:
            held: whether the new bakes wait to be released.

        Raises:
            LoraTuiError: what is wrong; nothing was written.
        """
        from trainer.journal.journal import Journal
        from trainer.ladders.queue import extend_ladder, preview_extension

        with Journal(self.workspace.journal_path) as journal:
            rungs = typed_rungs(self.rungs)
            ready = preview_extension(journal, self.workspace, self.number, rungs=rungs, twins=self.twins)
            extend_ladder(journal, self.workspace, ready, engine=self.engine, held=held)
        how = "held" if held else "queued"
        return LadderChanged(f"ladder {self.number}: {plural(ready.count, 'more bake')} {how}")


def cut_rung(workspace: Workspace, number: int, label: str) -> Message:
    """Take a rung out of a ladder; bakes of it that wait leave the queue, what was baked is kept.

    Raises:
        LoraTuiError: there is no such ladder or rung.
    """
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import cut_ladder

    with Journal(workspace.journal_path) as journal:
        cut = cut_ladder(journal, workspace, number, [label])
    parts = [
        f"rung {printable(label, 60)} is cut from ladder {number}",
        f"{plural(len(cut.withdrawn), 'bake')} left the queue" if cut.withdrawn else "",
        f"bake {', '.join(map(str, cut.running))} continues" if cut.running else "",
    ]
    return LadderChanged("; ".join(filter(None, parts)))


def continue_bakes(workspace: Workspace, number: int, engine: str) -> Message:
    """Queue the bakes of a ladder again that ended early or were withdrawn, and those that never were queued.

    Raises:
        LoraTuiError: there is no such ladder, or the journal cannot be written.
    """
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import continue_ladder

    with Journal(workspace.journal_path) as journal:
        done = continue_ladder(journal, workspace, number, engine=engine)
    parts = [
        f"{plural(len(done.resumed), 'bake')} queued again" if done.resumed else "",
        f"{plural(len(done.queued), 'new bake')} queued" if done.queued else "",
        f"{len(done.reused):,} taken from the journal" if done.reused else "",
    ]
    words = ", ".join(filter(None, parts)) or "nothing to continue"
    return LadderChanged("; ".join((f"ladder {number}: {words}", *done.notes)))


def hold_bakes(workspace: Workspace, number: int, *, held: bool) -> Message:
    """Hold the bakes of a ladder back that wait, or release them.

    Raises:
        LoraTuiError: there is no such ladder, or the journal cannot be written.
    """
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import hold_ladder

    with Journal(workspace.journal_path) as journal:
        changed = hold_ladder(journal, number, held)
    return LadderChanged(f"ladder {number}: {plural(len(changed), 'bake')} {'held' if held else 'released'}")


def read_grid(workspace: Workspace, number: int) -> Message:
    """Return one grid over rungs, epochs and seeds.

    Raises:
        LoraTuiError: there is no such ladder, or no rung has saved a LoRA.
    """
    from trainer.journal.journal import Journal
    from trainer.ladders.grid import grid_spec
    from trainer.ladders.state import ladder_state

    with Journal(workspace.journal_path) as journal:
        return GridOfLadderRead(grid_spec(journal, workspace, ladder_state(journal, number)))


def typed_rungs(text: str) -> Sequence[str]:
    """Return the rungs of a typed line."""
    return [part.strip() for part in text.split(",") if part.strip()]


def first_rungs(info: "SettingInfo") -> str:
    """Return the rungs that are offered for a setting; "" where they have to be typed."""
    if info.kind in ("int", "float"):
        return DEFAULT_RUNGS
    if info.kind == "bool":
        return "yes, no"
    if info.kind == "choice" and len(info.choices) <= _MAX_CHOICES:
        return ", ".join(info.choices)
    return ""
