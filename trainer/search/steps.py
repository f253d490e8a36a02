"""The steps of a search: it is started, its next bake is queued or an interrupted one continued, and one that is behind is stopped."""

from dataclasses import replace

from trainer.errors import SettingsError, WorkspaceError
from trainer.jobs.bakes import check, measured_speed, queue_bake
from trainer.jobs.fork import resume
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Order
from trainer.journal.search_records import SearchBakeRow
from trainer.measures.registry import MEASURES
from trainer.search.record import ROUGH, SearchSpec, SearchState, TrialEnd
from trainer.search.state import is_interrupted, read_trial, search_state, spec_json
from trainer.search.study import check_installed, is_behind, next_params
from trainer.search.typed import override
from trainer.settings.kept import kept_settings, kept_toml
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import apply_overrides
from trainer.workspace import Workspace

MOST_FAILED = 3
"""So many failed bakes one after the other end a search: whatever is wrong, the next one would fail too."""


def start_search(
    journal: Journal, workspace: Workspace, settings: Settings, spec: SearchSpec, *, of_bake: int | None = None
) -> int:
    """Note a search and return its number; nothing is queued yet.

    Args:
        journal, workspace: where its bakes will be.
        settings: that they start from; blank paths come from the subject.
        spec: what it looks for.
        of_bake: the bake whose settings these are.

    Raises:
        SettingsError: optuna is not installed, or nothing would measure the objective.
        LoraTuiError: the settings cannot be baked.
    """
    check_installed()
    started = with_measure(resolve(settings, workspace.root / "settings.toml"), spec)
    check(started, workspace.root / "settings.toml")
    row = journal.searches.add(spec=spec_json(spec), settings_toml=kept_toml(started, journal.paths), of_bake=of_bake)
    return row.number


def with_measure(settings: Settings, spec: SearchSpec) -> Settings:
    """Return settings that measure the objective.

    Raises:
        SettingsError: it is measured on held-out pictures, and none are held out.
    """
    record = MEASURES[spec.measure]
    if (record.of_held_out or record.key.startswith("validation")) and not settings.validates:
        raise SettingsError(
            f"--objective {spec.measure}",
            found="no pictures are held out",
            expected="held-out pictures, on which it is measured",
            way_out="set validation_split or validation_data_dir",
        )
    if record.setting and not getattr(settings, record.setting):
        return apply_overrides(settings, [f"{record.setting}=true"])
    return settings


def queue_next(journal: Journal, workspace: Workspace, number: int, *, engine: str) -> Bake | None:
    """Queue the next bake of a search, or one of it that was interrupted, and return it; None where it is over.

    Args:
        journal, workspace: where it is.
        number: of the search.
        engine: key of the engine that is to run it.

    Raises:
        SettingsError: optuna is not installed, or its settings cannot be read.
        WorkspaceError: there is no such search, or its last bakes all failed.
        LoraTuiError: the bake cannot be queued.
    """
    check_installed()
    state = search_state(journal, number)
    for trial in state.trials:
        if is_interrupted(trial):
            return resume(journal, trial.bake, engine)
        if trial.end is TrialEnd.OPEN:
            bake = journal.bakes.read(trial.bake)
            if bake.state is BakeState.QUEUED:
                journal.queue.take_over([bake.number], engine)
            return journal.bakes.read(bake.number)
    if state.is_over:
        return None
    _check_failed(state)
    row = journal.searches.find(number)
    assert row is not None
    settings = kept_settings(row.settings_toml, f"search {number}", journal.paths)
    whole = {knob.name: knob.whole for knob in state.spec.knobs}
    texts = [override(name, value, whole=whole[name]) for name, value in next_params(state).items()]
    changed = apply_overrides(settings, texts)
    ready = check(changed, workspace.root / "settings.toml", measured_speed(journal, changed))
    trial_number = len(state.trials)
    why = f"search {number}, bake {trial_number + 1}: {', '.join(texts)} ({ROUGH.partition(':')[0]})"
    bake = queue_bake(journal, workspace, ready, why=why, engine=engine, parent=row.of_bake)
    journal.searches.keep_bake(SearchBakeRow(search=number, trial=trial_number, bake=bake.number))
    return bake


def prune(journal: Journal, number: int, bake: int) -> bool:
    """Stop a running bake of a search that is behind the others at the same step, and return whether it was; its state is kept.

    Raises:
        WorkspaceError: there is no such search.
    """
    state = search_state(journal, number)
    row = next((each for each in journal.searches.bakes_of(number) if each.bake == bake), None)
    if row is None or row.pruned or not state.spec.prune:
        return False
    running = read_trial(journal, state.spec, row)
    if running.state is not BakeState.BAKING or not is_behind(state, running):
        return False
    journal.searches.keep_bake(replace(row, pruned=True))
    journal.orders.give(bake, Order.STOP)
    return True


def _check_failed(state: SearchState) -> None:
    last = state.trials[-MOST_FAILED:]
    if len(last) == MOST_FAILED and all(trial.end is TrialEnd.FAILED for trial in last):
        bakes = ", ".join(str(trial.bake) for trial in last)
        raise WorkspaceError(
            f"search {state.number}",
            found=f"bakes {bakes} failed one after the other",
            expected="bakes that end",
            way_out=f"`lora-tui show {last[-1].bake}` says why",
        )
