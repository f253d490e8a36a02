"""Ladders previewed, queued, extended, cut and continued."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from trainer.errors import LoraTuiError, SettingsError, WorkspaceError
from trainer.jobs.fork import resume
from trainer.jobs.moved_files import with_moved_files
from trainer.jobs.ran_here import check_ran_here
from trainer.jobs.same_content import bake_provenance
from trainer.journal.bake_settings import settings_of
from trainer.journal.bakes import ENDED
from trainer.journal.deciding_marks import deciding_marks
from trainer.journal.journal import Journal
from trainer.journal.ladder_folder import write_ladder_toml
from trainer.journal.ladder_records import LadderBakeRow, LadderRow
from trainer.journal.records import BakeState
from trainer.ladders.build import more_rungs, title_of
from trainer.ladders.files import spec_of_toml, spec_toml
from trainer.ladders.places import Place, all_places, fill_places, plan_places, rung_labels
from trainer.ladders.record import LadderSpec, Rung
from trainer.ladders.state import read_ladder, spec_of
from trainer.ladders.to_queue import ContinuedLadder, CutBakes, LadderToQueue
from trainer.plan.disk import check_disk_space
from trainer.settings.kept import kept_settings, kept_toml
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.text import printable
from trainer.workspace import Workspace, first_free_number


def settings_of_bake(journal: Journal, number: int) -> Settings:
    """Return the settings of a bake that a ladder is to start from, every file named where it is now.

    Raises:
        WorkspaceError: no bake has that number, it makes a grid, or its LoRA comes from elsewhere.
        ModelError: a file of weights is gone.
        SettingsError: another version wrote its settings.
    """
    bake = journal.bakes.read_bake(number)
    check_ran_here(bake)
    return with_moved_files(settings_of(journal, bake), bake_provenance(journal, number), journal.paths)


def newest_settings(journal: Journal) -> tuple[Settings, int | None] | None:
    """Return what a ladder starts from where nothing is named: the settings of the last bake that ran, and its number.

    Where that bake is a rung, the settings that its ladder started from, and the bake of these; None where nothing ever ran.

    Raises:
        LoraTuiError: as settings_of_bake.
    """
    last = journal.bakes.last_that_ran()
    if last is None:
        return None
    ladders = [row for number in journal.ladders.with_bake(last.number) if (row := journal.ladders.find(number))]
    reused = {row.ladder for row in _places_of(journal, last.number) if row.reused}
    if not ladders or ladders[-1].number in reused:
        return settings_of_bake(journal, last.number), last.number
    return _settings_of_ladder(journal, ladders[-1]), ladders[-1].of_bake


def preview_ladder(
    journal: Journal, workspace: Workspace, settings: Settings, spec: LadderSpec, *, of_bake: int | None = None
) -> LadderToQueue:
    """Return what `queue_ladder` would queue: every bake checked, and those that the journal has already. Writes nothing.

    Args:
        journal, workspace: where it will be.
        settings: that the rungs start from; blank paths come from the subject, relative ones count from the workspace's folder.
        spec: the ladder.
        of_bake: the bake whose settings these are.

    Raises:
        LoraTuiError: the first rung that cannot be baked, by its name.
    """
    settings = resolve(settings, workspace.root / "settings.toml")
    _check_kept(spec)
    bakes, notes = plan_places(journal, workspace, settings, spec, all_places(spec))
    return LadderToQueue(spec, settings, bakes, (*_notes_on_start(journal, of_bake), *notes), of_bake)


def queue_ladder(
    journal: Journal, workspace: Workspace, ladder: LadderToQueue, *, engine: str, held: bool = False
) -> int:
    """Queue a ladder and return its number.

    Args:
        journal, workspace: where it will be.
        ladder: from preview_ladder.
        engine: key of the engine that is to run it, "" for any.
        held: whether its bakes wait to be released.

    Raises:
        DiskFull: the disk has no space for all of it; nothing is written.
        WorkspaceError: the journal or a folder cannot be written; what was queued before stays, and `continue` adds the rest.
    """
    check_disk_space(ladder.disk_bytes, workspace.root)
    row = journal.ladders.add(
        title=ladder.spec.title,
        spec_toml=spec_toml(ladder.spec),
        settings_toml=kept_toml(ladder.settings, journal.paths),
        of_bake=ladder.of_bake,
        least_number=first_free_number(workspace.ladders),
    )
    fill_places(journal, workspace, row, ladder, engine=engine, held=held)
    return row.number


def preview_extension(
    journal: Journal, workspace: Workspace, number: int, *, rungs: Sequence[str] = (), twins: int | None = None
) -> LadderToQueue:
    """Return what `extend_ladder` would queue. Writes nothing.

    Args:
        journal, workspace: where the ladder is.
        number: of it.
        rungs: more rungs, as typed; one that was cut comes back.
        twins: bakes of each rung in all; None for as many as it has.

    Raises:
        WorkspaceError: no ladder has that number, or nothing would be added.
        LoraTuiError: a rung that cannot be baked, by its name; pictures or base that are not those that the ladder's bakes stand on.
    """
    row = read_ladder(journal, number)
    spec = spec_of(row)
    settings = _settings_of_ladder(journal, row)
    rows = journal.ladders.bakes_of(number)
    left_out = _cut_labels(spec, rows)
    back = {rung.label for text in rungs if (rung := rung_named(spec, text)) is not None} & left_out
    new = [text for text in rungs if (rung := rung_named(spec, text)) is None or rung.label not in left_out]
    longer = more_rungs(settings, spec, new) if new else spec
    longer = replace(longer, twins=spec.twins if twins is None else twins)
    if longer == spec and not back:
        raise WorkspaceError(
            f"ladder {number}",
            found="nothing would be added",
            expected="more rungs, or more twins than it has",
            way_out=f"it has {rung_labels(spec.rungs)}, with twins = {spec.twins}; `lora-tui ladder continue {number}` bakes what is missing",
        )
    if longer.twins < spec.twins:
        raise SettingsError(
            "--twins",
            found=str(longer.twins),
            expected=f"at least the {spec.twins} that ladder {number} has",
            way_out="leave it out",
        )
    if spec.title == title_of(spec.knobs, spec.rungs):
        longer = replace(longer, title=title_of(longer.knobs, longer.rungs))
    # A place that was open before is left to `continue`.
    had = {rung.label for rung in spec.rungs} - back
    places = [
        (rung, twin)
        for rung, twin in all_places(longer)
        if (label := longer.rungs[rung].label) not in had or (twin >= spec.twins and label not in left_out)
    ]
    return _added(journal, workspace, row, longer, settings, _open(longer, rows, places))


def extend_ladder(
    journal: Journal, workspace: Workspace, ladder: LadderToQueue, *, engine: str, held: bool = False
) -> int:
    """Queue what is added to a ladder, and return its number.

    Args:
        journal, workspace: where it is.
        ladder: from preview_extension.
        engine, held: as in queue_ladder.

    Raises:
        DiskFull, WorkspaceError: as queue_ladder.
    """
    assert ladder.number is not None
    check_disk_space(ladder.disk_bytes, workspace.root)
    row = read_ladder(journal, ladder.number)
    journal.ladders.change(row.number, title=ladder.spec.title, spec_toml=spec_toml(ladder.spec))
    fill_places(journal, workspace, row, ladder, engine=engine, held=held)
    return row.number


def cut_ladder(journal: Journal, workspace: Workspace, number: int, rungs: Collection[str]) -> CutBakes:
    """Take rungs out of a ladder: bakes that wait for it alone are withdrawn, those that run or ended stay in the journal.

    Args:
        journal, workspace: where it is.
        number: of it.
        rungs: names of rungs as the ladder has them, or as they were typed.

    Raises:
        WorkspaceError: no ladder has that number, or it has no such rung.
    """
    spec = spec_of(read_ladder(journal, number))
    labels = dict.fromkeys(_rung_of(number, spec, text).label for text in rungs)
    rows = {(each.rung, each.twin): each for each in journal.ladders.bakes_of(number)}
    for label in labels:
        for twin in range(spec.twins):
            rows.setdefault((label, twin), LadderBakeRow(ladder=number, rung=label, twin=twin))
    cut = [replace(each, cut=True) for each in rows.values() if each.rung in labels and not each.cut]
    journal.ladders.keep_bakes(cut)
    withdrawn: list[int] = []
    running: list[int] = []
    kept: list[int] = []
    for place in cut:
        bake = journal.bakes.find(place.bake) if place.bake is not None else None
        if bake is None:
            continue
        if bake.state is BakeState.QUEUED and not place.reused and not _wanted(journal, bake.number):
            # An engine may take it in this moment.
            (withdrawn if _withdraw(journal, bake.number) else running).append(bake.number)
        else:
            (running if bake.state.live else kept).append(bake.number)
    write_ladder_toml(journal, workspace, number)
    return CutBakes(tuple(withdrawn), tuple(running), tuple(kept))


def continue_ladder(
    journal: Journal, workspace: Workspace, number: int, *, engine: str, held: bool = False
) -> ContinuedLadder:
    """Queue again what failed, was lost, stopped, parked or withdrawn, resumed from its state where there is one, and fill open places.

    One that cannot be continued does not keep the others from it: the notes say why.

    Args:
        journal, workspace: where it is.
        number: of it.
        engine, held: as in queue_ladder.

    Raises:
        WorkspaceError: no ladder has that number, or the journal cannot be written.
        DiskFull: the disk has no space for what is missing.
    """
    row = read_ladder(journal, number)
    spec = spec_of(row)
    notes: list[str] = []
    rows = journal.ladders.bakes_of(number)
    resumed = _resume_ended(journal, spec, rows, engine, held, notes)
    left_out = _cut_labels(spec, rows)
    missing = _open(spec, rows, [place for place in all_places(spec) if spec.rungs[place[0]].label not in left_out])
    if not missing:
        return ContinuedLadder(resumed=tuple(resumed), notes=tuple(notes))
    ladders, refused = _plan_missing(journal, workspace, row, spec, missing)
    if refused and not ladders and not resumed:
        raise refused[0]
    check_disk_space(sum(ladder.disk_bytes for ladder in ladders), workspace.root)
    queued = [
        number
        for ladder in ladders
        for number in fill_places(journal, workspace, row, ladder, engine=engine, held=held)
    ]
    reused = tuple(each.reused for ladder in ladders for each in ladder.bakes if each.reused is not None)
    return ContinuedLadder(tuple(queued), tuple(resumed), reused, (*notes, *(error.line() for error in refused)))


def _check_kept(spec: LadderSpec) -> None:
    """See that a ladder can be kept as it is written down, whoever made it.

    Raises:
        SettingsError: it cannot be read back, such as a name that is too long.
    """
    spec_of_toml(spec_toml(spec), "the ladder")


def hold_ladder(journal: Journal, number: int, held: bool) -> tuple[int, ...]:
    """Hold the waiting bakes of a ladder back, or release them; return the numbers of those that were not held, or released, before.

    Raises:
        WorkspaceError: no ladder has that number, or the journal cannot be written.
    """
    read_ladder(journal, number)
    changed = []
    for bake in dict.fromkeys(row.bake for row in journal.ladders.bakes_of(number) if not row.cut):
        row = journal.bakes.find(bake) if bake is not None else None
        if row is not None and row.state is BakeState.QUEUED and row.held is not held:
            # An engine may take it in this moment.
            with suppress(WorkspaceError):
                journal.queue.set_held(row.number, held)
                changed.append(row.number)
    return tuple(sorted(changed))


def rung_named(spec: LadderSpec, text: str) -> Rung | None:
    """Return the rung of that name, which may be typed as on a keyboard: `10`, `x10`, `=1e-4`; None where there is none."""
    typed = text.strip()
    names = {typed, f"×{typed.lstrip('x*')}", typed.removeprefix("=")}
    return next((rung for rung in spec.rungs if rung.label in names or (typed == "1" and rung.is_centre)), None)


def _rung_of(number: int, spec: LadderSpec, text: str) -> Rung:
    rung = rung_named(spec, text)
    if rung is None:
        raise WorkspaceError(
            f"ladder {number}",
            found=f"no rung {printable(text, 60)}",
            expected=f"one of {rung_labels(spec.rungs)}",
            way_out=f"`lora-tui ladder show {number}` lists them",
        )
    return rung


def _notes_on_start(journal: Journal, of_bake: int | None) -> Iterator[str]:
    """Yield in what a bake differs from a rung with its settings."""
    bake = journal.bakes.find(of_bake) if of_bake is not None else None
    if bake is None:
        return
    if bake.starts_from:
        yield f"bake {bake.number} started from the state of another bake; the rungs start afresh"
    if next(deciding_marks(journal.results.marks(bake.number)), None) is not None:
        yield f"bake {bake.number} was changed while it ran; the rungs start from its settings as they were set"


def _settings_of_ladder(journal: Journal, row: LadderRow) -> Settings:
    """Return the settings that a ladder starts from, every file named where it is now.

    Raises:
        SettingsError: another version wrote them, or they are damaged.
        ModelError: a file of weights is gone.
    """
    settings = kept_settings(row.settings_toml, f"ladder {row.number}", journal.paths)
    for each in journal.ladders.bakes_of(row.number):
        if each.bake is None or journal.bakes.find(each.bake) is None:
            continue
        before = bake_provenance(journal, each.bake)
        if before.manifest is not None:
            return with_moved_files(settings, before, journal.paths)
    return settings


def _cut_labels(spec: LadderSpec, rows: Sequence[LadderBakeRow]) -> set[str]:
    """Return the names of the rungs that were taken out."""
    own = {rung.label: [row.cut for row in rows if row.rung == rung.label] for rung in spec.rungs}
    return {label for label, cut in own.items() if cut and all(cut)}


def _open(spec: LadderSpec, rows: Sequence[LadderBakeRow], places: Sequence[Place]) -> list[Place]:
    """Return those of some places that have no bake."""
    filled = {(row.rung, row.twin) for row in rows if row.bake is not None and not row.cut}
    return [(rung, twin) for rung, twin in places if (spec.rungs[rung].label, twin) not in filled]


def _added(
    journal: Journal,
    workspace: Workspace,
    row: LadderRow,
    spec: LadderSpec,
    settings: Settings,
    places: Sequence[Place],
) -> LadderToQueue:
    _check_kept(spec)
    bakes, notes = plan_places(journal, workspace, settings, spec, places, journal.ladders.bakes_of(row.number))
    return LadderToQueue(spec, settings, bakes, notes, row.of_bake, row.number)


def _plan_missing(
    journal: Journal, workspace: Workspace, row: LadderRow, spec: LadderSpec, missing: Sequence[Place]
) -> tuple[list[LadderToQueue], list[LoraTuiError]]:
    """Return what fills the open places of a ladder, and why others cannot be filled: one rung keeps no other from being baked."""
    settings = _settings_of_ladder(journal, row)
    try:
        return [_added(journal, workspace, row, spec, settings, missing)], []
    except LoraTuiError as error:
        first = error
    ladders: list[LadderToQueue] = []
    refused: list[LoraTuiError] = []
    for rung in dict.fromkeys(rung for rung, _ in missing):
        own = [place for place in missing if place[0] == rung]
        try:
            ladders.append(_added(journal, workspace, row, spec, settings, own))
        except LoraTuiError as error:
            refused.append(error)
    return ladders, refused or [first]


def _resume_ended(
    journal: Journal, spec: LadderSpec, rows: Sequence[LadderBakeRow], engine: str, held: bool, notes: list[str]
) -> list[int]:
    """Queue again the bakes of a ladder that ended before their last step, and return their numbers in the order of baking."""
    by_place = {(row.rung, row.twin): row.bake for row in rows if not row.cut}
    in_order = [by_place.get((spec.rungs[rung].label, twin)) for rung, twin in all_places(spec)]
    resumed: list[int] = []
    # Each goes to the front of the queue: the one that is to be baked first comes last.
    for number in reversed(list(dict.fromkeys(number for number in in_order if number is not None))):
        bake = journal.bakes.find(number)
        if bake is None or bake.state is BakeState.DONE or bake.state not in (BakeState.PARKED, *ENDED):
            continue
        try:
            resume(journal, number, engine)
        except LoraTuiError as error:
            notes.append(f"bake {number} cannot be continued: {error.line()}")
            continue
        if held:
            journal.queue.set_held(number, True)
        resumed.append(number)
    return resumed[::-1]


def _places_of(journal: Journal, bake: int) -> list[LadderBakeRow]:
    """Return the places at which a bake stands, of all ladders."""
    rows = [row for ladder in journal.ladders.with_bake(bake) for row in journal.ladders.bakes_of(ladder)]
    return [row for row in rows if row.bake == bake]


def _wanted(journal: Journal, bake: int) -> bool:
    """Return whether a ladder has a place for a bake in which it was not cut."""
    return any(not row.cut for row in _places_of(journal, bake))


def _withdraw(journal: Journal, number: int) -> bool:
    """Remove a bake from the queue, and return whether it still waited."""
    try:
        journal.queue.remove(number)
    except WorkspaceError:
        return False
    return True
