"""Prints docs/ladders.md: the preset ladders and the grids that belong to them, from trainer/ladders/presets.py and trainer/grid/presets.py."""

from trainer.grid.presets import PRESETS as GRID_PRESETS
from trainer.grid.presets import GridPreset
from trainer.ladders.build import DEFAULT_TWINS
from trainer.ladders.presets import PRESETS, LadderPreset
from trainer.ladders.typed_rungs import GRAMMAR

_HEAD = """\
<!-- Made by `make docs` from trainer/ladders/presets.py and trainer/grid/presets.py; change it there. -->

# Ladders

A ladder asks one question with many bakes: its rungs differ in one knob (or in a few settings that move together), and every rung has
twins that differ in nothing but their random numbers. What rungs differ in is held against what twins differ in, so that the answer is
a trend, a cliff, a threshold, an inflection, or *inside the noise*; nothing is concluded from one rung alone.

```
lora-tui ladder --preset unet-rate
lora-tui ladder --knob unet_lr --rungs 0.1,0.33,1,3,10 --twins 2
```

A rung is {grammar}. Each has {twins} bakes unless `--twins` says more. Before anything is queued, the count of bakes, their time and
their disk space are shown; bakes that the journal has already are taken from there. `l` on the Bake and Journal screens shows the
ladders, `lora-tui ladder show N` one of them.

## Preset ladders

Each tests a sentence of the notes *lora training logs & notes - crude science* of January and February 2023 at your own settings: every factor counts from what you have, and no value is recommended. `lora-tui ladder presets` lists them. A rung that your settings do not take is
left out, and the reason is shown; so is what to know before. A ladder that does not apply to your base or settings says why.
"""

_GRIDS = """\
## Preset grids beside them

Two questions of the notes need no bakes, only pictures: `lora-tui grid --preset KEY`, or `r` on the Grid screen.
"""


def page() -> str:
    """Return the page as Markdown."""
    head = _HEAD.format(grammar=GRAMMAR, twins=DEFAULT_TWINS)
    ladders = "\n".join(
        [
            "| key | varies | the notes | needs | not for |",
            "|---|---|---|---|---|",
            *map(_ladder, PRESETS.values()),
        ]
    )
    grids = "\n".join(
        ["| key | shows | the notes |", "|---|---|---|", *(_grid(each) for each in GRID_PRESETS if each.quote)]
    )
    return "\n".join([head, ladders, "", _GRIDS, grids, ""])


def _ladder(preset: LadderPreset) -> str:
    key = f"`{preset.key}`" + (f", `{preset.key}:NAME` ({preset.choice})" if preset.choice else "")
    return f"| {key} | {_cell(preset.varies)} | {_quoted(preset.heading, preset.quote)} | {preset.needs} | {_cell(preset.limits)} |"


def _grid(preset: GridPreset) -> str:
    return f"| `{preset.key}` | {_cell(preset.help)} | {_quoted('', preset.quote)} |"


def _quoted(heading: str, quote: str) -> str:
    return _cell(f"{heading}: “{quote}”" if heading else f"“{quote}”")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
