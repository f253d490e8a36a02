"""Prints docs/measures.md: every measure, and the rules that conclude from them, from trainer/measures and trainer/doneness/rules.py."""

from trainer.doneness.record import LETTERS, EpochState, RuleSign
from trainer.doneness.rules import LANE_WORDS, MORE_STEPS, RULES, SIGN_WORDS, Rule
from trainer.measures.record import MeasureRecord, MeasureSource
from trainer.measures.registry import MEASURES

_HEAD = """\
<!-- Made by `make docs` from trainer/measures and trainer/doneness/rules.py; change it there. -->

# What is measured of a bake, and what it says

Everything here is measured of the LoRAs that a bake saves, and none of it says how good one is: that is for your eyes. No measure is
compared without its noise. Two bakes that differ in nothing but their random numbers differ in every measure; `lora-tui twin N` makes
such a bake, and a difference is then `inside the noise` or `2.3 times outside the noise`. Without a twin it reads
`noise not known: make a twin`.

## Measures

Where a setting is named, it switches the measure on, and the plan says what it costs. `%` is a share.
"""

_SOURCES = {
    MeasureSource.FILE: "From the file alone",
    MeasureSource.OUTPUT: "From what the model predicts on fixed pictures, times and noise",
    MeasureSource.PICTURE: "From pictures made with fixed prompts and seeds",
}

_DONENESS = """\
## Doneness

`w` on the Bake screen and `lora-tui show N` place every saved epoch between raw and burnt: one lane for each part that trains, and one
for memorization. There is no score. A state follows from what the rules below see in an epoch:

{states}

- A rule speaks where its trend is larger than the noise, and not at all where neither the noise nor an interval of the value itself is
  known. Where epochs are chosen from many (the best so far), the difference must be larger than what chance gives among as many:
  Tukey's studentized range, at 95 %. Of bakes of noise alone a lane claims something in about one bake of twenty.
- With twins, the noise is the spread between them at the epoch that is compared with: if nothing had changed, later values would vary
  as much. Without, a value is judged by its own 95 % interval, and says so; worse than the base it is by that interval in any case.
- What got worse must stay so to the last epoch; what was learned must stay until something got worse.
- That nothing moves any more shows in what comes after: a bake must continue for {more:g} times the steps of an epoch, or the change over
  the last third of its steps is looked at.
- That nothing moves is claimed only where a change of a quarter of what was gained would have shown; with more noise it stays open.
- A part is placed where it is known whether it has learned anything, whether it still moves and whether it got worse. What is missing
  is named with the setting that would measure it.
- **Aim for** is the overlap of the lanes: the epochs that are done in every part that is placed, with no sign of memorization. Its
  width, in steps, is how much you may miss.
- **Validation alone never picks an epoch.** Its lowest point comes late, after generalisation has started to turn; and nobody has
  shown that it is where people like the pictures best. A lane that only validation speaks in is shown and decides no band.
- Your verdicts on pictures at full strength, favourites and your best epoch stand on the same axis, and each says whether the lanes
  agree. Where they do not, believe your eyes, and look at the evidence.

### Rules

{rules}
"""

_WORDS = {
    EpochState.RAW: "it has learned nothing beyond the noise, or less than half of what it comes to",
    EpochState.FORMING: "it has learned something, and something still moves",
    EpochState.DONE: "it has learned something, and nothing moves beyond the noise",
    EpochState.OVER: "something got worse beyond the noise",
    EpochState.NO_SIGN: "trained pictures cannot be distinguished from held-out ones",
    EpochState.MILD: "they can, in more pairs than chance gives",
    EpochState.STRONG: "they can, in most pairs; no picture is ever called copied",
}


def page() -> str:
    """Return the page as Markdown."""
    tables = [f"### {title}\n\n{_measures(source)}" for source, title in _SOURCES.items()]
    states = "\n".join(["| letter | state | means |", "|---|---|---|", *map(_state, _WORDS)])
    rules = "\n\n".join(f"Evidence that it {SIGN_WORDS[sign]}:\n\n{_rules(sign)}" for sign in SIGN_WORDS)
    return "\n".join([_HEAD, *tables, _DONENESS.format(states=states, more=MORE_STEPS, rules=rules)])


def _state(state: EpochState) -> str:
    return f"| {LETTERS[state]} | {state.value} | {_WORDS[state]} |"


def _measures(source: MeasureSource) -> str:
    rows = [_measure(record) for record in MEASURES.values() if record.source is source]
    return "\n".join(["| name | called | setting | what it is |", "|---|---|---|---|", *rows]) + "\n"


def _measure(record: MeasureRecord) -> str:
    of = [
        "each part" if record.by_part else "",
        f"by {record.scopes}" if record.scopes else "",
        "" if record.compared else "not compared between bakes",
    ]
    notes = "; ".join(filter(None, of))
    unit = f" ({record.unit})" if record.unit else ""
    setting = f"`{record.setting}`" if record.setting else ""
    return (
        f"| `{record.key}` | {record.title}{unit} | {setting} | {_cell(record.help)}{f' *{notes}*' if notes else ''} |"
    )


def _rules(sign: RuleSign) -> str:
    rows = [_rule(rule) for rule in RULES if rule.sign is sign]
    return "\n".join(["| in lanes of | what it says | from | why |", "|---|---|---|---|", *rows])


def _rule(rule: Rule) -> str:
    lanes = ", ".join(title for kind, title in LANE_WORDS.items() if kind in rule.lanes)
    scope = f" ({rule.scope})" if rule.scope else ""
    return f"| {lanes} | {rule.words} | `{rule.measure}`{scope} {rule.trend.value} | {_cell(rule.why)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
