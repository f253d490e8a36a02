import hashlib
import random

from trainer.demo.figure import HIFUMI, Figure, hifumi_caption, random_figure, random_hifumi, tags
from trainer.demo.render import render


def _drawn(seed: int, hifumi: bool) -> tuple[Figure, bytes]:
    rng = random.Random(seed)
    figure = random_hifumi(rng) if hifumi else random_figure(rng)
    return figure, render(figure, rng).tobytes()


def test_the_drawing_is_the_one_the_base_was_trained_on() -> None:
    """The digest was taken when the renderer agreed pixel for pixel with the one that drew the base's pictures."""
    digest = hashlib.sha256()
    for seed in range(200):
        digest.update(_drawn(seed, hifumi=False)[1])
        digest.update(_drawn(seed, hifumi=True)[1])
    assert digest.hexdigest() == "b82212c0730167f6a89c9f031f365c4fe92efe6c016fd30d3065ffa0b6ba353d"


def test_a_picture_is_64_pixels_square() -> None:
    rng = random.Random(1)
    assert render(random_figure(rng), rng).size == (64, 64)


def test_the_character_has_what_the_base_never_saw() -> None:
    for seed in range(20):
        said = tags(_drawn(seed, hifumi=True)[0])
        assert "halo" in said
        assert "school uniform" in said


def test_no_other_figure_wears_a_halo_or_the_uniform() -> None:
    said = {tag for seed in range(300) for tag in tags(_drawn(seed, hifumi=False)[0])}
    assert not said & {"halo", "school uniform", HIFUMI}


def test_the_trigger_comes_second_and_stands_for_the_hair() -> None:
    caption = hifumi_caption(_drawn(3, hifumi=True)[0]).split(", ")
    assert caption[:2] == ["1girl", HIFUMI]
    assert not set(caption) & {"blonde hair", "twintails", "brown eyes"}
