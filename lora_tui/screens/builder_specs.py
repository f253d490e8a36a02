"""What the builder of grids has and had: what was proposed, what was changed before, and what a preset, style or grid replaced."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.actions import bakes, grids
from lora_tui.actions.kept_specs import KeptSpecs
from lora_tui.actions.order_sender import OrderSender
from lora_tui.screens.pick import PickChoice, PickDialog
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.forms.grid_editor import GridEditor
    from trainer.grid.spec import GridSpec

# Entries of the list of presets that are no presets.
_FIRST, _BEFORE = "As first proposed", "What the builder had before"
_EARLIER = {_FIRST: "without your changes", _BEFORE: "before the last preset, style or grid was loaded"}


class BuilderSpecs:
    """Loads specs into the builder, keeps what is changed there, and offers what was there before. All calls come in the screen's thread.

    Args:
        screen: gets what could not be written, and the dialogs.
        sender: reads and writes, as far as the keys may.
        kept: what was changed in the builder before.
        editor: returns that of the builder.

    Attributes:
        first: what the builder started with, None while it is read.
    """

    def __init__(
        self, screen: Screen[Any], sender: OrderSender, kept: KeptSpecs, editor: "Callable[[], GridEditor]"
    ) -> None:
        self.first: grids.FirstSpecRead | None = None
        self._screen, self._sender, self._kept, self._editor = screen, sender, kept, editor
        # What the builder held before another spec was loaded into it.
        self._before: GridSpec | None = None

    def begin(self, event: grids.FirstSpecRead, asked: "GridSpec | None") -> None:
        """Load what the builder starts with, then `asked` in its place."""
        self._editor().load(event.spec, event.first)
        self.first = event
        if asked is not None:
            self.load(asked)

    def propose(self, event: grids.FirstSpecRead) -> None:
        """Take a new proposal; what was changed in the meantime is kept, and is told from this one from now on."""
        self.first = event
        self._editor().load(self._kept.restored(event.start, event.first), event.first, "epochs saved since")

    def load(self, spec: "GridSpec") -> None:
        """Edit `spec` in place of what the builder has, which the list of presets brings back."""
        editor = self._editor()
        if spec != editor.spec:
            self._before = editor.spec
            editor.load(spec)

    def keep(self, spec: "GridSpec") -> None:
        """Keep what the builder has now, for the next time and over a restart."""
        if (first := self.first) is None:
            return
        self._kept.note(first.start, first.first, spec)
        if self._sender.rights.bake:
            # The app's and not the screen's, whose workers end with it: it may be left at the next key.
            self._screen.app.run_worker(self._write_kept, thread=True, exit_on_error=False, group="writing")

    def offer_presets(self) -> None:
        """Offer the preset grids, what was first proposed, and what the builder had before."""
        from trainer.grid.presets import presets_of

        spec = self._editor().spec
        if spec is None:
            return
        earlier = self._earlier()

        def load_preset(key: str | None) -> None:
            if key in earlier:
                self.load(earlier[key])
            elif key is not None:
                self._sender.write(lambda: grids.read_preset(self._sender.workspace, spec, key), awaited=True)

        choices = [PickChoice(each.key, each.title, each.help) for each in presets_of(self._editor().family)]
        choices += [PickChoice(key, key, _EARLIER.get(key, "your changes there, made here")) for key in earlier]
        self._screen.app.push_screen(PickDialog("Presets", choices), load_preset)

    def _earlier(self) -> "dict[str, GridSpec]":
        """Return by title what was proposed, what the builder had, and what was changed for other bakes."""
        specs: dict[str, GridSpec] = {}
        if self._before is not None:
            specs[_BEFORE] = self._before
        if (first := self.first) is not None:
            specs[_FIRST] = first.first
            for other in self._kept.others(first.start):
                specs[f"As changed for {printable(other, 40)}"] = self._kept.restored(first.start, first.first, other)
        return specs

    def _write_kept(self) -> None:
        """Write what is kept; in a thread."""
        self._screen.post_message(bakes.answer_of(self._kept.write))
