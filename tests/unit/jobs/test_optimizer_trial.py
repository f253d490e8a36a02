"""The trial of an optimizer for a plan: in a process of its own, once for each class, shapes and arguments."""

import json
from pathlib import Path
from typing import Any

import pytest
from hostile_folder import make_hostile

from trainer.demo.workspace import make_demo
from trainer.errors import SettingsError
from trainer.jobs import optimizer_trial
from trainer.jobs.bakes import check
from trainer.jobs.optimizer_trial import TrialRequest
from trainer.jobs.preflight import prepare
from trainer.memory.request import MemoryRequest, request_of
from trainer.models.identify import lora_file_bytes
from trainer.settings.subject import resolve
from trainer.settings.toml_file import apply_overrides, load_settings

REFUSED = {"where": "optimizer_type", "found": "NAdam sulks", "expected": "", "way_out": "set another"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / "demo").root / "hifumi.toml"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TrialRequest]:
    """Questions asked; the process answers that RAdam passes and NAdam does not, and has no answer for Adadelta."""
    questions: list[TrialRequest] = []

    def ask(request: TrialRequest) -> dict[str, Any] | None:
        questions.append(request)
        name = request.settings.optimizer_type
        return None if name.endswith("Adadelta") else REFUSED if name.endswith("NAdam") else {}

    monkeypatch.setattr(optimizer_trial, "_ask", ask)
    monkeypatch.setattr(optimizer_trial, "_known", {})
    return questions


def plan(path: Path, *overrides: str) -> None:
    check(apply_overrides(load_settings(path), overrides), path)


def test_a_class_is_asked_about_once_for_its_shapes_and_arguments(path: Path, asked: list[TrialRequest]) -> None:
    radam = "optimizer_type=torch.optim.RAdam"
    plan(path, radam)
    plan(path, radam)
    # Neither the rates nor the pictures decide it.
    plan(path, radam, "unet_lr=3e-4", "train_batch_size=2")
    assert len(asked) == 1
    assert {len(shape) for shape in asked[0].shapes} == {2, 4}
    for other in ("network_dim=2", "optimizer_args=eps=1e-6", "lr_warmup_steps=0", "loraplus_lr_ratio=2"):
        plan(path, radam, other)
    assert len(asked) == 5


def test_the_next_program_knows_the_answer(
    path: Path, asked: list[TrialRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with pytest.raises(SettingsError, match="optimizer_type: NAdam sulks; set another"):
            plan(path, "optimizer_type=torch.optim.NAdam")
        monkeypatch.setattr(optimizer_trial, "_known", {})
    assert len(asked) == 1


def test_no_answer_refuses_nothing_and_is_not_kept(
    path: Path, asked: list[TrialRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        plan(path, "optimizer_type=torch.optim.Adadelta")
        monkeypatch.setattr(optimizer_trial, "_known", {})
    assert len(asked) == 2


def test_of_a_short_name_nothing_is_asked(path: Path, asked: list[TrialRequest]) -> None:
    plan(path, "optimizer_type=Lion")
    assert not asked


def test_the_process_refuses_what_cannot_step(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = make_hostile(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(SettingsError, match=r"cannot take a step on cpu \(SparseAdam does not support dense gradients"):
        plan(path, "optimizer_type=torch.optim.SparseAdam")
    assert not mark.exists()


def test_what_may_only_lack_a_gpu_is_left_to_the_bake(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizer_trial, "card_device", lambda: True)
    plan(path, "optimizer_type=torch.optim.SparseAdam")


def test_what_the_trial_saw_counts_in_the_plan_and_in_the_memory_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizer_trial, "_known", {})
    settings = apply_overrides(load_settings(path), ["optimizer_type=torch.optim.Adafactor"])
    resolved = resolve(settings, path)
    before = prepare(resolved)
    planned = check(settings, path)
    assert before.optimizer_state is None
    assert planned.optimizer_state is not None
    lora = lora_file_bytes(planned.base, resolved, "float")
    # As with two moments.
    assert before.plan.state_bytes > 2.8 * lora
    # Rows and columns alone: the state is little more than the LoRA itself.
    assert lora < planned.plan.state_bytes < 1.6 * lora
    assert check(settings, path).plan == planned.plan == prepare(resolved).plan
    request = request_of(planned)
    assert request != request_of(before)
    again = MemoryRequest.from_json(json.loads(json.dumps(request.to_json())))
    assert again == request
    assert again.optimizer_state == planned.optimizer_state
