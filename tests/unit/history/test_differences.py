import pytest

from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.errors import WorkspaceError
from trainer.history.differences import difference
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.settings.one_setting import Decides

PICTURE = ListedPicture("1_a/a.png", "a" * 64, 9, 64, 64, 1, "hifumi", False, 0, None)


def test_another_place_of_the_same_data_decides_nothing(add, journal: Journal) -> None:
    first, second = add(train_data_dir="/d/one", sample_steps=5), add(train_data_dir="/d/two", sample_steps=9)
    for number in (first, second):
        journal.results.set_manifest(number, manifest_bytes(Manifest(pictures=(PICTURE,))))
    found = difference(journal, first, second)
    assert [(each.name, each.decides) for each in found.settings] == [
        ("train_data_dir", Decides.NO),
        ("sample_steps", Decides.NO),
    ]
    assert not found.decides
    journal.results.set_manifest(second, manifest_bytes(Manifest()))
    assert difference(journal, first, second).decides


def test_data_that_are_not_listed_are_not_called_the_same(add, journal: Journal) -> None:
    first, second = add(seed=1), add(seed=1)
    found = difference(journal, first, second)
    assert (found.settings, found.data) == ((), None)
    assert f"the data of bake {first} are not listed" in found.data_unknown
    journal.results.set_manifest(first, b"damaged")
    journal.results.set_manifest(second, manifest_bytes(Manifest()))
    assert "damaged" in difference(journal, first, second).data_unknown


def test_settings_that_cannot_be_read_are_not_called_the_same(add, journal: Journal) -> None:
    first, second = add(seed=1), add(seed=1)
    journal.bakes.set_settings(first, "seed = 'x'")
    found = difference(journal, first, second)
    assert found.settings == () and "seed" in found.settings_unknown


def test_a_job_of_a_grid_and_a_number_of_none_are_refused(add, journal: Journal) -> None:
    first = add()
    grid = journal.grids.add(name="g", spec="{}").number
    job = journal.bakes.add(
        NewBake(name="g", settings_toml="", engine="", total_steps=1, steps_per_epoch=1, grid=grid)
    ).number
    with pytest.raises(WorkspaceError, match=f"job {job}: it makes grid {grid}; expected a bake"):
        difference(journal, first, job)
    with pytest.raises(WorkspaceError, match="no bake 99"):
        difference(journal, 99, first)
