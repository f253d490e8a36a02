"""A search made from its bakes alone: the study is rebuilt each time, pruned bakes keep their states, and a killed one continues."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from made_twins import EPOCH, add_bake

from trainer.errors import SettingsError, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState, Order
from trainer.journal.search_records import SearchBakeRow
from trainer.measures.of_weights import DELTA_SHARE
from trainer.search import steps
from trainer.search.record import KnobRange, SearchSpec, SearchState, SearchTrial, TrialEnd
from trainer.search.state import is_interrupted, search_state, search_states, spec_json
from trainer.search.study import check_installed, is_behind, next_params
from trainer.workspace import Workspace, make_workspace

KNOB = KnobRange("unet_lr", 1e-5, 1e-3, log=True)
SPEC = SearchSpec(measure=DELTA_SHARE.key, part="unet", maximize=False, knobs=(KNOB,), bakes=8, prune=True)


def trial(
    number: int, rate: float, value: float | None, end: TrialEnd = TrialEnd.DONE, **by_step: float
) -> SearchTrial:
    steps_of = {int(step.removeprefix("s")): each for step, each in by_step.items()}
    return SearchTrial(
        number=number,
        bake=number + 1,
        state=BakeState.DONE,
        end=end,
        params={"unet_lr": rate},
        value=value,
        by_step=steps_of,
    )


def state(*trials: SearchTrial, spec: SearchSpec = SPEC) -> SearchState:
    return SearchState(number=1, spec=spec, trials=trials)


def test_the_next_values_lie_in_the_range_and_follow_from_the_bakes_alone() -> None:
    done = tuple(trial(place, 10 ** -(3 + place / 4), place / 10) for place in range(7))
    first = next_params(state(*done))
    assert first == next_params(state(*done))
    assert 1e-5 <= first["unet_lr"] <= 1e-3
    assert first != next_params(state(*done[:6]))
    dims = SearchSpec(
        measure="x",
        maximize=True,
        knobs=(KnobRange("network_dim", 4, 64, whole=True), KnobRange("lr_scheduler", choices=("cosine", "linear"))),
        bakes=3,
    )
    params = next_params(state(spec=dims))
    assert isinstance(params["network_dim"], int) and params["lr_scheduler"] in ("cosine", "linear")


def test_a_search_goes_to_where_the_objective_is_best() -> None:
    from math import log10

    def objective(rate: float) -> float:
        return (log10(rate) + 4) ** 2

    trials: list[SearchTrial] = []
    for number in range(24):
        rate = float(next_params(state(*trials))["unet_lr"])
        trials.append(trial(number, rate, objective(rate)))
    assert objective(float(state(*trials).ranked[0].params["unet_lr"])) < 0.02
    worst = state(*trials, spec=replace(SPEC, maximize=True)).ranked[0]
    assert worst.value == max(each.value for each in trials if each.value is not None)


def test_a_bake_that_is_behind_the_median_at_the_same_step_is_pruned() -> None:
    done = tuple(trial(place, 1e-4, 0.1, s10=0.2 + place / 100, s20=0.1) for place in range(5))
    assert is_behind(state(*done), trial(5, 1e-4, 0.9, TrialEnd.OPEN, s10=0.9))
    assert not is_behind(state(*done), trial(5, 1e-4, 0.1, TrialEnd.OPEN, s10=0.1))
    assert not is_behind(state(*done), trial(5, 1e-4, None, TrialEnd.OPEN))
    assert not is_behind(state(*done[:2]), trial(2, 1e-4, 0.9, TrialEnd.OPEN, s10=0.9))


def test_what_somebody_changed_out_of_the_range_says_nothing() -> None:
    odd = trial(0, 0.5, 0.0)
    assert 1e-5 <= next_params(state(odd))["unet_lr"] <= 1e-3


def test_without_optuna_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "optuna" else found(name))
    with pytest.raises(
        SettingsError, match=r"optuna is not installed; expected the extra `search`; pip install 'lora-tui\[search\]'"
    ):
        check_installed()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "ws")


def add_trial(
    journal: Journal, number: int, place: int, value: float | None, end: BakeState = BakeState.DONE, **settings: object
) -> int:
    bake = add_bake(journal, {} if value is None else {DELTA_SHARE.key: value}, **settings)
    journal.bakes.set_state(bake, end)
    journal.searches.keep_bake(SearchBakeRow(search=number, trial=place, bake=bake))
    return bake


def test_a_search_is_read_from_its_bakes(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        journal.searches.add(spec=spec_json(SPEC), settings_toml="")
        add_trial(journal, 1, 0, 0.3, unet_lr=2e-4)
        add_trial(journal, 1, 1, 0.1, unet_lr=5e-5)
        add_trial(journal, 1, 2, None, unet_lr=1e-4)
        lost = add_trial(journal, 1, 3, None, BakeState.LOST, unet_lr=1e-5)
        pruned = add_trial(journal, 1, 4, 0.9, BakeState.STOPPED, unet_lr=9e-4)
        journal.searches.keep_bake(SearchBakeRow(search=1, trial=4, bake=pruned, pruned=True))
        add_trial(journal, 1, 5, None, BakeState.FAILED, unet_lr=9e-4)
        found = search_state(journal, 1)
    assert found.spec == SPEC
    assert [each.end.name for each in found.trials] == ["DONE", "DONE", "FAILED", "OPEN", "PRUNED", "FAILED"]
    assert [each.params["unet_lr"] for each in found.trials[:2]] == [2e-4, 5e-5]
    assert found.trials[0].by_step == {EPOCH: 0.3, 2 * EPOCH: 0.3}
    assert [each.bake for each in found.ranked] == [2, 1]
    assert [each.bake for each in found.trials if is_interrupted(each)] == [lost]
    assert not found.is_over
    assert replace(found, trials=found.trials[:3], spec=replace(SPEC, bakes=3)).is_over
    assert replace(found, trials=found.trials[:1], spec=replace(SPEC, bakes=None, seconds=10.0), spent=11.0).is_over


def test_what_is_not_there_or_damaged_is_named(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        with pytest.raises(WorkspaceError, match="search 4: not in this journal; expected a search"):
            search_state(journal, 4)
        journal.searches.add(spec="{}", settings_toml="")
        with pytest.raises(WorkspaceError, match="search 1: its spec is damaged: measure is missing"):
            search_state(journal, 1)
        assert search_states(journal) == []


def test_a_bake_that_is_behind_is_stopped_once_and_marked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "is_behind", lambda state, running: running.by_step.get(EPOCH, 0) > 0.5)
    with Journal(workspace.journal_path) as journal:
        journal.searches.add(spec=spec_json(SPEC), settings_toml="")
        bake = add_trial(journal, 1, 0, None, BakeState.BAKING)
        assert not steps.prune(journal, 1, bake)
        journal.measures.add(bake, [MeasuredValue(step=EPOCH, name=DELTA_SHARE.key, part="unet", value=0.9)])
        assert steps.prune(journal, 1, bake)
        assert [order.order for order in journal.orders.pending(bake)] == [Order.STOP]
        assert not steps.prune(journal, 1, bake)
        assert search_state(journal, 1).trials[0].end is TrialEnd.OPEN
        journal.bakes.set_state(bake, BakeState.STOPPED)
        found = search_state(journal, 1).trials[0]
    assert found.end is TrialEnd.PRUNED and not is_interrupted(found)


def test_an_interrupted_bake_is_resumed_before_another_is_queued(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[int] = []
    monkeypatch.setattr(
        steps, "resume", lambda journal, number, engine: resumed.append(number) or journal.bakes.read(number)
    )
    with Journal(workspace.journal_path) as journal:
        journal.searches.add(spec=spec_json(SPEC), settings_toml="")
        lost = add_trial(journal, 1, 0, None, BakeState.LOST)
        bake = steps.queue_next(journal, workspace, 1, engine="e")
    assert resumed == [lost] and bake is not None and bake.number == lost


def test_bakes_that_all_fail_end_a_search(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        journal.searches.add(spec=spec_json(SPEC), settings_toml="")
        for place in range(3):
            add_trial(journal, 1, place, None, BakeState.FAILED)
        with pytest.raises(WorkspaceError, match="bakes 1, 2, 3 failed one after the other"):
            steps.queue_next(journal, workspace, 1, engine="e")
