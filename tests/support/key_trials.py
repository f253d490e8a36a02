"""Keys tried on the screens kept as text: what each changes there, in words that were not there before.

A file of them has a heading for each scene, `## crop 120x36`, then a line for each key in the order of pressing: the id of the action
whose key it is, and what is seen then and was not before; `gone: ` before what was seen before and is not then; `*` where only colours
or places change. `= slash "vram" enter` presses keys on the way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from screen_text import LOOKS, Seen, take
from stage import Scene, ScreenStage
from textual.widgets import Input, OptionList

from lora_tui.keys.keymap import BY_ID

_GONE = "gone: "
_PAINTED = "*"


@dataclass(frozen=True)
class KeyStep:
    """One key, or several on the way.

    Attributes:
        action: its id; "" for keys on the way.
        keys: as Textual spells them.
        seen: what changes, as the file has it.
    """

    action: str
    keys: tuple[str, ...]
    seen: str = ""


@dataclass(frozen=True)
class KeyTrial:
    """Keys pressed one after another on a scene."""

    scene: str
    size: tuple[int, int]
    steps: tuple[KeyStep, ...]


@dataclass(frozen=True)
class _Observed:
    lines: tuple[str, ...]
    painted: Seen

    def says(self, words: str) -> bool:
        return any(words in line for line in self.lines)


def read_trials(path: Path) -> list[KeyTrial]:
    """Return what a file holds."""
    trials: list[KeyTrial] = []
    steps: list[KeyStep] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name, _, size = line.removeprefix("## ").partition(" ")
            columns, _, lines = size.partition("x")
            steps = []
            trials.append(KeyTrial(name, (int(columns), int(lines)), ()))
        elif line.startswith("="):
            parts = re.findall(r'"([^"]*)"|(\S+)', line.removeprefix("="))
            steps.append(KeyStep("", tuple(key for text, name in parts for key in (text or [name]))))
        elif line.strip():
            action, _, seen = line.partition(" ")
            steps.append(KeyStep(action, (BY_ID[action].default_keys[0],), seen.strip()))
        if trials:
            trials[-1] = KeyTrial(trials[-1].scene, trials[-1].size, tuple(steps))
    return trials


async def try_keys(stage: ScreenStage, scene: Scene, trial: KeyTrial) -> list[str]:
    """Press the keys of a trial on its scene, and return what did not happen."""
    wrong: list[str] = []
    await stage.open(scene)
    await stage.resize(trial.size)
    await stage.settle(scene)
    after = _observe(stage)
    for step in trial.steps:
        stage.app.ran.clear()
        await stage.press(*step.keys)
        await stage.until(lambda: True)
        before, after = after, _observe(stage)
        if not step.action:
            continue
        # Several keys of a dialog may do the same.
        if BY_ID[step.action].action not in [BY_ID[name].action for name in stage.app.ran]:
            wrong.append(f"{trial.scene}: {step.keys[0]} is not the key of {step.action} here but of {stage.app.ran}")
        elif not _happened(step.seen, before, after):
            news = [line.strip() for line in after.lines if line not in before.lines]
            wrong.append(f"{trial.scene}: {step.action}: not `{step.seen}` but {news}")
    return wrong


def _happened(seen: str, before: _Observed, after: _Observed) -> bool:
    if seen == _PAINTED:
        return before.painted != after.painted
    if words := seen.removeprefix(_GONE) if seen.startswith(_GONE) else "":
        return before.says(words) and not after.says(words)
    return bool(seen) and not before.says(seen) and after.says(seen)


def _observe(stage: ScreenStage) -> _Observed:
    """Return what stands on the screen, and what it does not say in words: screen, focus, marked line, answers, messages."""
    app = stage.app
    focused = app.focused
    painted = take(app, LOOKS[0])
    lines = [row.text for row in painted]
    lines += [f"screen: {type(app.screen).__name__}", f"focus: {focused and (focused.id or type(focused).__name__)}"]
    lines += [f"typed: {line.value}" for line in [focused] if isinstance(line, Input)]
    lines += [f"marked: {words}" for words in _marked(app.screen.query(OptionList))]
    lines += [f"answer: {answer!r}" for answer in stage.answers]
    lines += [f"message: {note.message}" for note in app._notifications]
    return _Observed(tuple(lines), painted)


def _marked(lists: Sequence[OptionList]) -> list[object]:
    return [
        each.get_option_at_index(each.highlighted).prompt for each in lists if each.option_count and each.highlighted is not None
    ]  # fmt: skip
