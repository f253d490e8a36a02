"""The last line of each screen: which actions it names, as what matters now."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from lora_tui.keys.keymap import BY_ID


def _all_rights(right: str) -> bool:
    return True


# What an onlooker's key line has in place of the keys that would do nothing.
_FOR_ONLOOKERS = ("grid.screen", "queue.open", "plan.open")


def shown_keys(
    *,
    live: bool,
    paused: bool,
    parked: bool,
    tabs: bool,
    ended_early: bool = False,
    epochs: bool = False,
    opened: bool = True,
    allows: Callable[[str], bool] = _all_rights,
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the Bake screen, six at most.

    Args:
        live: a bake runs.
        paused: it is paused.
        parked: the bake shown has freed its card.
        tabs: some pane is out of view.
        ended_early: the bake shown has steps left and no engine runs it; a parked one counts.
        epochs: LoRAs of it are saved.
        opened: settings are open.
        allows: whether the screen has the right of that name.
    """
    views = ("view.next",) if tabs else ()
    labels = {"bake.pause": "continue"} if paused or parked else {}
    wanted: tuple[str, ...]
    if live:
        wanted = ("bake.pause", "bake.save", "bake.stop", *(views or ("grid.screen",)))
    elif parked:
        # What continues a parked bake queues it again.
        pause = ("bake.pause",) if allows(BY_ID["bake.resume"].right) else ()
        wanted = (*pause, "bake.resume", "bake.start", *views)
    elif ended_early:
        wanted = ("bake.resume", "bake.start", "form.find", *views)
    elif not opened:
        wanted = ("workspace.switch", "subject.new", "settings.open", *(views or ("settings.import",)))
    else:
        last = ("grid.screen",) if epochs else ("subject.new",)
        wanted = ("bake.start", "form.find", "settings.save", *(views or last))
    held = _allowed(wanted, allows)
    if len(held) < len(wanted):
        held += tuple(name for name in _FOR_ONLOOKERS if name not in held)
    return _labelled((*held[:4], "app.help", "app.palette"), labels)


def shown_grid_keys(
    *, building: bool, unfinished: bool, narrow: bool, allows: Callable[[str], bool] = _all_rights
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the Grid screen.

    Args:
        building: the builder has the focus, not the pictures.
        unfinished: the grid shown is queued or being made.
        narrow: builder and pictures are shown one at a time.
        allows: whether the screen has the right of that name.
    """
    end = ("grid.end",) if unfinished else ()
    view = ("grid.view",) if narrow else ()
    labels = {"grid.view": "pictures" if building else "builder"}
    if building:
        wanted = ("grid.make", "grid.preset", *view, "grid.open")
        return _labelled((*_allowed((*wanted, *end), allows), "app.help", "grid.leave"), labels)
    # Judging is what the screen is for.
    judged = ("grid.under", "grid.right", "grid.over", "grid.favourite", *view, *end, "grid.judgement", "grid.crop")
    more = ("grid.compare",) if view else ("grid.compare", "grid.edit")
    return _labelled((*_allowed((*judged, *more), allows), "app.help", "grid.leave"), labels)


def shown_journal_keys(*, overlaid: bool, allows: Callable[[str], bool] = _all_rights) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the Journal screen.

    Args:
        overlaid: curves are shown in place of the bake under the cursor.
        allows: whether the screen has the right of that name.
    """
    wanted: tuple[str, ...] = ("journal.show", "journal.mark", "journal.filter", "journal.overlay", "journal.diff")
    if overlaid:
        wanted = ("journal.mark", "journal.pin", "journal.metric", "journal.overlay", "journal.diff")
    wanted += ("journal.tree", "journal.notes", "journal.rebake")
    labels = {"journal.overlay": "bake"} if overlaid else {}
    return _labelled((*_allowed(wanted, allows), "app.help", "journal.close"), labels)


def shown_ladders_keys(*, some: bool, allows: Callable[[str], bool] = _all_rights) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the screen of all ladders.

    Args:
        some: there is a ladder.
        allows: whether the screen has the right of that name.
    """
    wanted = ("ladders.show", "ladders.new") if some else ("ladders.new",)
    return _labelled((*_allowed(wanted, allows), "app.help", "ladders.close"))


def shown_ladder_keys(
    *, curves: bool, to_continue: bool, allows: Callable[[str], bool] = _all_rights
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the screen of one ladder.

    Args:
        curves: the curves of all rungs are shown in place of a measure over the knob.
        to_continue: a bake of it ended early, or was never queued.
        allows: whether the screen has the right of that name.
    """
    wanted: tuple[str, ...] = ("ladder.show", "ladder.measure", "ladder.curves", "ladder.grid")
    if to_continue:
        wanted = ("ladder.continue", *wanted)
    wanted += ("ladder.extend", "ladder.cut", "ladder.doneness")
    labels = {"ladder.curves": "measure", "ladder.measure": "curve"} if curves else {}
    return _labelled((*_allowed(wanted, allows), "app.help", "ladder.close"), labels)


_DATASET_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pictures": ("dataset.filter", "pictures.caption", "pictures.mark", "pictures.exclude", "dataset.findings"),
        "caption": ("caption.rename", "caption.add", "caption.delete", "caption.front", "dataset.editor"),
        "tags": ("tags.only", "tags.rename", "tags.remove", "dataset.filter", "tags.sort"),
        "buckets": ("dataset.findings",),
    }
)


def shown_dataset_keys(
    pane: str, *, tabs: bool, allows: Callable[[str], bool] = _all_rights
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the Dataset screen.

    Args:
        pane: that has the focus.
        tabs: the panes are shown one at a time, and there is room for a few keys only.
        allows: whether the screen has the right of that name.
    """
    wanted = _DATASET_KEYS[pane]
    held = _allowed(wanted, allows)
    if tabs:
        return _labelled((*held[:2], "dataset.view", *held[2:3], "app.help", "dataset.close"))
    more = _allowed(("dataset.operation", "dataset.undo", "dataset.pairs"), allows)
    return _labelled((*held, *more, "app.help", "dataset.close"))


def _allowed(ids: tuple[str, ...], allows: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(name for name in ids if allows(BY_ID[name].right))


def _labelled(ids: tuple[str, ...], labels: Mapping[str, str] = MappingProxyType({})) -> tuple[tuple[str, str], ...]:
    return tuple((name, labels.get(name, BY_ID[name].label)) for name in ids)
