"""The noise of a measured value in words, for the screen."""

import pytest
from made_twins import EPOCH, add_bake

from lora_tui.actions.measures import noise_words, read_measured
from trainer.journal.journal import Journal
from trainer.measures.of_weights import DELTA_SHARE, RANK_USED, RANK_USED_RANDOM
from trainer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    with Journal(tmp_path / "journal.sqlite") as journal:
        for seed, value in enumerate((0.10, 0.11, 0.12)):
            names = dict.fromkeys((DELTA_SHARE.key, RANK_USED.key, RANK_USED_RANDOM.key), value)
            add_bake(journal, names, seed=seed)
        add_bake(journal, {DELTA_SHARE.key: 0.1}, network_dim=3)
    return Workspace(tmp_path)


def test_it_names_the_spread_of_twins_in_the_measures_own_way(workspace: Workspace) -> None:
    ratio = noise_words(workspace, 1, DELTA_SHARE.key, "unet", "", 2 * EPOCH, EPOCH)
    assert ratio.startswith(f"since step {EPOCH}: inside the noise; twins are apart by ±9.")
    assert ratio.endswith("% of the value (3 bakes × 4 pictures)")
    share = noise_words(workspace, 1, RANK_USED.key, "unet", "", EPOCH, None)
    assert share == "twins are apart by ±1 % (3 bakes × 4 pictures)"


def test_without_twins_it_says_what_to_do(workspace: Workspace) -> None:
    assert noise_words(workspace, 4, DELTA_SHARE.key, "unet", "", EPOCH, None) == "noise not known: make a twin"


def test_a_measure_that_is_not_compared_has_no_noise(workspace: Workspace) -> None:
    assert noise_words(workspace, 1, RANK_USED_RANDOM.key, "unet", "", EPOCH, None) == ""


def test_what_was_measured_is_read_with_its_epochs(workspace: Workspace) -> None:
    found = read_measured(workspace, 2)
    assert found.total_steps == 2 * EPOCH
    assert not found.running
    assert [record.key for record in found.measures] == [DELTA_SHARE.key, RANK_USED.key, RANK_USED_RANDOM.key]
