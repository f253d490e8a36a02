"""The probe of held-out pictures as a bake's settings ask for it, and the captions that it needs."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from trainer.bake.held_out_probe import HeldOutProbe, ProbedPictures
from trainer.bake.latents import PreparedPicture
from trainer.bake.session import TrainingSession
from trainer.dataset.captions import deterministic_caption, fixed_caption
from trainer.dataset.records import DataSet, Picture
from trainer.jobs.preflight import PlannedBake
from trainer.plan.probed_pictures import probed_held_out, probed_members
from trainer.probes.probe import Probe
from trainer.settings.model import Settings

_Prepared = Mapping[int, PreparedPicture]


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
    return [*(_caption(data.pictures[index]) for index in probed_members(settings, data, validation)), ""]


def _pictures(data: DataSet, chosen: Sequence[int], prepared: _Prepared) -> ProbedPictures:
    return ProbedPictures(
        tuple(prepared[index] for index in chosen), tuple(_caption(data.pictures[index]) for index in chosen)
    )


def _caption(picture: Picture) -> str:
    """Return the words that a picture is trained with, where they vary those without any choice left to chance."""
    fixed = fixed_caption(picture)
    return deterministic_caption(picture.caption, picture.caption_rules) if fixed is None else fixed
