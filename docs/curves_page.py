"""Prints docs/curves.md: the curves of a bake, their groups and marks, from trainer/measures and lora_tui/wording/curve_marks.py."""

from lora_tui.wording.curve_marks import MARK_KINDS
from trainer.measures.curve_groups import CURVE_GROUPS, CurveGroup
from trainer.measures.curve_records import STEP_CURVES, setting_of_group

_HEAD = """\
<!-- Made by `make docs` from trainer/measures/curve_groups.py, curve_records.py and lora_tui/wording/curve_marks.py; change it there. -->

# Curves

`z` on the Bake screen shows the curves of the bake on the full screen; so does `enter` once `tab` or `2` has brought you to them. In the
journal `z` shows the marked bakes over each other, in the colours and with the letters that they have there, the pinned one on top; `p`
puts the next one on top.

## What is drawn

Digits show and hide curves by their groups, `c` lists them one by one with what would have recorded those that are not there. Curves of
one unit share a chart, and all charts share the steps. What you chose is there the next time; for several bakes it is kept apart.

| key | curves | what they are | switched on by |
|---|---|---|---|
{groups}

Nothing of this makes a step wait for the GPU, and the LoRA is the same to the bit. The times of a step are the GPU's own: it notes when
it comes to the end of a phase, and the notes are read once it is past them. On a CPU they are the computer's clock.

| number of a step | in `metrics.npz` and the journal | what it is |
|---|---|---|
{steps}

## Reading a step

The cursor reads every curve at its step: `left` and `right` move it (`h` and `l`), with `shift` far, `home` and `end` to the first and
the last step. The values stand beside the names over each chart, to the digit also where one column of the screen is thousands of steps.
A curve that has no value at that very step shows the last one before it, with its step: `0.0912 @400`. Before its first value it shows
`–`.

`[` and `]` go from mark to mark; what happened there stands in the line under the charts.

| letter | marks that |
|---|---|
{marks}

Behind the curves, an upright line stands where something changed the course of the bake.

## Zooming

- `+` and `-` zoom around the cursor, down to single steps; `v` starts a region at the cursor and, pressed again, zooms to it; `,` and `.`
  pan; `w` shows all steps.
- However many steps a column of the screen has, it shows the lowest and the highest of them, so no spike is lost. A curve that is not a
  number somewhere is broken there, with `×` above.
- While a bake runs, the cursor stays on its last step and the view moves along when that would leave it; `f` ends that, or starts it again.
- A few single steps far above all others are held at the upper edge, and the highest is named beside the chart (`highest 0.9312`); `s`
  shows them in full.
- `up` and `down` choose a chart: `y` makes its axis logarithmic or linear, `enter` shows it alone. What has no logarithm lies at the lower
  edge, and is named.

The smoothed loss is the mean over a twentieth of the bake to either side, whatever part of it is in view.

## Without colours

Curves of one chart differ in their dashes and carry letters, bakes carry the letter of their colour, a capital the one on top. The cursor
is an upright line with `▴` under it. So nothing is lost on a terminal with 16 colours, with `NO_COLOR` or without Unicode.
"""


def page() -> str:
    """Return the page as Markdown."""
    return _HEAD.format(
        groups="\n".join(_group(group) for group in CURVE_GROUPS),
        steps="\n".join(
            f"| {curve.title} | `{curve.name}` | {curve.help} |" for curve in STEP_CURVES if curve.source == "steps"
        ),
        marks="\n".join(f"| {kind.letter} | {kind.title} |" for kind in MARK_KINDS),
    )


def _group(group: CurveGroup) -> str:
    setting = setting_of_group(group)
    key = f"`{group.digit}`" if group.digit else ""
    return f"| {key} | {group.title} | {group.help} | {f'`{setting}`' if setting else ''} |"


if __name__ == "__main__":
    print(page(), end="")
