from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trainer.dataset.manifest import ListedModel, ListedPicture, Manifest
from trainer.history.data_changes import data_changes, tags_of


def picture(name: str, caption: str = "hifumi, smile", **changes: object) -> ListedPicture:
    plain = ListedPicture(
        path=f"10_hifumi/{name}.png",
        sha256=f"{sum(name.encode()):064x}",
        bytes=9,
        width=64,
        height=64,
        repeats=10,
        caption=caption,
        is_reg=False,
        group=0,
        mask=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def summary(before: list[ListedPicture], after: list[ListedPicture]) -> tuple[str, ...]:
    return data_changes(Manifest(pictures=tuple(before)), Manifest(pictures=tuple(after))).summary


NAMES = [f"p{number}" for number in range(50)]


def test_pictures_that_are_missing_or_new_are_counted() -> None:
    pictures = [picture(name) for name in NAMES]
    assert summary(pictures, pictures[:-3]) == ("3 pictures fewer: 47 in place of 50",)
    assert summary(pictures[:-1], pictures) == ("1 picture more: 50 in place of 49",)
    assert summary(pictures[:5], [*pictures[1:5], picture("other")]) == ("1 picture removed, 1 added",)


def test_a_tag_that_goes_from_many_captions_is_one_line() -> None:
    before = [picture(name, "hifumi, backpack, smile" if at < 41 else "hifumi") for at, name in enumerate(NAMES)]
    after = [replace(each, caption=each.caption.replace("backpack, ", "")) for each in before]
    assert summary(before, after) == ("captions of 41 pictures changed", "`backpack` gone from 41 captions")
    assert summary(after[:1], before[:1]) == ("captions of 1 picture changed", "`backpack` new in 1 caption")


def test_captions_in_another_order_are_told_apart_from_other_tags() -> None:
    assert summary([picture("a", "x, y")], [picture("a", "y, x")]) == (
        "captions of 1 picture changed",
        "the same tags written otherwise in 1 caption",
    )


def test_repeats_content_masks_and_moves_are_told() -> None:
    before = [picture(name) for name in ("a", "b", "c", "d")]
    after = [
        replace(before[0], repeats=3),
        replace(before[1], sha256="0" * 64),
        replace(before[2], mask="1" * 64),
        replace(before[3], path="5_other/d.png"),
    ]
    assert summary(before, after) == (
        "1 picture with other content under the same name",
        "1 picture moved",
        "repeats of 1 picture: 10 → 3",
        "masks of 1 picture changed",
    )


def test_other_models_and_held_out_pictures_are_told() -> None:
    before = Manifest(models={"vae": ListedModel("a" * 64, 9), "network_weights": ListedModel("b" * 64, 9)})
    after = Manifest(validation=(picture("v"),), models={"vae": ListedModel("c" * 64, 9)})
    assert data_changes(before, after).summary == (
        "held out: 1 picture more: 1 in place of 0",
        "network_weights: no longer set",
        "vae: another file",
    )


def test_what_an_old_manifest_does_not_know_is_no_change() -> None:
    after = Manifest(validation=(picture("v"),), models={"vae": ListedModel("c" * 64, 9)})
    assert data_changes(Manifest(format=1), after).summary == ()


def test_hundreds_of_tags_stay_a_few_lines() -> None:
    before = [picture("a", ", ".join(f"tag{number}" for number in range(300)))]
    lines = summary(before, [picture("a", "hifumi")])
    assert len(lines) < 15
    assert "292 more tags gone from some" in lines


def test_tags_are_what_stands_between_commas() -> None:
    assert tags_of(" a, b b,\na, ,c") == ("a", "b b", "c")


@given(st.lists(st.sampled_from(NAMES), max_size=8), st.lists(st.sampled_from(NAMES), max_size=8))
def test_equal_data_have_no_changes_and_others_have_some(one: list[str], other: list[str]) -> None:
    before, after = [picture(name) for name in sorted(one)], [picture(name) for name in sorted(other)]
    assert (summary(before, after) == ()) == (before == after)
