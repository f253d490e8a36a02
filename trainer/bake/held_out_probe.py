"""The probe of held-out pictures, and of as many trained ones: how far each one's loss moved from the base's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.bake.banded_losses import BandedLosses, BandTimes
from trainer.bake.latents import PreparedPicture
from trainer.bake.session import TrainingSession
from trainer.dataset.measured_pictures import shown_caption
from trainer.dataset.records import DataSet
from trainer.jobs.preflight import PlannedBake
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.held_out_values import held_out_values, memorization_in, memorization_values
from trainer.measures.of_validation import OF_VALIDATION
from trainer.plan.probed_pictures import probed_held_out, probed_members
from trainer.probes.probe import Probe, Progress
from trainer.settings.model import Settings
from trainer.text import plural

_Prepared = Mapping[int, PreparedPicture]


@dataclass(frozen=True)
class ProbedPictures:
    """Pictures that a probe measures, as the model takes them, with their captions."""

    pictures: tuple[PreparedPicture, ...]
    captions: tuple[str, ...]


@dataclass(frozen=True)
class _Pass:
    """One pass over pictures: which ones, and whether with their captions."""

    losses: BandedLosses
    captions: bool


class HeldOutProbe:
    """Measures held-out pictures by bands of noise; with members also how plainly these are told from them.

    The base is measured at the first call, with the LoRA out of force, and kept.

    Args:
        session: whose LoRA is measured.
        held_out: pictures that are not trained on.
        members: trained ones; None where memorization is not asked for.
        log: takes a line on what was found.
    """

    title = "measuring held-out pictures"
    names = tuple(record.key for record in OF_VALIDATION)

    def __init__(
        self,
        session: TrainingSession,
        held_out: ProbedPictures,
        members: ProbedPictures | None,
        log: Callable[[str], None],
    ) -> None:
        self._session, self._log = session, log
        times = BandTimes.of(session.model)
        self._bands = times.bands
        kept = BandedLosses(session, held_out.pictures, held_out.captions, times, "held out")
        self._passes = [_Pass(kept, True)]
        if members is not None:
            trained = BandedLosses(session, members.pictures, members.captions, times, "members")
            self._passes += [_Pass(trained, True), _Pass(kept, False), _Pass(trained, False)]
        self._base: list[NDArray[np.float64]] | None = None

    def measure(self, step: int, progress: Progress, stop: Callable[[], bool]) -> Sequence[MeasuredValue]:
        """Return the values after `step` steps, none where `stop` became true; see Probe."""
        meter = _Meter(progress, sum(each.losses.passes for each in self._passes) * (1 if self._base else 2))
        if self._base is None:
            with self._session.base_alone():
                self._base = self._measured(meter, stop)
        losses = None if self._base is None else self._measured(meter, stop)
        if losses is None or self._base is None:
            return ()
        changes = [after - before for after, before in zip(losses, self._base, strict=True)]
        values = held_out_values(step, changes[0], self._bands)
        if len(changes) == 1:
            return values
        kept, trained, kept_bare, trained_bare = changes
        values += memorization_values(step, trained, kept, self._bands)
        values += held_out_values(step, kept_bare, self._bands, captions=False)
        values += memorization_values(step, trained_bare, kept_bare, self._bands, captions=False)
        self._tell(step, values, len(trained), len(kept))
        return values

    def _measured(self, meter: "_Meter", stop: Callable[[], bool]) -> list[NDArray[np.float64]] | None:
        found = []
        for each in self._passes:
            losses = each.losses.measure(captions=each.captions, passed=meter.add, stop=stop)
            if losses is None:
                return None
            found.append(losses)
        return found

    def _tell(self, step: int, values: Sequence[MeasuredValue], members: int, held_out: int) -> None:
        named, bare = (memorization_in(values, captions=captions) for captions in (True, False))
        if named is None or bare is None:
            self._log(f"memorization after step {step}: not known, the loss is NaN")
            return
        of = f"{plural(members, 'trained picture')} against {plural(held_out, 'held-out one')}"
        without = "" if named.text() == bare.text() else f"; without captions {bare.text()}"
        self._log(f"memorization after step {step}: {named.text()}{without}; {of}")


class _Meter:
    """Passes done of all, told to whoever shows progress."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, passes: int) -> None:
        self._done += passes
        self._progress(self._done, self._total)


def held_out_probes(
    session: TrainingSession, planned: PlannedBake, trained: _Prepared, held_out: _Prepared, log: Callable[[str], None]
) -> Iterator[Probe]:
    """Yield the probe of held-out pictures where it is asked for and there are any.

    Args:
        session: whose LoRA is measured.
        planned: its data.
        trained, held_out: the pictures as the model takes them, by their index.
        log: takes a line for the bake's log.
    """
    settings, validation = session.settings, planned.validation
    if validation is None or not (settings.measure_validation or settings.measure_memorization):
        return
    kept = _pictures(validation, probed_held_out(settings, validation), held_out)
    members = None
    if settings.measure_memorization:
        members = _pictures(planned.data, probed_members(settings, planned.data, validation), trained)
    yield HeldOutProbe(session, kept, members, log)


def captions_of_probes(settings: Settings, data: DataSet, validation: DataSet | None) -> list[str]:
    """Return the captions that the probes ask the text encoders for."""
    if validation is None or not settings.measure_memorization:
        return []
    return [*(shown_caption(data.pictures[index]) for index in probed_members(settings, data, validation)), ""]


def _pictures(data: DataSet, chosen: Sequence[int], prepared: _Prepared) -> ProbedPictures:
    return ProbedPictures(
        tuple(prepared[index] for index in chosen), tuple(shown_caption(data.pictures[index]) for index in chosen)
    )
