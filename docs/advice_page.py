"""Prints docs/advice.md: every symptom with what shows it and what to try, and every source, from trainer/advice."""

from trainer.advice.knobs import KNOBS, ORDER, STEP_WORDS
from trainer.advice.record import (
    BandSeen,
    Lean,
    Move,
    RuleSeen,
    Said,
    SideSeen,
    Sign,
    Symptom,
    VerdictSeen,
    WeightSeen,
)
from trainer.advice.seen import CHANCE
from trainer.advice.sources import SOURCES
from trainer.advice.symptoms import SYMPTOMS
from trainer.doneness.record import LaneKind
from trainer.doneness.rules import LANE_WORDS, RULES
from trainer.measures.registry import MEASURES

_HEAD = """\
<!-- Made by `make docs` from trainer/advice; change it there. -->

# What to try against what you see

`A` on the Bake and Journal screens, in the lanes and in the results of judging, and `lora-tui advise N`, go from symptoms to what to
try. Tick what you see; what was measured shows by itself. None of it is known to be right for your data: each line names who says so,
also where sources disagree, and offers the ladder that would test it on your bake.

- **Nothing is advised by a measure that is inside the noise**, nor by one whose noise between bakes is not known: make a twin
  (`lora-tui twin N`). Verdicts and favourites count where chance alone would be rarer than {chance:.0%}.
- **The order is {order}**: what is surest to help, and easiest to understand, first.
- **Steps are large**, threefold for rates and twofold for steps: smaller ones are lost between twins.
- Where symptoms ask for both ways of a knob, the move says `either way`, and its ladder goes both ways.
- A move that a ladder of this journal answered is set aside: turning that knob as far changed nothing beyond the noise.
- A symptom of a part does not apply where no such part trains.
- The quotes are those of the source notes.
"""


def page() -> str:
    """Return the page as Markdown."""
    order = ", ".join(STEP_WORDS[step].lower() for step in ORDER)
    symptoms = "\n".join(_symptom(symptom) for symptom in SYMPTOMS.values())
    return "\n".join(
        [_HEAD.format(chance=CHANCE, order=order), "## Symptoms", "", symptoms, "## Sources", "", *_sources(), ""]
    )


def _symptom(symptom: Symptom) -> str:
    lines = [f"### {symptom.title}", ""]
    about = [f"`{symptom.key}`"]
    if symptom.part is not None:
        about.append(f"of {LANE_WORDS[symptom.part]}")
    if symptom.quote:
        about.append(f"“{symptom.quote}”")
    lines.append(", ".join(about))
    if symptom.signs:
        lines.append(f"\nSeen by: {'; '.join(_sign(sign) for sign in symptom.signs)}.")
    if symptom.measures:
        lines.append(
            f"\nShown beside it: {', '.join(f'`{name}` ({MEASURES[name].title})' for name in symptom.measures)}."
        )
    if symptom.grid:
        lines.append(f"\nLook first: the grid `{symptom.grid}`.")
    lines += ["", "| step | what | way | why | sources |", "|---|---|---|---|---|"]
    lines += [_move(move) for move in sorted(symptom.moves, key=lambda move: list(KNOBS).index(move.knob))]
    return "\n".join([*lines, ""])


def _sign(sign: Sign) -> str:
    match sign:
        case RuleSeen():
            rule = next(each for each in RULES if each.key == sign.rule)
            return f"{rule.words} (`{rule.measure}`)"
        case VerdictSeen():
            return f"your verdicts: {_of(sign.about)} {sign.lean} at the last epoch that you judged"
        case WeightSeen():
            than = "above" if sign.lean is Lean.UNDER else "below"
            return f"favourites whose weight of {_of(sign.about)} is {than} 1"
        case BandSeen():
            return (
                "the lanes are done at different epochs"
                if sign.apart
                else "one epoch alone is done, between one that forms and one that is over"
            )
        case SideSeen():
            return f"`{sign.measure}` ({MEASURES[sign.measure].title}) {'below' if sign.below else 'above'} 0"


def _of(about: LaneKind | None) -> str:
    return "the whole" if about is None else LANE_WORDS[about]


def _move(move: Move) -> str:
    knob = KNOBS[move.knob]
    title = knob.title.format(parts=LANE_WORDS[knob.part] if knob.part else "")
    what = f"{title}: {move.what}" if move.what else title
    cells = (STEP_WORDS[knob.step], what, move.way, move.why, "<br>".join(_said(said) for said in move.sources))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _said(said: Said) -> str:
    return f"{'+' if said.agrees else '−'} {said.words} *({said.source})*"


def _sources() -> list[str]:
    rows = [
        f"| {each.key} | {each.kind} | {each.name}{f', {each.where}' if each.where else ''} |"
        for each in SOURCES.values()
    ]
    return ["`+` speaks for a move, `−` against it.", "", "| short | kind | what it is |", "|---|---|---|", *rows]


if __name__ == "__main__":
    print(page(), end="")
