"""Search for the fastest settings that fit: estimates choose the candidates, and what is proposed has been predicted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trainer.errors import LoraTuiError
from trainer.memory.estimates import Estimate, Estimates, seconds_of
from trainer.memory.fit_result import FitResult, LeverEffect, Proposal, Rejected
from trainer.memory.hints import hints_for, notes_for
from trainer.memory.levers import (
    Lever,
    MemoryChoice,
    changes_between,
    changes_result,
    choice_text,
    configurations,
    fastest_exact,
    levers_changed,
    may_swap,
    single_levers,
)
from trainer.memory.peak import MemoryPrediction
from trainer.memory.report import bytes_text
from trainer.memory.request import MemoryRequest
from trainer.settings.model import Settings

Predict = Callable[[MemoryRequest], MemoryPrediction]

_MAX_REJECTED = 10
# A smaller estimated speed-up is not worth seconds of prediction.
_MIN_SPEEDUP = 0.005
# Estimates are off by about as much.
_ESTIMATE_MARGIN = 1.02
# Predictions with exact levers alone, and with all.
_MAX_EXACT_PREDICTIONS, _MAX_PREDICTIONS = 6, 10


def fit(
    request: MemoryRequest, predict: Predict, limit: int, on_prediction: Callable[[str], Any] = lambda words: None
) -> FitResult:
    """Return the fastest settings that fit, over the levers of `trainer.memory.levers`.

    Levers that change the result are used only where nothing exact fits. The batch as the optimizer sees it, rank, resolution and
    everything that is learned stay as they are.

    Args:
        request: with the settings in question.
        predict: makes a prediction, which takes seconds.
        limit: bytes a bake may take.
        on_prediction: called before each prediction with the choice in words.

    Raises:
        LoraTuiError: nothing can be predicted of the settings in question.
    """
    return _Search(request, predict, limit, on_prediction).run()


class _Search:
    """The predictions made so far, and estimates of the others from them."""

    def __init__(
        self, request: MemoryRequest, predict: Predict, limit: int, on_prediction: Callable[[str], Any]
    ) -> None:
        self._request, self._predict, self._limit, self._on_prediction = request, predict, limit, on_prediction
        self._current, self._start = MemoryChoice.of(request), fastest_exact(request)
        self._tried: dict[MemoryChoice, MemoryPrediction] = {}
        self._failed: dict[MemoryChoice, str] = {}
        self._estimates: Estimates

    def run(self) -> FitResult:
        current, start = self._current, self._start
        self._tried[current] = self._predicted(current)
        if current != start:
            self._tried[start] = self._predicted(start)
        start = self._start = self._with_lean_caching(start)
        self._estimates = Estimates(self._request, start, self._tried[start])
        if current != start:
            self._estimates.learn(current, self._tried[current])
        self._predict_fastest(_MAX_EXACT_PREDICTIONS, exact=True)
        if self._best() is None:
            self._predict_fastest(_MAX_PREDICTIONS, exact=False)
        return self._result()

    def _with_lean_caching(self, start: MemoryChoice) -> MemoryChoice:
        """Return the choice with one picture at once for the VAE where caching alone needs too much memory; this slows no step."""
        prediction = self._tried[start]
        cache = prediction.of("cache")
        # The allocator's gaps are known at the highest peak alone; elsewhere they are judged.
        gaps = _ESTIMATE_MARGIN * prediction.reserved / prediction.peak.bytes
        if start.caching == 1 or cache is None or cache.bytes * gaps <= self._limit:
            return start
        lean = replace(start, caching=1)
        self._tried[lean] = self._predicted(lean)
        return lean

    def _predict_fastest(self, most: int, *, exact: bool) -> None:
        """Predict choices, the fastest first, as long as one may be faster than the best and is judged to fit."""
        asked_leanest = False
        while True:
            best = self._best()
            bar = float("inf") if best is None else self._known(best).seconds * (1 - _MIN_SPEEDUP)
            judged = {choice: self._estimates.of(choice) for choice in self._candidates(exact=exact)}
            open_ones = [choice for choice in judged if self._is_worth_predicting(choice, judged[choice], bar)]
            if open_ones and len(self._tried) < most:
                self._learn(min(open_ones, key=lambda choice: self._order(choice, judged[choice])))
                continue
            # By the estimates nothing fits; that is not reported before the leanest choice of all was predicted.
            leanest = min(judged, key=lambda choice: judged[choice].bytes)
            if best is not None or asked_leanest or not self._is_new(leanest):
                return
            asked_leanest = True
            self._learn(leanest)

    def _is_worth_predicting(self, choice: MemoryChoice, estimate: Estimate, bar: float) -> bool:
        """Return whether a choice without a prediction may fit in less than `bar` seconds."""
        # Blocks are chosen for the limit as it is; a choice that is all or nothing gets the benefit of the doubt.
        limit = self._limit if choice.checkpointed or choice.swapped else self._limit * _ESTIMATE_MARGIN
        return self._is_new(choice) and estimate.bytes <= limit and estimate.seconds < bar

    def _candidates(self, *, exact: bool) -> list[MemoryChoice]:
        """Return all choices: each combination of the other levers with no, some and all blocks checkpointed, and some swapped beside."""
        found: dict[MemoryChoice, None] = {}
        for one in configurations(self._request, exact=exact):
            bare = replace(one, caching=self._start.caching)
            whole = replace(bare, checkpointed=())
            found |= dict.fromkeys((bare, whole))
            if self._estimates.of(bare).bytes > self._limit:
                some = self._estimates.with_blocks_for(bare, self._limit)
                found |= {} if some is None else {some: None}
            if may_swap(self._request) and self._estimates.of(whole).bytes > self._limit:
                swapped = self._estimates.with_swap_for(whole, self._limit)
                found |= {} if swapped is None else {swapped: None}
        return list(found)

    def _order(self, choice: MemoryChoice, estimate: Estimate) -> tuple[float, bool, int]:
        """Return the sort key of choices: time to a thousandth, then exactness, then how little changes."""
        per_mille = round(estimate.seconds / self._tried[self._current].seconds, 3)
        return per_mille, changes_result(choice, self._start), levers_changed(choice, self._current)

    def _is_new(self, choice: MemoryChoice) -> bool:
        return choice not in self._tried and choice not in self._failed

    def _learn(self, choice: MemoryChoice) -> None:
        try:
            prediction = self._predicted(choice)
        except LoraTuiError as error:
            # What this machine cannot do is no way out; the others may be.
            self._failed[choice] = error.line()
            return
        self._tried[choice] = prediction
        self._estimates.learn(choice, prediction)

    def _predicted(self, choice: MemoryChoice) -> MemoryPrediction:
        self._on_prediction(choice_text(choice))
        return self._predict(self._request.with_settings(self._settings(choice)))

    def _settings(self, choice: MemoryChoice) -> Settings:
        # What was asked about is predicted as it stands, also where another spelling would mean the same.
        return self._request.settings if choice == self._current else choice.apply_to(self._request.settings)

    def _known(self, choice: MemoryChoice) -> Estimate:
        prediction = self._tried[choice]
        return Estimate(prediction.reserved, seconds_of(choice, prediction))

    def _best(self) -> MemoryChoice | None:
        """Return the fastest choice that fits by its prediction, an exact one where there is one."""
        fitting = [choice for choice in self._tried if self._known(choice).bytes <= self._limit]
        return min(fitting, key=lambda choice: self._order(choice, self._known(choice)), default=None)

    def _relative(self, seconds: float) -> float:
        return seconds / self._known(self._current).seconds

    def _proposal(self, choice: MemoryChoice) -> Proposal:
        return Proposal(
            changes=changes_between(self._request.settings, self._settings(choice)),
            words=choice_text(choice),
            prediction=self._tried[choice],
            relative_seconds=self._relative(self._known(choice).seconds),
            changes_result=changes_result(choice, self._current),
        )

    def _result(self) -> FitResult:
        best = self._best()
        leanest = min(self._tried, key=lambda choice: self._known(choice).bytes)
        missing = self._known(leanest).bytes - self._limit
        return FitResult(
            current=self._proposal(self._current),
            best=None if best is None else self._proposal(best),
            limit=self._limit,
            levers=tuple(
                self._effect(lever, choice) for lever, choice in single_levers(self._request, self._estimates.swappable)
            ),
            rejected=self._rejected(best),
            nearest=self._proposal(leanest) if best is None else None,
            hints=hints_for(self._request, self._tried[leanest], missing) if best is None else (),
            notes=notes_for(self._request),
            predictions=len(self._tried),
        )

    def _effect(self, lever: Lever, choice: MemoryChoice) -> LeverEffect:
        base = self._known(fastest_exact(self._request))
        tried = choice in self._tried
        effect = self._known(choice) if tried else self._estimates.of(choice)
        return LeverEffect(
            lever.name,
            lever.words,
            frees=base.bytes - effect.bytes,
            costs=effect.seconds / base.seconds - 1,
            changes_result=lever.changes_result,
            estimated=not tried,
            missing=lever.missing,
        )

    def _rejected(self, best: MemoryChoice | None) -> tuple[Rejected, ...]:
        judged = {choice: self._estimates.of(choice) for choice in self._candidates(exact=False)}
        judged |= {choice: self._known(choice) for choice in self._tried}
        others = [choice for choice in judged if choice != best]
        others.sort(key=lambda choice: self._order(choice, judged[choice]))
        return tuple(
            Rejected(
                changes=changes_between(self._request.settings, self._settings(choice)),
                words=choice_text(choice),
                bytes=judged[choice].bytes,
                relative_seconds=self._relative(judged[choice].seconds),
                why=self._why(choice, judged[choice], best),
                estimated=choice not in self._tried,
            )
            for choice in others[:_MAX_REJECTED]
        )

    def _why(self, choice: MemoryChoice, estimate: Estimate, best: MemoryChoice | None) -> str:
        if choice in self._failed:
            return self._failed[choice]
        if estimate.bytes > self._limit:
            return f"{bytes_text(estimate.bytes - self._limit)} too much"
        if best is None:
            return "estimated to fit, but a smaller choice was predicted and does not fit"
        slower = estimate.seconds / self._known(best).seconds - 1
        speed = f"{abs(slower) * 100:.0f} % {'slower' if slower > 0 else 'faster'}"
        speed = "no faster" if abs(slower) < _MIN_SPEEDUP else speed
        if changes_result(choice, best):
            return f"fits, {speed}, changes the result"
        return f"fits, but {speed}" if slower > -_MIN_SPEEDUP else f"fits, {speed}, was not tried"
