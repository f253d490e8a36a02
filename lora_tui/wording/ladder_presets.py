"""Preset ladders as text: what each varies, which sentence of the notes it tests, and the grids beside them."""

import textwrap
from typing import Any

from trainer.grid.presets import PRESETS as GRID_PRESETS
from trainer.grid.presets import GridPreset
from trainer.ladders.presets import PRESETS, LadderPreset

_WIDTH = 100


def preset_lines() -> list[str]:
    """Return the list of preset ladders, and of the grids that answer a question of the notes."""
    grids = [grid for grid in GRID_PRESETS if grid.quote]
    wide = max(map(len, (*PRESETS, *(grid.key for grid in grids)))) + 2
    lines = [line for preset in PRESETS.values() for line in _ladder(preset, wide)]
    lines += ["", "to bake one: lora-tui ladder --preset KEY (add --dry-run to see first what it takes)"]
    lines += ["", "grids beside them, without a bake: lora-tui grid --preset KEY", ""]
    return lines + [line for grid in grids for line in _grid(grid, wide)]


def presets_json() -> list[dict[str, Any]]:
    """Return the preset ladders as JSON holds them."""
    return [
        {
            "key": preset.key,
            "title": preset.title,
            "varies": preset.varies,
            "notes": {"heading": preset.heading, "sentence": preset.quote},
            "needs": preset.needs,
            "not_for": preset.limits,
            "choice": preset.choice,
        }
        for preset in PRESETS.values()
    ]


def _ladder(preset: LadderPreset, wide: int) -> list[str]:
    facts = [
        f"varies {preset.varies}",
        f"tests “{preset.quote}” ({preset.heading})",
        f"needs {preset.needs}" if preset.needs else "",
        f"not for {preset.limits}" if preset.limits else "",
    ]
    return [f"{preset.key:<{wide}}{preset.title}", *_indented(facts, wide)]


def _grid(grid: GridPreset, wide: int) -> list[str]:
    return [f"{grid.key:<{wide}}{grid.title}", *_indented([grid.help, f"tests “{grid.quote}”"], wide)]


def _indented(facts: list[str], wide: int) -> list[str]:
    return [
        line
        for fact in facts
        if fact
        for line in textwrap.wrap(
            fact, _WIDTH, initial_indent=" " * wide, subsequent_indent=" " * (wide + 2), break_on_hyphens=False
        )
    ]
