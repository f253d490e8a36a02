"""Searches as lines of text and as plain values."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trainer.text import duration, plural, printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.search.record import KnobRange, SearchSpec, SearchState, SearchTrial

_SHOWN = 10


def spec_line(spec: "SearchSpec") -> str:
    """Return what a search looks for in one line: `smallest validation_change over unet_lr 1e-05 to 0.001 (log), 12 bakes`."""
    of_part = f":{spec.part}" if spec.part else ""
    budget = plural(spec.bakes, "bake") if spec.bakes is not None else duration(spec.seconds or 0)
    knobs = ", ".join(_knob(knob) for knob in spec.knobs)
    return f"{'largest' if spec.maximize else 'smallest'} {spec.measure}{of_part} over {knobs}; {budget}{', pruned' if spec.prune else ''}"


def search_lines(state: "SearchState", journal: "Journal") -> Iterator[str]:
    """Yield what a search has tried, the best first, labelled as rough, and what noise says of the first two."""
    from trainer.search.record import ROUGH, TrialEnd

    yield f"search {state.number}: {spec_line(state.spec)}"
    yield ROUGH
    ends = [trial.end for trial in state.trials]
    counts = ", ".join(f"{ends.count(end):,} {end}" for end in TrialEnd if ends.count(end))
    yield f"{plural(len(ends), 'bake')} ({counts}), {duration(state.spent)}" if ends else "nothing is baked yet"
    for trial in state.ranked[:_SHOWN]:
        yield f"  {_trial(trial)}"
    yield from (f"  {_trial(trial)}: {trial.end}" for trial in state.trials if trial.end is TrialEnd.PRUNED)
    yield from _noise(state, journal)
    if not state.is_over:
        yield f"`lora-tui search --continue {state.number}` continues it"


def list_lines(states: "Sequence[SearchState]") -> list[str]:
    """Return every search in a line."""
    if not states:
        return ["no searches yet"]
    return [
        f"{state.number:>4}  {plural(len(state.trials), 'bake')}{'' if state.is_over else ', not over'}: {spec_line(state.spec)}"
        for state in states
    ]


def search_json(state: "SearchState") -> dict[str, Any]:
    """Return a search as plain values."""
    from trainer.search.record import ROUGH

    return {**asdict(state), "note": ROUGH, "over": state.is_over}


def _noise(state: "SearchState", journal: "Journal") -> Iterator[str]:
    """Yield how the best stands against the next one, and against the middle of all."""
    from trainer.noise_floor.floors import NoiseFloors
    from trainer.noise_floor.words import counts, words

    ranked = state.ranked
    if len(ranked) < 2:
        return
    floors = NoiseFloors(journal)
    best = ranked[0]
    others = [(ranked[1], "the next")]
    if len(ranked) > 3:
        others.append((ranked[len(ranked) // 2], "the middle"))
    for other, what in others:
        compared = floors.compare([best.bake], [other.bake], state.spec.key, max(best.by_step), max(other.by_step))
        if compared is not None:
            yield f"bake {best.bake} against {what}, bake {other.bake}: {words(compared)} ({counts(compared, of='picture')})"


def _trial(trial: "SearchTrial") -> str:
    params = ", ".join(
        f"{name}={value if isinstance(value, str) else f'{value:.3g}'}" for name, value in trial.params.items()
    )
    value = "no value" if trial.value is None else f"{trial.value:.4g}"
    return f"bake {trial.bake}: {value}  {printable(params, 200)}"


def _knob(knob: "KnobRange") -> str:
    if knob.low is None or knob.high is None:
        return f"{knob.name} {', '.join(printable(choice, 40) for choice in knob.choices)}"
    return f"{knob.name} {knob.low:g} to {knob.high:g}{' (log)' if knob.log else ''}"
