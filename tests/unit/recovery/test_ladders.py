"""How ladders come back where the journal was lost, and what a bake that is deleted leaves of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from laddered import Laddered

from trainer.errors import WorkspaceError
from trainer.history.removal import plan_deletion, remove
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.journal import Journal
from trainer.journal.ladder_folder import LADDER_TOML, read_ladder_toml
from trainer.ladders.build import ladder_of_knob
from trainer.ladders.queue import continue_ladder, cut_ladder, preview_ladder
from trainer.ladders.state import ladder_state
from trainer.recovery.bakes import recover_bakes
from trainer.recovery.ladders import recover_ladders


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Laddered]:
    made = Laddered(tmp_path / "demo")
    yield made
    made.journal.close()


def lose_journal(here: Laddered, *kept: int) -> Path:
    """Leave the folders of some bakes and return where the new journal is to be."""
    for number in kept:
        write_bake_json(here.journal, number, here.workspace.root / here.journal.bakes.read(number).folder)
    here.journal.close()
    return here.workspace.root / "new.sqlite"


def test_a_ladder_comes_back_with_its_bakes_and_open_places_for_those_that_are_gone(here: Laddered) -> None:
    here.end(here.bake().number)
    here.queue(here.preview(rungs="0.1,1,10"))
    before = here.state()
    here.end(*(each.bake for each in before.bakes if each.rung == 0 and each.bake))
    cut_ladder(here.journal, here.workspace, 1, ["10"])
    kept = [1, *(each.bake for each in before.bakes if each.rung == 0 and each.bake)]
    into = lose_journal(here, *kept)
    recover_bakes(here.workspace, into)
    (found,) = recover_ladders(here.workspace, into)
    assert found.line == "ladder unet_lr ×0.1 … ×10: 3 bakes, 1 open place"
    with Journal(into) as journal:
        state = ladder_state(journal, 1)
        assert state.spec == before.spec and state.created == before.created
        assert [(each.bake, each.reused) for each in state.of_rung(1)] == [(1, True), (None, False)]
        assert state.of_rung(2) == ()
        done = continue_ladder(journal, here.workspace, 1, engine="x")
        assert len(done.queued) == 1
        assert ladder_state(journal, 1).of_rung(1)[1].bake == done.queued[0]


def test_a_ladder_of_a_bake_that_is_gone_starts_from_its_settings_all_the_same(here: Laddered) -> None:
    bake = here.bake().number
    here.end(bake)
    settings = here.settings()
    spec = ladder_of_knob(settings, "lr_scheduler", ["constant", "linear"])
    here.queue(preview_ladder(here.journal, here.workspace, settings, spec, of_bake=bake))
    into = lose_journal(here)
    recover_ladders(here.workspace, into)
    with Journal(into) as journal:
        state = ladder_state(journal, 1)
        assert state.of_bake is None and {each.bake for each in state.bakes} == {None}
        assert len(continue_ladder(journal, here.workspace, 1, engine="x").queued) == 4


def test_folders_without_a_ladder_are_named_and_left_out(here: Laddered) -> None:
    ladders = here.workspace.ladders
    for name, text in {"0001": None, "mine": None, "0003": "title = 3", "0004": "title = [", "0005": "\x00"}.items():
        (ladders / name).mkdir(parents=True)
        if text is not None:
            (ladders / name / LADDER_TOML).write_text(text)
    found = {each.folder: each.line for each in recover_ladders(here.workspace, lose_journal(here))}
    assert found["0001"] == "(no ladder.toml: skipped)"
    assert found["mine"] == "(not named like a ladder's folder: skipped)"
    assert "is damaged (" in found["0003"] and "cannot be read" in found["0004"] and "0005" in found


def test_the_file_of_a_ladder_says_everything_in_plain_toml(here: Laddered) -> None:
    here.queue(here.preview())
    folder = here.workspace.ladder_folder(1)
    text = (folder / LADDER_TOML).read_text()
    assert "# A ladder of lora-tui: one question" in text and "unet_lr = 2e-3\n" in text
    row = here.journal.ladders.find(1)
    assert read_ladder_toml(folder, 1) == (row, tuple(here.journal.ladders.bakes_of(1)))
    assert read_ladder_toml(folder.parent, 1) is None
    (folder / LADDER_TOML).write_text(text.replace("twin = 0", "twin = -1", 1))
    with pytest.raises(WorkspaceError, match="twin: -1; expected at least 0"):
        read_ladder_toml(folder, 1)


def test_a_deleted_bake_leaves_an_open_place_that_is_baked_again(here: Laddered) -> None:
    here.queue(here.preview(rungs="1,10"))
    here.end(1, 2, 3, 4)
    number = here.bakes_of()["×10"][0] or 0
    planned = plan_deletion(here.journal, here.workspace, [number])
    assert planned.stays.endswith("; ladder 1 with an open place")
    remove(here.journal, here.workspace, planned)
    assert here.bakes_of()["×10"] == [None, 4]
    assert "ladder 1 has an open place: its LoRAs are gone" in [
        line.text for line in here.journal.log.read(bake=number)
    ]
    kept = read_ladder_toml(here.workspace.ladder_folder(1), 1)
    assert kept is not None and number not in {each.bake for each in kept[1]}
    done = continue_ladder(here.journal, here.workspace, 1, engine="x")
    assert (len(done.queued), done.reused) == (1, ())
    # A journal that is lost later knows it as well.
    assert here.bakes_of()["×10"] == [done.queued[0], 4]
