"""The plan of the settings as they are, the search for settings that fit, held-out pictures: what opens their dialogs."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.ports import MemorySources
from lora_tui.workers.planner import PlanView
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.jobs.preflight import PlannedBake
    from trainer.plan.hold_out_offers import HoldOutOffer
    from trainer.plan.report import ReportSection

NO_SETTINGS = "no settings are open: press <key subject.new> to create a subject, <key settings.open> to open a file"
_NONE = "none"
# As an edit of the form is named where it is undone.
_HOLD_OUT = "held-out pictures"
_NO_MEMORY = "memory prediction is off (LORA_TUI_PREDICT)"
_NO_FIT = "memory cannot be predicted now: libraries are loading, or a bake is running on the CPU"


class PlanDialogs:
    """Opens the plan, the fit and the choice of held-out pictures over the Bake screen.

    Args:
        screen: the dialogs open over it.
        sender: knows what the keys may do.
        editor: the settings.
        memory: predicts memory; None for no predictions.
        may_predict: whether memory may be predicted now.
        show_trainers: shows what other trainers make of the settings.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        editor: SettingsEditor,
        memory: MemorySources | None,
        may_predict: Callable[[], bool],
        show_trainers: Callable[[], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._editor = editor
        self._memory = memory
        self._may_predict = may_predict
        self._show_trainers = show_trainers

    def show_plan(self) -> None:
        """Show the whole plan."""
        from lora_tui.screens.plan import PlanDialog

        if (view := self._plan_or_warning()) is not None:
            dialog = PlanDialog(view, f"Plan of {self._file_name}", self._memory_section)

            def go_on(compare: bool | None) -> None:
                if compare:
                    self._show_trainers()

            self._screen.app.push_screen(dialog, go_on)

    def show_checks(self) -> None:
        """Show what the checks found in the settings, their pictures and captions."""
        from lora_tui.screens.checks import ChecksDialog

        editor, draft = self._editor, self._editor.draft
        if draft is None:
            self._sender.warn(NO_SETTINGS)
            return
        if editor.results is None:
            self._sender.warn("not checked yet: the pictures are being read")
            return
        planned = editor.view.planned if editor.view is not None and editor.error is None else None

        def accept(check: str, why: str | None) -> None:
            from lora_tui.actions.checks import accept_check, withdraw_check

            if planned is None:
                return
            if why is None:
                self._sender.write(lambda: withdraw_check(planned, draft.path, check))
            else:
                self._sender.write(lambda: accept_check(planned, draft.path, check, why))

        may = self._sender.rights.bake and planned is not None and bool(draft.now.subject)
        self._screen.app.push_screen(
            ChecksDialog(f"Checks of {self._file_name}", editor.results, accept if may else None)
        )

    def offer_fit(self) -> None:
        """Search the fastest settings that fit, and put them into the form if the user accepts them."""
        from lora_tui.actions.fit import Fitting, limit_text
        from lora_tui.screens.fit import FitDialog
        from trainer.memory.available import DEFAULT_LIMIT

        if not self._sender.may_bake() or (view := self._plan_or_warning()) is None:
            return
        if self._memory is None or view.planned is None:
            self._sender.warn(_NO_MEMORY)
            return
        if not self._may_predict():
            self._sender.warn(_NO_FIT)
            return

        def apply(changes: "Mapping[str, object] | None") -> None:
            if changes:
                self._editor.changed(changes, "fit")

        room = self._editor.peak.room
        limit = room.free if room is not None and room.policy == "card" else DEFAULT_LIMIT
        search = Fitting(self._memory.predictor, view.planned, self._editor.policy, self._may_predict)
        dialog = FitDialog(search, limit_text(limit), f"Fit {self._file_name} to memory")
        self._screen.app.push_screen(dialog, apply)

    def offer_hold_out(self) -> None:
        """Offer pictures to hold out, and put the choice into the form."""
        from lora_tui.actions.hold_out import FoundOffers

        if not self._sender.may_bake() or (view := self._plan_or_warning()) is None or view.planned is None:
            return
        planned = view.planned
        if planned.settings.validation_data_dir:
            self._sender.warn("validation_data_dir names the held-out pictures: leave it blank here and in the subject")
            return
        found = FoundOffers(planned)
        self._sender.write(
            found.find, lambda: self._pick_held_out(planned, found.offers), long="Looking for pictures to hold out"
        )

    def _pick_held_out(self, planned: "PlannedBake", offers: "Sequence[HoldOutOffer]") -> None:
        """Open the list of what may be held out."""
        from lora_tui.screens.hold_out import HoldOutDialog
        from lora_tui.screens.pick import PickChoice

        held = len(planned.validation.pictures) if planned.validation is not None else 0
        if not offers and not held:
            self._sender.warn("too few pictures to hold any out")
            return
        none = "train on all" if held else "train on all, and mention it no more"
        choices = [
            *(PickChoice(str(place), offer.title, offer.text()) for place, offer in enumerate(offers)),
            PickChoice(_NONE, "none", none),
        ]

        def take(choice: str | None) -> None:
            if choice == _NONE:
                self._hold_nothing_out(planned, held)
            elif choice is not None:
                offer = offers[int(choice)]
                self._editor.changed({offer.setting: offer.value}, _HOLD_OUT)

        now = f"{plural(held, 'picture')} held out now" if held else "none now; nothing is saved before you save"
        self._screen.app.push_screen(HoldOutDialog(f"Held-out pictures of {self._file_name}: {now}", choices), take)

    def _hold_nothing_out(self, planned: "PlannedBake", held: int) -> None:
        """Train on all pictures; where that is so already, accept that the checks say it."""
        from lora_tui.actions.checks import accept_check

        draft = self._editor.draft
        if held:
            self._editor.changed({"validation_split": 0.0, "validation_outfit": ""}, _HOLD_OUT)
        elif draft is not None and draft.now.subject:
            path = draft.path
            self._sender.write(lambda: accept_check(planned, path, "nothing-held-out", "all pictures are trained on"))

    @property
    def _file_name(self) -> str:
        return printable(self._editor.draft.path.name) if self._editor.draft is not None else ""

    def _plan_or_warning(self) -> PlanView | None:
        """Return the plan of the settings as they are; without one, warn why."""
        if self._editor.error is not None:
            self._sender.warn(self._editor.error.line())
        elif self._editor.draft is None:
            self._sender.warn(NO_SETTINGS)
        elif self._editor.view is None:
            self._sender.warn("no plan yet: the pictures are being read")
        else:
            return self._editor.view
        return None

    def _memory_section(self) -> "ReportSection | None":
        """Return what the plan says of memory; asks the driver, so not for the screen's thread."""
        from trainer.memory.report import memory_section

        peak = self._editor.peak
        if self._memory is None or peak.prediction is None or peak.pending:
            return None
        return memory_section(peak.prediction, peak.room, self._memory.holders())
