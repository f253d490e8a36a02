"""The words a picture gets each time."""

from trainer.dataset.captions import caption_for

TAGS = "hifumi_chan, halo, twintails,backpack ,  school uniform, smile, outdoors"


def shuffled(text: str, keep: int = 0, seed: int = 1, epoch: int = 0, occurrence: int = 0) -> list[str]:
    return caption_for(text, shuffle=True, keep=keep, seed=seed, epoch=epoch, occurrence=occurrence).split(", ")


def test_without_shuffling_a_caption_is_untouched() -> None:
    text = "  a,b ,,c [bold]x[/] \x1b[31m (tag:1.2), "
    assert caption_for(text, shuffle=False, keep=1, seed=1, epoch=2, occurrence=3) == text


def test_shuffling_loses_and_adds_no_tag() -> None:
    expected = sorted(["hifumi_chan", "halo", "twintails", "backpack", "school uniform", "smile", "outdoors"])
    assert all(sorted(shuffled(TAGS, epoch=epoch)) == expected for epoch in range(20))


def test_the_first_tags_stay_in_place() -> None:
    assert all(shuffled(TAGS, keep=2, epoch=epoch)[:2] == ["hifumi_chan", "halo"] for epoch in range(20))


def test_keeping_more_tags_than_there_are_changes_nothing() -> None:
    assert shuffled("a, b, c", keep=9) == ["a", "b", "c"]


def test_the_order_is_decided_by_seed_epoch_and_occurrence() -> None:
    assert shuffled(TAGS, occurrence=4) == shuffled(TAGS, occurrence=4)
    orders = {tuple(shuffled(TAGS, seed=seed, epoch=epoch, occurrence=n)) for seed, epoch, n in ORDERS}
    assert len(orders) > len(ORDERS) - 2


ORDERS = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1), (11, 0, 0), (1, 10, 0), (1, 1, 10)]


def test_every_tag_comes_to_every_place() -> None:
    firsts = {shuffled("a, b, c", epoch=epoch)[0] for epoch in range(50)}
    assert firsts == {"a", "b", "c"}


def test_an_empty_caption_stays_empty() -> None:
    assert shuffled("") == [""]
