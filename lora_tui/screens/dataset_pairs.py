"""Near-duplicates beside each other, one of which may be left out."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.screens.dialog import hint_keys
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.pane import signed_lines
from lora_tui.widgets.placed_picture import PlacedPicture, placed_file
from lora_tui.wording.dataset import facts_of, pair_words
from lora_tui.wording.state_symbols import LEFT_OUT
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.dataset_pairs import PicturePair
    from trainer.data_index.record import IndexedPicture

_KEYS = ("pairs.next", "pairs.previous", "pairs.first-out", "pairs.second-out", "pairs.close")
_KEYS_OF_READERS = ("pairs.next", "pairs.previous", "pairs.close")


class PairsScreen(ModalScreen[None]):
    """Shows one pair at a time.

    Args:
        pictures: where pictures come from.
        pairs: the pairs; at least one.
        note: what else should be known, "" for nothing.
        left_out: whether a picture is left out as the settings are now.
        turn: leaves a picture out, or takes it in again; None where settings cannot be changed.
    """

    DEFAULT_CSS = """
    PairsScreen {
        background: $background;
        & > #name { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > Horizontal { height: 1fr; }
        & Vertical { width: 1fr; padding: 0 1; }
        & PlacedPicture { height: 1fr; }
        & .facts { height: auto; max-height: 8; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("picture pairs")

    def __init__(
        self,
        pictures: Pictures,
        pairs: "Sequence[PicturePair]",
        note: str,
        left_out: "Callable[[IndexedPicture], bool]",
        turn: "Callable[[IndexedPicture], object] | None",
    ) -> None:
        super().__init__()
        self._pictures = pictures
        self._pairs = pairs
        self._note = note
        self._left_out = left_out
        self._turn = turn
        self._at = 0

    def compose(self) -> ComposeResult:
        """Yield the name of the pair, its pictures with what is known of them, and the keys."""
        yield Static("", id="name")
        with Horizontal():
            for side in ("first", "second"):
                with Vertical():
                    yield PlacedPicture(self._pictures, id=side)
                    yield Static("", id=f"{side}-facts", classes="facts")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Show the first pair."""
        keys = _KEYS if self._turn is not None else _KEYS_OF_READERS
        self.query_one(KeyLine).show_keys(hint_keys(self, *keys))
        self._show()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_turn(self, by: int) -> None:
        """Go to another pair."""
        self._at = max(0, min(self._at + by, len(self._pairs) - 1))
        self._show()

    def action_exclude(self, side: int) -> None:
        """Leave one of the two out, or take it in again."""
        pair = self._pairs[self._at]
        if self._turn is not None:
            self._turn((pair.first, pair.second)[side])
            self._show()

    def _show(self) -> None:
        pair = self._pairs[self._at]
        words = f"pair {self._at + 1:,} of {len(self._pairs):,}"
        more = " · ".join(part for part in (pair_words(pair.bits), self._note) if part)
        self.query_one("#name", Static).update(Content.assemble((words, "bold"), (f"  {more}", "$muted")))
        for side, picture in (("first", pair.first), ("second", pair.second)):
            self.query_one(f"#{side}", PlacedPicture).place(placed_file(picture))
            self.query_one(f"#{side}-facts", Static).update(self._facts(picture))

    def _facts(self, picture: "IndexedPicture") -> Content:
        lines = [Content.styled(printable(picture.name), "bold")]
        if self._left_out(picture):
            lines.append(Content.assemble((f"{LEFT_OUT.mark} left out of the bake", "$warning")))
        lines += signed_lines(fact for fact in facts_of(picture) if fact[0] is not LEFT_OUT)
        lines.append(Content.styled(printable(picture.caption, 200), "$muted"))
        return Content("\n").join(lines)
