"""Pictures and duration of a grid while it is typed, worked out in a thread of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.latest_request import LatestRequest
from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.grid.spec import AxisSpec, GridSpec
    from trainer.jobs.grids import PlannedGrid
    from trainer.settings.parts import Family

_QUIET_SECONDS = 0.1


@dataclass(frozen=True)
class ExpandedAxes:
    """The axes of a spec one by one: each can be shown even if another is wrong.

    Attributes:
        labels: `x`, `y`, `z` or `seeds` -> its values' labels.
        faults: the same -> its error.
        family: of the spec's base; None where that cannot be read.
    """

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: Mapping[str, LoraTuiError] = field(default_factory=dict)
    family: "Family | None" = None


class AxesExpanded(Message):
    """The axes of a spec, before its pictures are counted."""

    def __init__(self, question: int, spelled: ExpandedAxes) -> None:
        super().__init__()
        self.question = question
        self.spelled = spelled

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, AxesExpanded)


class GridPlanned(Message):
    """The answer to one request: a grid that can be made, or the first error."""

    def __init__(self, question: int, ready: "PlannedGrid | None", error: LoraTuiError | None) -> None:
        super().__init__()
        self.question = question
        self.ready = ready
        self.error = error

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, GridPlanned)


class GridPlanner(LatestRequest["GridSpec"]):
    """Answers what the grid asked about would be: first its axes, then its count and time.

    Args:
        workspace: whose bakes, pictures and speeds are counted with.
        post: `post_message` of the screen.
        quiet: seconds without a new question before work begins.
    """

    def __init__(self, workspace: Workspace, post: Callable[[Message], object], quiet: float = _QUIET_SECONDS) -> None:
        super().__init__("grid planner", post, quiet)
        self._workspace = workspace

    def ask(self, spec: "GridSpec") -> int:
        """Ask what `spec` would be, and return the question's number."""
        return self.put(spec)

    def answer(self, number: int, question: "GridSpec") -> None:
        """Post the axes as soon as they are expanded, then the grid, or the first error."""
        try:
            self._answer(number, question)
        except Exception as broken:
            # A bug of ours must be shown, not end the thread silently.
            self.post_answer(GridPlanned(number, None, as_error("grid", broken)))

    def _answer(self, number: int, spec: "GridSpec") -> None:
        from trainer.grid.first_spec import with_epochs
        from trainer.jobs.grids import check_grid
        from trainer.journal.journal import Journal

        with Journal(self._workspace.journal_path) as journal:
            whole = with_epochs(spec, journal, self._workspace)
            self.post_answer(AxesExpanded(number, self._spelled(whole)))
            if not self.stale:
                self.post_answer(GridPlanned(number, check_grid(spec, journal, self._workspace), None))

    def _spelled(self, spec: "GridSpec") -> ExpandedAxes:
        from trainer.grid.expand import preview
        from trainer.grid.model_files import ModelFiles

        model_files = ModelFiles(self._workspace.root)
        labels: dict[str, tuple[str, ...]] = {}
        faults: dict[str, LoraTuiError] = {}
        for name, axis in _axes(spec).items():
            try:
                labels[name] = preview(axis, spec, model_files)
            except LoraTuiError as error:
                faults[name] = error
        try:
            family = model_files.base(spec.base).family
        except LoraTuiError:
            # The plan says what is wrong with it.
            family = None
        return ExpandedAxes(labels, faults, family)


def _axes(spec: "GridSpec") -> "dict[str, AxisSpec]":
    """Return the axes there are by field; the seeds are one like the others."""
    from trainer.grid.spec import AxisSpec

    axes = {"x": spec.x, "y": spec.y, "z": spec.z}
    return {name: axis for name, axis in axes.items() if axis is not None} | {
        "seeds": AxisSpec(kind="seed", values=spec.seeds)
    }
