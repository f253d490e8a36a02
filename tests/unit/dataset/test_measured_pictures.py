from pathlib import Path

from trainer.dataset.measured_pictures import spread_pictures
from trainer.dataset.records import Picture


def test_the_pictures_are_spread_over_the_folders_whatever_the_bakes_seed_is() -> None:
    def pictures(**folders: int) -> list[Picture]:
        return [
            Picture(Path(f"{name}/{number}.png"), name, 1, 64, 64, "", None, is_reg=name == "reg")
            for name, count in folders.items()
            for number in range(count)
        ]

    few = pictures(a=100, b=3, reg=50)
    chosen = spread_pictures(few)
    assert len(chosen) == 16 and [few[index].folder for index in chosen] == ["a"] * 13 + ["b"] * 3
    assert chosen[:3] == [0, 7, 15]
    assert spread_pictures(pictures(reg=5)) == [0, 1, 2, 3, 4]
    many = pictures(**{f"f{number:02}": 9 for number in range(30)})
    assert len(spread_pictures(many)) == 48
    assert {many[index].folder for index in spread_pictures(many)} == {f"f{number:02}" for number in range(30)}
