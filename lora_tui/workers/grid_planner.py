"""Which pictures would the grid have as it is typed, and how long would they take? Asked at every key, answered by a thread of its own."""

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

_QUIET_SECONDS = 0.1


@dataclass(frozen=True)
class Spelled:
    """The axes of a spec one by one: each can be said even where another is wrong.

    Attributes:
        labels: `x`, `y`, `z` or `seeds` -> its values' labels.
        faults: the same -> why it has none.
    """

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: Mapping[str, LoraTuiError] = field(default_factory=dict)


class GridSpelled(Message):
    """The axes of the spec asked about, before its pictures are counted."""

    def __init__(self, question: int, spelled: Spelled) -> None:
        """Carry the first half of the answer to question number `question`."""
        super().__init__()
        self.question = question
        self.spelled = spelled

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, GridSpelled)


class GridPlanned(Message):
    """The answer to one question: a grid that may be made, or the first thing found wrong."""

    def __init__(self, question: int, ready: "PlannedGrid | None", error: LoraTuiError | None) -> None:
        """Carry the answer to question number `question`."""
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
        """Make the thread; `start` begins to wait for questions."""
        super().__init__("grid planner", post, quiet)
        self._workspace = workspace

    def ask(self, spec: "GridSpec") -> int:
        """Ask what `spec` would be, and return the question's number."""
        return self.put(spec)

    def answer(self, number: int, question: "GridSpec") -> None:
        """Tell the axes as soon as they are spelled out, then the grid, or the first thing found wrong."""
        try:
            self._answer(number, question)
        except Exception as broken:
            # A fault of ours here must be read, not end the thread that would say so.
            self.tell(GridPlanned(number, None, as_error("grid", broken)))

    def _answer(self, number: int, spec: "GridSpec") -> None:
        from trainer.grid.first_spec import with_epochs
        from trainer.jobs.grids import check_grid
        from trainer.journal.journal import Journal

        with Journal(self._workspace.journal_path) as journal:
            whole = with_epochs(spec, journal, self._workspace)
            self.tell(GridSpelled(number, self._spelled(whole)))
            if not self.stale:
                self.tell(GridPlanned(number, check_grid(spec, journal, self._workspace), None))

    def _spelled(self, spec: "GridSpec") -> Spelled:
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
        return Spelled(labels, faults)


def _axes(spec: "GridSpec") -> "dict[str, AxisSpec]":
    """Return the axes there are by field; the seeds are one like the others."""
    from trainer.grid.spec import AxisSpec

    axes = {"x": spec.x, "y": spec.y, "z": spec.z}
    return {name: axis for name, axis in axes.items() if axis is not None} | {
        "seeds": AxisSpec(kind="seed", values=spec.seeds)
    }
