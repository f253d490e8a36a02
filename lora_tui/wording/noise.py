"""Noise floors and comparisons against them as lines and as plain values."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from trainer.measures.value_text import spread_text, value_name, value_text
from trainer.noise_floor.words import NOT_KNOWN, rests_on, words
from trainer.settings.random_numbers import RANDOM_SOURCES, RandomSource
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.measures.record import MeasureRecord
    from trainer.noise_floor.side_by_side import NoiseOfValue, SideBySide, ValuePair
    from trainer.noise_floor.spread import VarianceEstimate
    from trainer.noise_floor.values import ValueKey

_NOT_VARIED = "not varied alone"


def floor_lines(number: int, step: int, found: "Sequence[NoiseOfValue]", bakes: Sequence[int]) -> Iterator[str]:
    """Yield the noise of a bake, measure by measure.

    Args:
        number, step: the bake, and of which epoch.
        found: the noise of its values; those of whole parts are shown.
        bakes: the bake and its twins.
    """
    yield f"noise of bake {number} after step {step:,}"
    twins = [str(bake) for bake in bakes if bake != number]
    yield f"twins: {', '.join(twins)}" if twins else f"no twins yet: `lora-tui twin {number}` makes one"
    # Without twins nearly every value would say so again.
    is_any_known = any(_noise(each) != NOT_KNOWN for each in found)
    if not is_any_known:
        yield NOT_KNOWN
    for each in found:
        if each.key.scope:
            continue
        yield f"  {_name(each.record, each.key)}: {value_text(each.record, each.value)}"
        if is_any_known:
            yield f"    {_noise(each)}"
        if shares := _shares(each):
            yield f"    {shares}"


def floor_json(number: int, step: int, found: "Sequence[NoiseOfValue]", bakes: Sequence[int]) -> dict[str, object]:
    """Return the noise of a bake as plain values."""
    return {
        "bake": number,
        "step": step,
        "family": list(bakes),
        "values": [
            {
                **each.key._asdict(),
                "value": each.value,
                "log_scale": each.record.log_scale,
                "floor": None if each.floor is None else asdict(each.floor),
                "by_source": {str(source): asdict(one) for source, one in each.spread.by_source.items()},
                "shares": {str(source): each.spread.share(source) for source in each.spread.by_source},
                "repeats": None if each.spread.repeats is None else asdict(each.spread.repeats),
            }
            for each in found
        ],
    }


def side_by_side_lines(found: "SideBySide | None") -> Iterator[str]:
    """Yield what two bakes differ in by their measures, each with what the noise says of it."""
    if found is None:
        yield "measures: none that both bakes have"
        return
    both = f" and {found.second_step:,}" if found.second_step != found.first_step else ""
    yield f"measures after step {found.first_step:,}{both}: {found.together.words()}"
    for pair in found.pairs:
        if not pair.key.scope:
            values = " → ".join(value_text(pair.record, value) for value in (pair.first, pair.second))
            yield f"  {_name(pair.record, pair.key)}: {values}, {words(pair.compared)}"


def side_by_side_json(found: "SideBySide | None") -> dict[str, object] | None:
    """Return the measures of two bakes as plain values."""
    if found is None:
        return None
    return {
        "first_step": found.first_step,
        "second_step": found.second_step,
        "together": {**asdict(found.together), "words": found.together.words()},
        "values": [_pair_json(pair) for pair in found.pairs],
    }


def _pair_json(pair: "ValuePair") -> dict[str, object]:
    compared = {**asdict(pair.compared), "standing": str(pair.compared.standing), "words": words(pair.compared)}
    return {**pair.key._asdict(), "first": pair.first, "second": pair.second, "compared": compared}


def _name(record: "MeasureRecord", key: "ValueKey") -> str:
    return printable(value_name(record.title, key.part, key.scope))


def _noise(each: "NoiseOfValue") -> str:
    if each.floor is None:
        repeats = each.spread.repeats
        if repeats is None:
            return NOT_KNOWN
        same = "the same to the last digit" if not repeats.variance else f"apart by {_size(each.record, repeats)}"
        return f"{plural(repeats.bakes, 'bake')} with the same random numbers: {same}; {NOT_KNOWN}"
    spread = spread_text(each.record, each.floor.spread)
    missing = f", without that of {' and '.join(RANDOM_SOURCES[one].words for one in each.floor.unknown)}"
    return f"noise {spread}{missing if each.floor.unknown else ''} ({rests_on(each.floor)})"


def _shares(each: "NoiseOfValue") -> str:
    """Return what each source has of the noise: `start values 12 %, order 60 %, noise 28 %`."""
    if not each.spread.by_source:
        return ""
    told = []
    for source in RandomSource:
        found, share = each.spread.by_source.get(source), each.spread.share(source)
        if source not in each.spread.sources:
            continue
        size = _NOT_VARIED if found is None else _size(each.record, found)
        told.append(f"{RANDOM_SOURCES[source].words} {size}{'' if share is None else f' ({100 * share:.0f} %)'}")
    return f"from {', '.join(told)}"


def _size(record: "MeasureRecord", found: "VarianceEstimate") -> str:
    return spread_text(record, found.spread)
