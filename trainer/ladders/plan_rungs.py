"""Plans of a ladder's rungs: what rungs have in common is read once, and what is worth knowing of them is said."""

from collections.abc import Collection, Iterator, Sequence

from trainer.checks.record import CheckedBake
from trainer.checks.unused_settings import unused_settings
from trainer.dataset.read import same_data
from trainer.errors import LoraTuiError
from trainer.grid.probe_pictures import check_pictures
from trainer.grid.sample_prompts import check_samples
from trainer.jobs.bakes import check, measured_speed, plan_for
from trainer.jobs.preflight import PlannedBake
from trainer.journal.curves import MeasuredSpeed
from trainer.journal.journal import Journal
from trainer.ladders.build import in_rung
from trainer.ladders.record import LadderSpec, Rung
from trainer.settings.describe import field, fields, speed_settings
from trainer.settings.model import Settings
from trainer.settings.one_setting import Decides
from trainer.settings.parts import all_parts
from trainer.settings.random_numbers import SEEDS
from trainer.settings.subject import resolve
from trainer.text import listed, plural, printable, shortened
from trainer.workspace import Workspace

_BASE = ("pretrained_model_name_or_path", "vae")
_MAX_NAMED = 8
_MAX_WHY = 160


class RungPlanner:
    """Plans rungs, of which most stand on the same pictures and base: these are read once.

    Args:
        journal: knows measured speeds.
        workspace: relative paths in settings count from its folder.
    """

    def __init__(self, journal: Journal, workspace: Workspace) -> None:
        self._journal = journal
        self._path = workspace.root / "settings.toml"
        self._planned: list[PlannedBake] = []
        self._speeds: dict[tuple[object, ...], MeasuredSpeed | None] = {}

    def plan(self, settings: Settings, rung: Rung) -> PlannedBake:
        """Return the plan of a rung's bake.

        Raises:
            LoraTuiError: what is wrong with it; names the rung.
        """
        try:
            planned = self._plan(resolve(settings, self._path))
        except LoraTuiError as error:
            raise in_rung(rung, error) from None
        self._planned.append(planned)
        return planned

    def _plan(self, settings: Settings) -> PlannedBake:
        speed = self._speed(settings)
        like = next((each for each in self._planned if _on_the_same(each.as_asked, settings)), None)
        if like is None:
            return check(settings, self._path, speed)
        planned = plan_for(settings, like.data, like.validation, like.base, speed)
        check_samples(settings, self._path, planned.base)
        check_pictures(settings, self._path, planned.base)
        return planned

    def _speed(self, settings: Settings) -> MeasuredSpeed | None:
        trained = frozenset(part for part in all_parts() if settings.rate(part))
        key = (trained, *(str(getattr(settings, name)) for name in speed_settings()))
        if settings.train_minutes is not None:
            return measured_speed(self._journal, settings)
        if key not in self._speeds:
            self._speeds[key] = measured_speed(self._journal, settings)
        return self._speeds[key]


def _on_the_same(one: Settings, other: Settings) -> bool:
    return same_data(one, other) and all(getattr(one, name) == getattr(other, name) for name in _BASE)


def notes_on(spec: LadderSpec, planned: Sequence[PlannedBake]) -> Iterator[str]:
    """Yield what a user should know of a ladder before it is baked, a line each.

    Args:
        spec: the ladder.
        planned: the plan of each rung.
    """
    yield from _rounded(spec, planned)
    unused = [_unused(each) for each in planned]
    alike = _alike(planned, unused)
    yield from _without_effect(spec, planned, unused)
    for places in alike:
        names = _named([spec.rungs[place].label for place in places])
        yield f"rungs {names} have the same effect: they differ by noise alone"
    if spec.centre is None and len(spec.rungs) > 1:
        yield "no rung is the settings as they are: the rungs are compared with each other"
    if spec.twins == 1:
        yield "one bake a rung: without twins nothing is known of the noise that every difference is held against"
    if len({each.plan.total_steps for each in planned if each.plan.steps_known}) > 1:
        yield "rungs differ in their steps: each is compared by its last LoRA"


def _rounded(spec: LadderSpec, planned: Sequence[PlannedBake]) -> Iterator[str]:
    """Yield the rungs whose factor gives no number that their setting can be."""
    centre = spec.centre
    if centre is None or not spec.knobs:
        return
    knob = spec.knobs[0]
    own = getattr(planned[centre].as_asked, knob)
    if field(knob).kind != "int" or not isinstance(own, int):
        return
    for rung, each in zip(spec.rungs, planned, strict=True):
        value = getattr(each.as_asked, knob)
        factor = _factor(rung.label)
        if factor is not None and isinstance(value, int) and abs(value - own * factor) > 1e-9 * own:
            yield f"rung {rung.label}: {knob} is {value:,}, as it takes whole numbers alone"


def _factor(label: str) -> float | None:
    """Return the factor that a rung's name says, None where it says none."""
    text = label[1:]
    try:
        number = float(text)
    except ValueError:
        return None
    return {"×": number, "/": 1 / number if number else None}.get(label[:1])


def _unused(planned: PlannedBake) -> dict[str, str]:
    """Return setting -> why it has no effect in this bake, of those that are not at their default."""
    case = CheckedBake(planned.settings, planned.data, planned.validation, planned.plan)
    return {finding.place: finding.text for finding in unused_settings(case)}


def _without_effect(
    spec: LadderSpec, planned: Sequence[PlannedBake], unused: Sequence[dict[str, str]]
) -> Iterator[str]:
    """Yield the knobs that change nothing at any rung, with the reason."""
    for knob in spec.knobs:
        if field(knob).decides is Decides.NO:
            yield f"{knob} decides nothing of the LoRA that comes out"
            continue
        # Of a setting at its default nothing is said.
        moved = [
            place
            for place, each in enumerate(planned)
            if getattr(each.settings, knob) != field(knob, each.settings.behave_like).default
        ]
        whys = [unused[place].get(knob) for place in moved]
        if whys and all(whys):
            yield shortened(printable(str(whys[0])), _MAX_WHY)


def _alike(planned: Sequence[PlannedBake], unused: Sequence[dict[str, str]]) -> list[list[int]]:
    """Return the places of rungs that differ in nothing that has an effect, those with the same effect together."""
    groups: list[list[int]] = []
    for place, each in enumerate(planned):
        for group in groups:
            first = group[0]
            if _same_effect(planned[first].settings, each.settings, unused[first].keys() | unused[place].keys()):
                group.append(place)
                break
        else:
            groups.append([place])
    return [group for group in groups if len(group) > 1]


def _same_effect(one: Settings, other: Settings, unused: Collection[str]) -> bool:
    return all(
        getattr(one, info.name) == getattr(other, info.name)
        for info in fields()
        if info.decides is not Decides.NO and info.name not in SEEDS and info.name not in unused
    )


def _named(labels: Sequence[str]) -> str:
    shown = [printable(label, 40) for label in labels[:_MAX_NAMED]]
    more = len(labels) - len(shown)
    return listed(shown) + (f" and {plural(more, 'other')}" if more else "")
