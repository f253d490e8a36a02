"""Places of a ladder, one for each bake of each rung: planned, matched with bakes of the journal, and filled."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trainer.dataset.read import same_data
from trainer.errors import DiskFull, LoraTuiError
from trainer.jobs.bakes import queue_bake
from trainer.jobs.preflight import PlannedBake
from trainer.jobs.same_content import bake_provenance, check_same_models, models_now
from trainer.jobs.twin import check_same_data
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.ladder_folder import write_ladder_toml
from trainer.journal.ladder_records import LadderBakeRow, LadderRow
from trainer.ladders.build import MAX_TWINS, in_rung, outwards, settings_of_rungs
from trainer.ladders.known_bakes import KnownBake, KnownBakes
from trainer.ladders.plan_rungs import RungPlanner, notes_on
from trainer.ladders.record import LadderSpec, Rung
from trainer.ladders.to_queue import BakeToQueue, LadderToQueue
from trainer.ladders.twin_seeds import seeds_of, twin_seeds
from trainer.plan.disk import check_disk_space
from trainer.settings.model import Settings
from trainer.settings.random_numbers import RandomSource
from trainer.text import listed, plural, printable
from trainer.workspace import Workspace

Place = tuple[int, int]
"""Place of a rung among its ladder's, and the twin: 0 for the rung's first bake."""

_Seeds = Mapping[RandomSource, int]
_MAX_NAMED = 8


def all_places(spec: LadderSpec) -> list[Place]:
    """Return every place in the order of baking: the first bakes of all rungs from the centre outwards, then their twins.

    So a ladder that ends early has told something about all of its rungs.
    """
    return [(rung, twin) for twin in range(spec.twins) for rung in outwards(spec)]


def plan_places(
    journal: Journal,
    workspace: Workspace,
    settings: Settings,
    spec: LadderSpec,
    places: Sequence[Place],
    rows: Sequence[LadderBakeRow] = (),
) -> tuple[tuple[BakeToQueue, ...], tuple[str, ...]]:
    """Return what each of some places is filled with, in their order, and what the user should know. Writes nothing.

    Args:
        journal, workspace: where the ladder is, or will be.
        settings: that its rungs start from, every path filled in.
        spec: the ladder.
        places: to be filled.
        rows: the bakes that the ladder has.

    Raises:
        LoraTuiError: the first rung to be filled that cannot be baked, by its name.
    """
    planner = RungPlanner(journal, workspace)
    of_rungs = settings_of_rungs(settings, spec)
    wanted = {rung for rung, _ in places}
    # All rungs are planned, also those that have their bakes: what is worth knowing is about the whole ladder.
    planned: dict[int, PlannedBake] = {}
    for at, (own_settings, each_rung) in enumerate(zip(of_rungs, spec.rungs, strict=True)):
        try:
            planned[at] = planner.plan(own_settings, each_rung)
        except LoraTuiError:
            # What has become of another rung's pictures since keeps none of these from being baked.
            if at in wanted:
                raise
    here = [row for row in rows if row.bake is not None and not row.cut]
    known = KnownBakes(journal, workspace, [row.bake for row in here if row.bake is not None])
    notes = list(notes_on(replace(spec, rungs=tuple(spec.rungs[at] for at in planned)), list(planned.values())))
    filled: dict[Place, BakeToQueue] = {}
    for rung in dict.fromkeys(rung for rung, _ in places):
        label = spec.rungs[rung].label
        own = [row.bake for row in here if row.rung == label and row.bake is not None]
        try:
            _check_same_ground(journal, planned[rung], [row.bake for row in here if row.bake is not None], known)
            found = known.of(planned[rung])
        except LoraTuiError as error:
            raise in_rung(spec.rungs[rung], error) from None
        there = [seeds for number in own if (seeds := _seeds_of_bake(journal, number)) is not None]
        twins = [twin for each, twin in places if each == rung]
        taken = _matched(found, planned[rung].settings, twins, there)
        notes += _notes_on_held(label, taken.values())
        for twin in twins:
            match = taken.get(twin)
            if match is not None:
                known.take(match.number)
                filled[rung, twin] = BakeToQueue(rung, twin, reused=match.number)
            else:
                filled[rung, twin] = BakeToQueue(rung, twin, planned=_as_twin(planned[rung], twin))
    bakes = tuple(filled[place] for place in places)
    return bakes, (*notes, *_notes_on_cost(workspace, spec, bakes))


def fill_places(
    journal: Journal, workspace: Workspace, row: LadderRow, ladder: LadderToQueue, *, engine: str, held: bool
) -> list[int]:
    """Queue the bakes of a ladder's places, note those that are taken, and return the numbers of the new ones.

    Args:
        journal, workspace: where the ladder is.
        row: its row.
        ladder: its places, planned.
        engine: key of the engine that is to run the bakes, "" for any.
        held: whether they wait to be released.

    Raises:
        DiskFull, WorkspaceError: as queue_bake; what was queued before stays, and the other places stand open.
    """
    labels = [rung.label for rung in ladder.spec.rungs]
    # A rung that was cut and comes back finds the bakes that this ladder made: they are no others' by that.
    made = {each.bake for each in journal.ladders.bakes_of(row.number) if each.bake is not None and not each.reused}

    def place_row(each: BakeToQueue, bake: int | None) -> LadderBakeRow:
        reused = each.reused is not None and each.reused not in made
        return LadderBakeRow(ladder=row.number, rung=labels[each.rung], twin=each.twin, bake=bake, reused=reused)

    # Those that are taken at once, and the others as open: whatever happens while they are queued, none is forgotten.
    journal.ladders.keep_bakes(place_row(each, each.reused) for each in ladder.bakes)
    first = {
        labels.index(each.rung): each.bake
        for each in journal.ladders.bakes_of(row.number)
        if each.twin == 0 and each.bake is not None and each.rung in labels
    }
    queued: list[int] = []
    try:
        for each in ladder.bakes:
            if each.planned is None:
                continue
            parent = first.get(each.rung) if each.twin else _parent_of_first(ladder, row, each.rung, first)
            bake = queue_bake(
                journal,
                workspace,
                each.planned,
                why=_why(row.number, ladder.spec, each),
                engine=engine,
                parent=parent,
                held=held,
            )
            journal.ladders.keep_bakes([place_row(each, bake.number)])
            queued.append(bake.number)
            if each.twin == 0:
                first[each.rung] = bake.number
    finally:
        write_ladder_toml(journal, workspace, row.number)
    return queued


def _parent_of_first(ladder: LadderToQueue, row: LadderRow, rung: int, first: Mapping[int, int]) -> int | None:
    """Return what a rung's first bake was changed from: the bake that the ladder is of, else the centre."""
    centre = ladder.spec.centre
    return row.of_bake if row.of_bake is not None or centre is None or rung == centre else first.get(centre)


def _why(number: int, spec: LadderSpec, place: BakeToQueue) -> str:
    rung = spec.rungs[place.rung]
    knob = f"{spec.knobs[0]} " if len(spec.knobs) == 1 else ""
    twin = f", twin {place.twin}" if place.twin else ""
    return printable(f"ladder {number}: {knob}{rung.label}{twin}", 200)


def _as_twin(planned: PlannedBake, twin: int) -> PlannedBake:
    """Return a rung's plan with the seeds of a twin: nothing else of it depends on them."""
    seeds = twin_seeds(planned.settings, twin)
    asked = None if planned.asked is None else planned.asked.model_copy(update=seeds)
    return replace(planned, settings=planned.settings.model_copy(update=seeds), asked=asked)


def _matched(
    found: Sequence[KnownBake], settings: Settings, twins: Sequence[int], there: Sequence[_Seeds]
) -> dict[int, KnownBake]:
    """Return which bakes of the journal stand at which twins of a rung.

    One that has the seeds of a twin stands there, where it is compared with the same twin of other rungs. Any other is taken for a
    place that is left, as long as it shares no seed with another of the rung: bakes that share one are not two draws of it.
    """
    seeds = {twin: seeds_of(settings.model_copy(update=twin_seeds(settings, twin))) for twin in range(MAX_TWINS)}
    left = [each for each in sorted(found, key=_done_first) if not any(_share(each.seeds, one) for one in there)]
    taken: dict[int, KnownBake] = {}
    for twin in twins:
        match = next((each for each in left if dict(each.seeds) == seeds[twin]), None)
        if match is not None:
            taken[twin] = match
            left.remove(match)
    for twin in twins:
        if twin in taken:
            continue
        others = [*(each.seeds for each in taken.values()), *(own for other, own in seeds.items() if other != twin)]
        match = next((each for each in left if not any(_share(each.seeds, one) for one in others)), None)
        if match is not None:
            taken[twin] = match
            left.remove(match)
    return taken


def _done_first(bake: KnownBake) -> tuple[bool, int]:
    return bake.waits, bake.number


def _share(one: _Seeds, other: _Seeds) -> bool:
    return any(other.get(source) == seed for source, seed in one.items())


def _seeds_of_bake(journal: Journal, number: int) -> dict[RandomSource, int] | None:
    bake = journal.bakes.find(number)
    try:
        return None if bake is None else seeds_of(settings_of(journal, bake))
    except LoraTuiError:
        return None


def _check_same_ground(journal: Journal, planned: PlannedBake, bakes: Iterable[int], known: KnownBakes) -> None:
    """See that what is added to a ladder stands on what its bakes stand on, where they ask for the same.

    Raises:
        DatasetError, ModelError: pictures or base were changed since.
    """
    for number in bakes:
        bake = journal.bakes.find(number)
        before = None if bake is None else bake_provenance(journal, number)
        if bake is None or before is None or before.manifest is None:
            continue
        try:
            settings = settings_of(journal, bake)
        except LoraTuiError:
            continue
        if same_data(settings, planned.as_asked) and _same_base(settings, planned.settings):
            check_same_models(before, planned.settings, models_now(planned.settings) or {})
            check_same_data(
                bake,
                before.manifest,
                known.manifest(planned),
                way_out="put them back, or start a new ladder: bakes on other pictures are no rungs of this one",
            )
            return


def _same_base(one: Settings, other: Settings) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("pretrained_model_name_or_path", "vae", "network_weights")
    )


def _notes_on_held(label: str, taken: Collection[KnownBake]) -> Iterator[str]:
    for each in taken:
        if each.held:
            yield (
                f"rung {printable(label, 40)}: bake {each.number} waits already and is held; "
                f"`lora-tui queue release {each.number}` lets it run"
            )


def _notes_on_cost(workspace: Workspace, spec: LadderSpec, bakes: Sequence[BakeToQueue]) -> Iterator[str]:
    unknown = dict.fromkeys(
        spec.rungs[each.rung].label for each in bakes if each.planned is not None and each.seconds is None
    )
    if unknown:
        names = [printable(label, 40) for label in unknown]
        more = f" and {plural(len(names) - _MAX_NAMED, 'other')}" if len(names) > _MAX_NAMED else ""
        rungs = "rung" if len(names) == 1 else "rungs"
        yield f"{rungs} {listed(names[:_MAX_NAMED])}{more}: no speed was measured with such settings, so their time is not known"
    needed = sum(each.planned.plan.total_disk_bytes or 0 for each in bakes if each.planned is not None)
    try:
        check_disk_space(needed, workspace.root)
    except DiskFull as error:
        yield error.line()


def rung_labels(rungs: Iterable[Rung]) -> str:
    """Return the names of rungs for a message."""
    return listed([printable(rung.label, 40) for rung in rungs])
