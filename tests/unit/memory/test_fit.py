"""The fastest settings that fit, over a small honest model of memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_model import MIB, NAMES, MemoryModel, request

from trainer.errors import SettingsError
from trainer.memory.fit import fit
from trainer.memory.fit_report import fit_json, fit_lines
from trainer.memory.fit_result import FitResult
from trainer.memory.levers import MemoryChoice, batch_of
from trainer.memory.peak import MemoryPrediction
from trainer.memory.request import MemoryRequest
from trainer.settings.model import Settings

GIB = 2**30


@pytest.fixture
def lean_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """AdamW8bit can be had, wherever the tests run."""
    monkeypatch.setattr("trainer.memory.levers.lean_optimizer_missing", lambda settings, leaner: "")


@pytest.fixture
def no_lean_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.memory.levers.importlib.util.find_spec", lambda name: None)


def _changed(asked: MemoryRequest, **values: object) -> Settings:
    return Settings.model_validate(asked.settings.model_dump() | values)


def _peak(asked: MemoryRequest, **values: object) -> int:
    return MemoryModel()(asked.with_settings(_changed(asked, **values))).reserved


def _applied(asked: MemoryRequest, result: FitResult) -> MemoryRequest:
    assert result.best is not None
    return asked.with_settings(Settings.model_validate(asked.settings.model_dump() | dict(result.best.changes)))


def test_settings_that_fit_stay_as_they_are() -> None:
    asked, model = request(), MemoryModel()
    result = fit(asked, model, 8 * GIB)
    assert result.best is not None and not result.best.changes
    assert result.fits_now and len(model.asked) == 1


def test_checkpointing_that_is_not_needed_is_taken_off() -> None:
    result = fit(request(gradient_checkpointing=True), MemoryModel(), 8 * GIB)
    assert result.best is not None and result.best.changes == {"gradient_checkpointing": False}
    assert result.best.relative_seconds < 0.8


def test_micro_batches_that_are_not_needed_are_taken_off() -> None:
    result = fit(request(micro_batch_size=1), MemoryModel(), 8 * GIB)
    assert result.best is not None and result.best.changes == {"micro_batch_size": None}


def test_no_more_blocks_compute_twice_than_must() -> None:
    """Of one picture, so that nothing but blocks can be chosen; one is cheap to compute and keeps much, and it is enough."""
    asked = request(train_batch_size=1)
    model = MemoryModel(seconds=(0.1, *[3.0] * 7))
    result = fit(asked, model, _peak(asked) - 60 * MIB)
    assert result.best is not None
    assert result.best.changes == {"gradient_checkpointing": True, "checkpointed_blocks": NAMES[0]}


def test_the_last_block_is_never_chosen_alone_for_it_frees_nothing() -> None:
    asked = request(train_batch_size=1)
    model = MemoryModel(seconds=(*[3.0] * 7, 0.1))
    result = fit(asked, model, _peak(asked) - 60 * MIB)
    assert result.best is not None and NAMES[-1] not in str(result.best.changes["checkpointed_blocks"])


def test_what_changes_the_result_is_taken_only_where_nothing_exact_fits(lean_optimizer: None) -> None:
    asked = request()
    leanest_exact = _peak(asked, gradient_checkpointing=True, micro_batch_size=1, blocks_to_swap=len(NAMES))
    exact = fit(asked, MemoryModel(), leanest_exact)
    assert exact.best is not None and not exact.best.changes_result
    changed = fit(asked, MemoryModel(), leanest_exact - 10 * MIB)
    assert changed.best is not None and changed.best.changes_result
    assert "changes the result" in "\n".join(fit_lines(changed))


def test_the_lean_optimizer_has_its_price_in_time(lean_optimizer: None) -> None:
    """Of 1,000 tensors, in a step of 24 milliseconds."""
    asked = request(train_batch_size=1)
    result = fit(asked, MemoryModel(seconds=(0.001,) * 8), 8 * GIB)
    price = next(effect for effect in result.levers if effect.name == "AdamW8bit")
    assert price.costs == pytest.approx(1000 * 0.308 / 560 / 0.024, rel=0.01) and price.estimated
    on_cpu = fit(replace(asked, policy="cpu"), MemoryModel(seconds=(0.001,) * 8, policy="cpu"), 8 * GIB)
    assert next(effect for effect in on_cpu.levers if effect.name == "AdamW8bit").costs == 0


def test_an_optimizer_that_is_not_installed_is_named_and_not_proposed(no_lean_optimizer: None) -> None:
    asked = request()
    leanest = _peak(asked, gradient_checkpointing=True, micro_batch_size=1, blocks_to_swap=len(NAMES))
    result = fit(asked, MemoryModel(), leanest - 10 * MIB)
    assert result.best is not None and "optimizer_type" not in result.best.changes
    assert any("pip install 'lora-tui[8bit]'" in effect.missing for effect in result.levers)
    assert all("AdamW8bit" not in one.words for one in result.rejected)


def test_arguments_that_the_lean_optimizer_does_not_take_rule_it_out() -> None:
    asked = request(optimizer_args=["amsgrad=True"])
    result = fit(asked, MemoryModel(), GIB)
    assert any("amsgrad" in effect.missing for effect in result.levers)


def test_where_nothing_fits_the_leanest_choice_and_the_missing_bytes_are_reported() -> None:
    result = fit(request(), MemoryModel(), GIB // 2)
    assert result.best is None and result.nearest is not None
    assert result.missing == result.nearest.bytes - GIB // 2 > 0
    assert any("resolution" in hint for hint in result.hints) and any("network_dim" in hint for hint in result.hints)
    assert result.nearest.changes["micro_batch_size"] == 1


def test_blocks_are_swapped_where_checkpointing_is_not_enough_and_as_few_as_can_be() -> None:
    asked, model = request(train_batch_size=1), MemoryModel(seconds=(0.001,) * 8)
    limit = model(asked.with_settings(_changed(asked, gradient_checkpointing=True))).reserved
    assert "blocks_to_swap" not in _best_changes(fit(asked, model, limit))
    few = fit(asked, model, limit - 200 * MIB)
    assert _best_changes(few) == {"gradient_checkpointing": True, "blocks_to_swap": 4}
    assert few.best is not None and not few.best.changes_result and "4 blocks swapped" in few.best.words
    # 16 % of 1600 MiB twice over the link are longer than a step of these milliseconds.
    swapped = next(effect for effect in few.levers if effect.name == "blocks swapped, all")
    assert swapped.frees > 900 * MIB and swapped.costs > 1 and not swapped.changes_result


def test_blocks_are_not_swapped_where_they_cannot_be() -> None:
    on_cpu = replace(request(train_batch_size=1), policy="cpu")
    for asked in (on_cpu, request(train_batch_size=1, torch_compile=True)):
        result = fit(asked, MemoryModel(), _peak(asked, gradient_checkpointing=True) - 10 * MIB)
        assert all("swapped" not in each for each in (*(one.words for one in result.rejected), *_names(result)))


def _best_changes(result: FitResult) -> Mapping[str, object]:
    assert result.best is not None
    return result.best.changes


def _names(result: FitResult) -> list[str]:
    return [effect.name for effect in result.levers]


def test_one_picture_at_once_for_the_vae_where_caching_alone_is_too_much() -> None:
    result = fit(request(vae_batch_size=8), MemoryModel(), 5 * GIB)
    assert result.best is not None and result.best.changes == {"vae_batch_size": 1}


def test_an_encoder_that_runs_without_training_may_leave_the_card() -> None:
    # Compiled, so that no block can be swapped instead.
    asked = request(captions_vary=True, network_train_unet_only=True, train_batch_size=1, torch_compile=True)
    needed = _peak(asked, gradient_checkpointing=True, encoder_off_card=True)
    result = fit(asked, MemoryModel(), needed)
    assert result.best is not None and result.best.changes["encoder_off_card"] is True
    kept = request(captions_vary=False, network_train_unet_only=True, train_batch_size=1)
    assert all(effect.name != "encoder off GPU" for effect in fit(kept, MemoryModel(), needed).levers)


def test_a_lever_that_this_machine_refuses_is_passed_over() -> None:
    model = MemoryModel()

    def predict(asked: MemoryRequest) -> MemoryPrediction:
        if asked.settings.int8_base:
            raise SettingsError("int8_base", found="cannot be done here")
        return model(asked)

    asked = request(train_batch_size=1, optimizer_type="Lion", torch_compile=True)
    result = fit(asked, predict, _peak(asked, gradient_checkpointing=True) - 100 * MIB)
    assert result.best is not None and result.best.changes["fp8_base"] is True


def test_the_neighbours_are_ten_the_fastest_first_and_say_why() -> None:
    asked = request()
    result = fit(asked, MemoryModel(), _peak(asked) - 200 * MIB)
    assert len(result.rejected) == 10
    assert all(one.relative_seconds <= next_one.relative_seconds + 0.001 for one, next_one in pairwise(result.rejected))
    too_much = next(one for one in result.rejected if not one.changes)
    assert (too_much.why, too_much.estimated) == ("0.20 GiB too much", False)
    assert result.best is not None and result.best.changes not in [one.changes for one in result.rejected]


def test_estimates_are_marked_and_the_proposal_is_not() -> None:
    asked, model = request(), MemoryModel()
    result = fit(asked, model, _peak(asked) - 200 * MIB)
    predicted = [each.settings for each in model.asked]
    assert _applied(asked, result).settings in predicted
    for one in result.rejected:
        changed = Settings.model_validate(asked.settings.model_dump() | dict(one.changes))
        assert one.estimated is (changed not in predicted)


def test_a_fit_is_reported_in_lines_and_in_plain_values() -> None:
    asked = request()
    result = fit(asked, MemoryModel(), _peak(asked) - 200 * MIB)
    text = "\n".join(fit_lines(result))
    assert "does not fit in" in text and "fastest that fits" in text and "~" in text
    values = json.loads(json.dumps(fit_json(result)))
    assert values["best"]["bytes"] <= values["limit"] and len(values["rejected"]) == 10


def test_a_search_waits_for_no_torch() -> None:
    code = "import trainer.memory.fit, trainer.memory.fit_report, sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


bakes = st.fixed_dictionaries(
    {
        "train_batch_size": st.integers(1, 6),
        "gradient_checkpointing": st.booleans(),
        "micro_batch_size": st.none() | st.integers(1, 6),
        "optimizer_type": st.sampled_from(["AdamW", "Lion"]),
        "int8_base": st.booleans(),
        "vae_batch_size": st.integers(1, 4),
    }
)
models = st.builds(
    MemoryModel,
    saved=st.lists(st.integers(1, 400), min_size=8, max_size=8),
    seconds=st.lists(st.floats(0.1, 5.0), min_size=8, max_size=8),
    weights=st.integers(100, 3000),
    lora=st.integers(1, 400),
    gaps=st.floats(1.0, 1.15),
)


@given(values=bakes, model=models, limit=st.integers(200, 8000), vary=st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_proposed_fits_and_nothing_tried_that_fits_is_faster(
    values: dict[str, object], model: MemoryModel, limit: int, vary: bool
) -> None:
    asked = request(captions_vary=vary, **values)
    result = fit(asked, model, limit * MIB)
    assert len(model.asked) <= 12
    fitting = [each for each in model.asked if _silent(model)(each).reserved <= limit * MIB]
    if result.best is None:
        assert not fitting and result.missing > 0
        return
    taken = _applied(asked, result)
    prediction = _silent(model)(taken)
    assert prediction == result.best.prediction and prediction.reserved <= limit * MIB
    # As the optimizer sees it, nothing has changed.
    assert batch_of(taken) == batch_of(asked) and taken.settings.train_batch_size == asked.settings.train_batch_size
    quickest = min(_silent(model)(each).seconds for each in fitting if _exact(each, asked) == _exact(taken, asked))
    # An encoder on the CPU is counted with 5 % that the model knows nothing of; less than 0.5 % is not looked for.
    assert prediction.seconds <= quickest * 1.06 + 1e-9
    if result.best.changes_result:
        assert not any(_exact(each, asked) for each in fitting)


@given(values=bakes, model=models, limit=st.integers(200, 8000))
@settings(max_examples=40, deadline=None)
def test_nothing_is_proposed_only_where_the_leanest_does_not_fit(
    values: dict[str, object], model: MemoryModel, limit: int
) -> None:
    asked = request(**values)
    result = fit(asked, model, limit * MIB)
    lean = {"gradient_checkpointing": True, "micro_batch_size": 1, "vae_batch_size": 1, "checkpointed_blocks": ""}
    lean |= {"blocks_to_swap": len(NAMES)}
    eight = {} if asked.settings.int8_base else {"int8_base": True}
    leanest = asked.with_settings(Settings.model_validate(asked.settings.model_dump() | lean | eight))
    if _silent(model)(leanest).reserved <= limit * MIB:
        assert result.best is not None


def _silent(model: MemoryModel) -> MemoryModel:
    """Return the same model with a list of calls of its own."""
    return MemoryModel(model.saved, model.seconds, model.weights, model.lora, model.vae, model.gaps)


def _exact(one: MemoryRequest, asked: MemoryRequest) -> bool:
    first, second = MemoryChoice.of(one), MemoryChoice.of(asked)
    return (first.optimizer, first.base) == (second.optimizer, second.base)
