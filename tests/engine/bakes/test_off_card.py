"""An encoder that must run and does not train may compute on the CPU a step ahead: the outputs are the same bits."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from encode_text import encode_text
from torch import Tensor

from trainer.models.stable_diffusion.model import Encoded, StableDiffusion
from trainer.network.lora_content import load_lora
from trainer.settings.parts import Part


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """In which thread the text encoder ran, and whether with gradients."""
    names: list[tuple[str, bool]] = []
    encode = StableDiffusion.encode_part

    def noted(self: StableDiffusion, part: Part, tokens: Tensor, clip_skip: int) -> Encoded:
        names.append((threading.current_thread().name, torch.is_grad_enabled()))
        return encode(self, part, tokens, clip_skip)

    monkeypatch.setattr(StableDiffusion, "encode_part", noted)
    return names


@pytest.fixture
def varied(make_settings: Any) -> Any:
    return make_settings(
        shuffle_caption=True,
        max_train_steps=4,
        validation_data_dir="",
        v_parameterization="auto",
        save_every_n_epochs=None,
    )


def bits(folder: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_lora(folder / "x.safetensors").tensors.items()}


def test_an_encoder_that_never_trains_runs_ahead(runner: Any, varied: Any, threads: list[tuple[str, bool]]) -> None:
    settings = varied.model_copy(update={"network_train_unet_only": True})
    plain = bits(runner.bake(settings))
    assert {name for name, _ in threads[-4:]} == {"MainThread"}
    threads.clear()
    assert bits(runner.bake(settings.model_copy(update={"encoder_off_card": True}))) == plain
    assert threads.count(("feed", False)) == 4
    assert len(threads) == 4


@pytest.mark.long
def test_an_encoder_that_stops_runs_ahead_from_there_with_its_lora(
    runner: Any, varied: Any, threads: list[tuple[str, bool]]
) -> None:
    settings = varied.model_copy(update={"text_encoder_stop": "1", "max_train_steps": 6})
    plain = bits(runner.bake(settings))
    threads.clear()
    assert bits(runner.bake(settings.model_copy(update={"encoder_off_card": True}))) == plain
    assert [grad for name, grad in threads if name == "MainThread"].count(True) == 1
    assert ("feed", False) in threads


def test_micro_batches_find_what_was_made_for_them(make_settings: Any, open_session: Any) -> None:
    with open_session(make_settings(network_train_unet_only=True, encoder_off_card=True)) as (session, _):
        texts = session.text_embeddings
        texts.freeze("text_encoder")
        words = ["a girl", "a red hat", "smile"]
        tokens = texts.tokenize(words)
        made: list[int] = []
        encode = session.model.encode_part

        def counted(part: Part, tokens: Tensor, clip_skip: int) -> Encoded:
            made.append(len(tokens))
            return encode(part, tokens, clip_skip)

        session.model.encode_part = counted
        try:
            for _ in range(2):
                texts.compute_ahead(words, tokens)
                for rows in (slice(0, 2), slice(2, 3)):
                    texts.of(words[rows], tokens[rows])
        finally:
            del session.model.encode_part
    # At first whole and in vain, then as it was asked for.
    assert made == [3, 2, 1, 2, 1]


def test_what_was_made_ahead_is_nothing_to_the_base_alone(make_settings: Any, open_session: Any) -> None:
    settings = make_settings(network_train_unet_only=False, encoder_off_card=True)
    with open_session(settings) as (session, _):
        texts = session.text_embeddings
        for layer in session.network.layers("text_encoder"):
            torch.nn.init.ones_(layer.up)
        texts.freeze("text_encoder")
        words = ["a girl"]
        tokens = texts.tokenize(words)
        texts.compute_ahead(words, tokens)
        with session.base_alone(), torch.no_grad():
            alone = texts.of(words, tokens).embeddings
        assert torch.equal(alone, encode_text(session.model, words, 1).embeddings) is False
        assert torch.equal(texts.of(words, tokens).embeddings, encode_text(session.model, words, 1).embeddings)
