"""A study of optuna, made from the bakes of a search each time it is asked: it is kept nowhere else."""

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainer.errors import SettingsError
from trainer.search.record import KnobRange, SearchSpec, SearchState, SearchTrial, TrialEnd

if TYPE_CHECKING:
    import optuna

# Bakes that are drawn at random before the sampler has anything to go by, and that a bake is held against before it is stopped.
_FIRST = 5
_FIRST_PRUNED = 4


def check_installed() -> None:
    """See that optuna is there.

    Raises:
        SettingsError: it is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise SettingsError(
            "search",
            found="the package optuna is not installed",
            expected="the extra `search`",
            way_out="pip install 'lora-tui[search]'",
        )


def next_params(state: SearchState) -> dict[str, float | int | str]:
    """Return the values of the settings that the next bake tries.

    The same trials give the same values: the sampler's random numbers follow from the search's seed and how many there are.
    """
    study = _study(state)
    trial = study.ask({knob.name: _distribution(knob) for knob in state.spec.knobs})
    return dict(trial.params)


def is_behind(state: SearchState, running: SearchTrial) -> bool:
    """Return whether a running bake is worse at its last measured epoch than the median of the others at the same step."""
    if not running.by_step:
        return False
    study = _study(state, without=running.number)
    trial = study.ask({knob.name: _distribution(knob) for knob in state.spec.knobs})
    for step, value in sorted(running.by_step.items()):
        trial.report(value, step)
    return bool(trial.should_prune())


def _study(state: SearchState, without: int | None = None) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = state.spec
    seed = (spec.seed + 7919 * len(state.trials)) % 2**32
    study = optuna.create_study(
        direction="maximize" if spec.maximize else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=_FIRST),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_FIRST_PRUNED),
    )
    for trial in state.trials:
        if trial.number != without and (made := _frozen(spec, trial)) is not None:
            study.add_trial(made)
    return study


def _frozen(spec: SearchSpec, trial: SearchTrial) -> "optuna.trial.FrozenTrial | None":
    """Return a trial as optuna has it; None where it says nothing: it is open, or failed."""
    import optuna

    states = {TrialEnd.DONE: optuna.trial.TrialState.COMPLETE, TrialEnd.PRUNED: optuna.trial.TrialState.PRUNED}
    if trial.end not in states or not _inside(spec, trial.params):
        return None
    value = trial.value
    if trial.end is TrialEnd.DONE and value is None:
        return None
    return optuna.trial.create_trial(
        state=states[trial.end],
        value=value,
        params=dict(trial.params),
        distributions={knob.name: _distribution(knob) for knob in spec.knobs},
        intermediate_values=dict(trial.by_step),
    )


def _inside(spec: SearchSpec, params: Mapping[str, Any]) -> bool:
    """Return whether values lie in the ranges: those of a bake that somebody changed while it waited may not."""
    for knob in spec.knobs:
        value = params.get(knob.name)
        if knob.choices:
            if value not in knob.choices:
                return False
        elif (
            not isinstance(value, int | float)
            or knob.low is None
            or knob.high is None
            or not knob.low <= value <= knob.high
        ):
            return False
    return True


def _distribution(knob: KnobRange) -> "optuna.distributions.BaseDistribution":
    import optuna

    if knob.low is None or knob.high is None:
        return optuna.distributions.CategoricalDistribution(knob.choices)
    if knob.whole:
        return optuna.distributions.IntDistribution(int(knob.low), int(knob.high), log=knob.log)
    return optuna.distributions.FloatDistribution(knob.low, knob.high, log=knob.log)
