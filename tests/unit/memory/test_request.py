"""Memory requests: the settings that decide them, and the largest batch."""

import json
from pathlib import Path
from typing import Any

import pytest
from other_values import other_value
from ready_steps import ENDLESS, planned_of

from trainer.memory.request import BucketUse, MemoryRequest, request_of
from trainer.settings.describe import SettingInfo, fields
from trainer.settings.model import Settings


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trainer.demo.workspace import make_demo

    return make_demo(tmp_path_factory.mktemp("request") / "demo").root


def made(
    buckets: tuple[BucketUse, ...] = (BucketUse(512, 512, 40),), varies: bool = True, **values: Any
) -> MemoryRequest:
    return MemoryRequest(Settings(**values), "sd1", "base", "print", buckets, varies, None, "card")


@pytest.mark.parametrize(
    "values",
    [
        {"network_dim": 64},
        {"train_batch_size": 2},
        {"micro_batch_size": 1},
        {"gradient_checkpointing": True},
        {"mixed_precision": "no"},
        {"optimizer_type": "Lion"},
        {"int8_base": True},
        {"text_encoder_lr": 0.0},
        {"network_train_unet_only": True},
        {"gradient_accumulation_steps": 2},
        {"conv_dim": 8},
        {"max_token_length": "225"},
    ],
)
def test_these_make_it_another_question(values: dict[str, Any]) -> None:
    assert made(train_batch_size=3, **{k: v for k, v in values.items() if k != "train_batch_size"}) != made(
        train_batch_size=3
    ) or made(**values) != made(train_batch_size=3)


@pytest.mark.parametrize(
    "values",
    [
        {"seed": 7},
        {"unet_lr": 2e-4},
        {"max_train_epochs": 99},
        {"output_name": "else"},
        {"gradient_accumulation_steps": 1},
    ],
)
def test_these_do_not(values: dict[str, Any]) -> None:
    assert made(**values) == made()
    assert hash(made(**values)) == hash(made())


@pytest.mark.parametrize("info", [pytest.param(info, id=info.name) for info in fields() if info.memory != "derived"])
def test_a_setting_decides_memory_by_its_value_if_its_record_says_so(info: SettingInfo) -> None:
    assert (made(**{info.name: other_value(info)}) != made()) == (info.memory == "yes")


def test_three_accumulated_batches_take_what_two_do() -> None:
    assert made(gradient_accumulation_steps=2) == made(gradient_accumulation_steps=9)


@pytest.mark.parametrize(
    ("buckets", "values", "largest"),
    [
        ((BucketUse(512, 512, 40), BucketUse(640, 448, 40)), {"train_batch_size": 3}, (640, 448, 3)),
        # The larger bucket shows too few pictures to fill a batch.
        ((BucketUse(512, 512, 40), BucketUse(640, 448, 2)), {"train_batch_size": 3}, (512, 512, 3)),
        (
            (BucketUse(512, 512, 40), BucketUse(640, 448, 2)),
            {"train_batch_size": 3, "micro_batch_size": 1},
            (640, 448, 1),
        ),
        # A data set file gave its data set a batch size of its own.
        ((BucketUse(512, 512, 40), BucketUse(256, 256, 40, 16)), {"train_batch_size": 2}, (256, 256, 16)),
    ],
)
def test_the_largest_batch(
    buckets: tuple[BucketUse, ...], values: dict[str, Any], largest: tuple[int, int, int]
) -> None:
    assert made(buckets, **values).largest == largest


def test_encoders_that_do_not_train_are_cached_only_where_captions_do_not_vary() -> None:
    assert made(varies=False).cached_encoders == ()
    assert made(varies=False, text_encoder_lr=0.0).cached_encoders == ("text_encoder",)
    assert made(varies=True, text_encoder_lr=0.0).cached_encoders == ()


def test_auto_is_bf16_on_a_card_and_full_on_a_cpu() -> None:
    request = made()
    assert request.precision == "bf16"
    on_cpu = MemoryRequest.from_json({**request.to_json(), "policy": "cpu"})
    assert on_cpu.precision == "no"
    assert on_cpu != request


def test_it_goes_through_json(root: Path) -> None:
    request = request_of(planned_of(root, (*ENDLESS, "network_dim=8", "sample_every_n_epochs=1")), "card")
    again = MemoryRequest.from_json(json.loads(json.dumps(request.to_json())))
    assert again == request
    assert again.largest == request.largest == (64, 64, 4)
    assert again.sample == (64, 64)
    assert again.captions_vary


def test_another_file_under_the_same_name_is_another_base(tmp_path: Path) -> None:
    from trainer.memory.request import _fingerprint

    path = tmp_path / "base.safetensors"
    path.write_bytes(b"one")
    first = _fingerprint(path)
    path.write_bytes(b"two and more")
    assert _fingerprint(path) != first
