"""Several screens over one bake: all say the same, and an order from one shows at the others."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState


@pytest.mark.long
def test_two_onlookers_and_the_owner_see_one_bake(open_terminal, start, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(100)
    owner = open_terminal(folder=demo)
    start(owner)
    first = open_terminal("watch", str(demo), "--orders")
    second = open_terminal("watch", str(demo))
    where = f"in process {owner.process.pid} on pts/"
    for onlooker in (first, second):
        onlooker.wait_for("● baking", where, seconds=60)
    # Of the one that may, an order is obeyed; of the other, it is not.
    second.press("space")
    second.wait_for("read-only:")
    first.press("space")
    screens = [terminal.wait_for("◌ paused", "paused; the model") for terminal in (owner, first, second)]
    told = [re.findall(r"step +(\d+)/800.*paused|loss 0\.\d+", screen) for screen in screens]
    assert told[0]
    assert told[0] == told[1] == told[2]
    # An onlooker leaves without a question, and the bake stays as it was.
    for onlooker in (first, second):
        onlooker.press("ctrl+q")
        assert onlooker.wait_exit(20) == 0
    with Journal(demo / "journal.sqlite") as journal:
        assert journal.bakes.read(1).state is BakeState.PAUSED


def test_watching_loads_no_torch(open_terminal, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(1)
    with Journal(demo / "journal.sqlite"):
        pass
    onlooker = open_terminal("watch", str(demo), fresh=True)
    onlooker.wait_for("planned", "steps ×")
    onlooker.pump(2)
    assert "libtorch" not in Path(f"/proc/{onlooker.process.pid}/maps").read_text()
