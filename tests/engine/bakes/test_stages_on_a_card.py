"""Of the base, each stage of a bake has on the card what it needs and nothing else. Here the card is only thought of: moves are noted."""

from collections.abc import Callable
from typing import Any

import pytest

import trainer.bake.loop
from trainer.bake.step import train_step
from trainer.models.stable_diffusion.model import StableDiffusion

pytestmark = pytest.mark.usefixtures("nothing_kept")

UNET, VAE, ENCODER = "unet", "vae", "text_encoder"


class Card:
    """What of a base lies on it, and what lay there at each event."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.seen: list[tuple[str, frozenset[str]]] = []

    def note(self, event: str) -> None:
        if not self.seen or self.seen[-1] != (event, frozenset(self.there)):
            self.seen.append((event, frozenset(self.there)))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()

    def also(name: str, note: Callable[..., None]) -> None:
        plain = getattr(StableDiffusion, name)

        def noted(self: StableDiffusion, *args: Any, **others: Any) -> Any:
            note(*args)
            return plain(self, *args, **others)

        monkeypatch.setattr(StableDiffusion, name, noted)

    also("bring_body", lambda: card.there.add(UNET))
    also("put_body_away", lambda: card.there.discard(UNET))
    also("bring_vae", lambda: card.there.add(VAE))
    also("put_vae_away", lambda: card.there.discard(VAE))
    also("bring_encoder_back", card.there.add)
    also("put_encoder_away", card.there.discard)
    also("rest", card.there.clear)
    also("encode_pictures", lambda pixels: card.note("pictures"))
    also("encode_part", lambda part, *others: card.note("texts"))

    def stepped(session: Any, work: Any) -> Any:
        card.note("step")
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", stepped)
    return card


@pytest.fixture
def two_steps(make_settings: Any) -> Callable[..., Any]:
    def make(**changes: Any) -> Any:
        return make_settings(max_train_steps=2, validation_data_dir="", save_every_n_epochs=None, **changes)

    return make


def test_an_encoder_that_trains_comes_with_the_unet_after_the_vae_has_left(
    runner: Any, two_steps: Callable[..., Any], card: Card
) -> None:
    runner.bake(two_steps())
    both = frozenset({UNET, ENCODER})
    assert card.seen[:3] == [("pictures", frozenset({VAE})), ("step", both), ("texts", both)]
    assert card.there == set()


def test_an_encoder_whose_outputs_are_kept_is_there_for_them_alone(
    runner: Any, two_steps: Callable[..., Any], card: Card
) -> None:
    runner.bake(two_steps(network_train_unet_only=True))
    assert card.seen == [
        ("pictures", frozenset({VAE})),
        ("texts", frozenset({ENCODER})),
        ("step", frozenset({UNET})),
    ]


def test_an_encoder_off_the_card_never_comes(runner: Any, two_steps: Callable[..., Any], card: Card) -> None:
    runner.bake(two_steps(network_train_unet_only=True, shuffle_caption=True, encoder_off_card=True))
    assert all(ENCODER not in there for _, there in card.seen)
    assert ("step", frozenset({UNET})) in card.seen


def test_what_measuring_brought_has_left_before_the_rest_is_cached(
    runner: Any, two_steps: Callable[..., Any], card: Card
) -> None:
    runner.bake(two_steps(v_parameterization="no"))
    while_caching = [there for event, there in card.seen if event == "pictures"]
    assert while_caching == [frozenset({VAE})] * len(while_caching)
    assert len(while_caching) > 1


@pytest.mark.long
def test_a_second_bake_brings_no_vae(runner: Any, two_steps: Callable[..., Any], card: Card) -> None:
    runner.bake(two_steps())
    card.seen.clear()
    runner.bake(two_steps())
    assert all(VAE not in there for _, there in card.seen)
