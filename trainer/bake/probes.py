"""The probes of one bake, as its settings ask for them."""

from collections.abc import Iterator

from trainer.bake.held_out_probe import held_out_probes
from trainer.bake.parts_probe import parts_probe
from trainer.bake.picture_probes import picture_probes
from trainer.bake.probed_bake import ProbedBake
from trainer.probes.probe import Probe


def probes_of(bake: ProbedBake) -> tuple[Probe, ...]:
    """Return the probes that a bake's settings switch on, in the order in which they run."""
    return tuple(_probes(bake))


def _probes(bake: ProbedBake) -> Iterator[Probe]:
    if bake.session.settings.measure_parts:
        yield parts_probe(bake)
    yield from held_out_probes(bake.session, bake.planned, bake.trained, bake.held_out, bake.report.log)
    yield from picture_probes(bake)
