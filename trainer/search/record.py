"""Records of a search: what is looked for, over which settings, how long, and the bakes that it tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trainer.journal.records import BakeState
from trainer.noise_floor.values import ValueKey

ROUGH = "rough: one bake a point, and two bakes that differ in random numbers alone may differ as much; a ladder around it would tell"
"""What is said wherever a search shows a result."""


@dataclass(frozen=True)
class KnobRange:
    """The values of one setting that are tried.

    Attributes:
        name: of the setting.
        low, high: ends of a range of numbers; None where `choices` are named.
        log: whether equal factors are equally likely.
        whole: whether the setting takes whole numbers alone.
        choices: the values, as they are typed.
    """

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SearchSpec:
    """What a search looks for.

    Attributes:
        measure: key of the measure.
        part: the part that it is of, "" for the whole LoRA.
        maximize: whether the largest value is looked for; else the smallest.
        knobs: the settings that are varied.
        bakes: most bakes; None where the time decides.
        seconds: time after which no other bake is started; None where their number decides.
        prune: whether a bake that is behind the others at the same epoch is stopped.
        seed: of the choice of values.
    """

    measure: str
    maximize: bool
    knobs: tuple[KnobRange, ...]
    part: str = ""
    bakes: int | None = None
    seconds: float | None = None
    prune: bool = False
    seed: int = 0

    @property
    def key(self) -> ValueKey:
        """The value that is compared."""
        return ValueKey(self.measure, self.part)


class TrialEnd(StrEnum):
    """How a trial stands."""

    OPEN = "open"
    """It waits, runs, or was interrupted: it is continued."""
    DONE = "done"
    PRUNED = "pruned"
    """It was stopped because it was behind; its state is kept."""
    FAILED = "failed"
    """It failed, was withdrawn, or has no value of the measure."""


@dataclass(frozen=True, kw_only=True)
class SearchTrial:
    """One bake of a search.

    Attributes:
        number: of the trial, from 0.
        bake: number of its bake.
        state: of its bake.
        end: how it stands.
        params: setting -> value; numbers, or for choices the text as it was typed.
        value: of the measure at its last epoch, None without one.
        by_step: step -> value of each epoch that was measured.
    """

    number: int
    bake: int
    state: BakeState
    end: TrialEnd
    params: Mapping[str, float | int | str]
    value: float | None = None
    by_step: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SearchState:
    """A search as it stands.

    Attributes:
        number: in the journal.
        spec: what it looks for.
        trials: in their order.
        created: epoch seconds.
        spent: seconds that its bakes took.
    """

    number: int
    spec: SearchSpec
    trials: tuple[SearchTrial, ...] = ()
    created: float = 0.0
    spent: float = 0.0

    @property
    def ranked(self) -> tuple[SearchTrial, ...]:
        """The trials with a value that were not pruned, the best first."""
        done = [trial for trial in self.trials if trial.end is TrialEnd.DONE and trial.value is not None]
        return tuple(
            sorted(done, key=lambda trial: -(trial.value or 0.0) if self.spec.maximize else (trial.value or 0.0))
        )

    @property
    def is_over(self) -> bool:
        """Whether its budget is used up, and nothing of it is open."""
        if any(trial.end is TrialEnd.OPEN for trial in self.trials):
            return False
        by_bakes = self.spec.bakes is not None and len(self.trials) >= self.spec.bakes
        return by_bakes or (self.spec.seconds is not None and self.spent >= self.spec.seconds)
