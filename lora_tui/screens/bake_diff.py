"""Two bakes compared: their settings, their data, and what came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ReadDialog, key_hint
from lora_tui.wording.bake_entries import entry_name
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.workers.bake_comparison import BakeComparison, ComparedValue
    from trainer.history.setting_changes import SettingChange

_MAX_VALUE = 200
# A data set of thousands of pictures; the summary above them has the count of all.
_MAX_PICTURES = 300
# Columns in which a value, both figures and the words on their noise stand beside one another.
_WIDE = 100


@dataclass(frozen=True)
class _Section:
    title: str
    lines: Sequence[Content]


class BakeDiffDialog(ReadDialog[None]):
    """Shows what differs between two bakes."""

    DEFAULT_CSS = """
    BakeDiffDialog {
        & > VerticalScroll { width: 116; }
        & .section { margin-top: 1; color: $primary; }
        & .lines { padding-left: 2; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("bake diff")

    def __init__(self, comparison: "BakeComparison") -> None:
        super().__init__()
        self._comparison = comparison

    def compose(self) -> ComposeResult:
        """Yield a section for each kind of difference."""
        compared = self._comparison
        with VerticalScroll():
            names = (entry_name(compared.first), (" → ", "$muted"), entry_name(compared.second))
            yield Static(Content.assemble(*names).stylize("bold"))
            for section in _sections(compared, wide=self.app.size.width >= _WIDE):
                yield Static(Content(section.title), classes="section")
                yield Static(Content("\n").join(section.lines), classes="lines")
            yield Static(Content(key_hint(self, "read.down read.up=scroll", "diff.close=close")), id="keys")


def _sections(compared: "BakeComparison", *, wide: bool) -> list[_Section]:
    from trainer.settings.one_setting import Decides

    found = compared.difference
    if found.settings_unknown:
        sections = [_Section("settings", [Content.styled(printable(found.settings_unknown, 400), "$warning")])]
    else:
        kinds = {
            Decides.YES: "settings",
            Decides.ROUNDING: "settings that change the last digits alone",
            Decides.NO: "settings that do not change the result",
        }
        by_kind = {kind: [each for each in found.settings if each.decides is kind] for kind in kinds}
        sections = [
            _Section(title, _setting_lines(by_kind[kind]))
            for kind, title in kinds.items()
            if by_kind[kind] or kind is Decides.YES
        ]
    sections.append(_Section("data", _data_lines(compared)))
    if found.data is not None and found.data.pictures:
        shown = [Content(printable(line, 400)) for line in found.data.pictures[:_MAX_PICTURES]]
        more = len(found.data.pictures) - len(shown)
        rest = [Content.styled(f"and {plural(more, 'more picture')}", "$muted")] if more else []
        sections.append(_Section("pictures", [*shown, *rest]))
    if compared.results:
        sections.append(_Section("what came out", _result_lines(compared.results, wide=wide)))
    return sections


def _setting_lines(changes: "Sequence[SettingChange]") -> list[Content]:
    from trainer.history.setting_changes import shown_setting

    if not changes:
        return [Content.styled("the same", "$muted")]
    wide = max(len(change.name) for change in changes)
    return [
        Content.assemble(
            (f"{change.name:<{wide}}  ", "$primary"),
            printable(shown_setting(change.before), _MAX_VALUE),
            (" → ", "$muted"),
            (printable(shown_setting(change.after), _MAX_VALUE), "bold"),
            _ratio(change),
        )
        for change in changes
    ]


def _result_lines(results: "Sequence[ComparedValue]", *, wide: bool) -> list[Content]:
    """Return a line for each value; in a narrow terminal two, so that none is folded in the middle of its words."""
    titles = max(len(each.title) for each in results)
    pairs = [f"{each.first} → {each.second}" for each in results]
    widest = max(map(len, pairs))
    lines = []
    for each, pair in zip(results, pairs, strict=True):
        words = f"  {printable(each.words)}" if each.words else ""
        if wide:
            lines.append(
                Content.assemble((f"{each.title:<{titles}}  ", "$primary"), f"{pair:<{widest}}", (words, "$muted"))
            )
        else:
            lines += [Content.styled(each.title, "$primary"), Content.assemble(f"  {pair}", (words, "$muted"))]
    return lines


def _ratio(change: "SettingChange") -> tuple[str, str]:
    """Return the factor between two numbers, which the words of a change have."""
    words = change.words.removeprefix(change.name).strip()
    return (f"  {words}", "$muted") if words.startswith("×") else ("", "")


def _data_lines(compared: "BakeComparison") -> list[Content]:
    data = compared.difference.data
    if data is None:
        return [Content.styled(printable(compared.difference.data_unknown, 400), "$muted")]
    if not data.summary:
        return [Content.styled("the same", "$muted")]
    return [Content(printable(line, 400)) for line in data.summary]
