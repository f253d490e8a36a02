"""The actions that keys of the Grid screen give, and of its pictures: in the sheet, on the full screen, cropped, and compared."""

from lora_tui.keys.action import Action

_GRID = ("grid",)
_PICTURES = ("pictures",)
_JUDGING = ("pictures", "full picture")
_SHEET = ("sheet",)
_CROP = ("crop",)
_COMPARE = ("compare",)

# fmt: off
GRID_ACTIONS: tuple[Action, ...] = (
    # The Grid screen
    Action(
        "grid.make", "b", "make", "make",
        "make the grid in the builder: queued, or between two steps of the running bake (asks)", _GRID, "Make the grid", right="order",
        opens="always", acts=True, undone="asks; ending the grid keeps its pictures",
    ),
    Action(
        "grid.end", "x", "end", "end", "skip the epoch under the cursor in the rest of the grid, or end the grid (asks)",
        _GRID, "End the grid", right="order", opens="always",
    ),
    Action(
        "grid.preset", "r", "preset", "presets", "load a preset grid into the builder, or bring back what it had", _GRID, "Presets",
        opens="always",
    ),
    Action(
        "grid.style", "y", "style", "style", "load prompt, sampler, size etc. from a style of the workspace", _GRID,
        "Styles", opens="always",
    ),
    Action(
        "grid.judgement", "J", "judgement", "results", "results of your judging; queue three variants from here", _GRID,
        "Results of judging", opens="always",
    ),
    Action(
        "grid.use", "u", "use", "use", "send this picture's LoRA to where you use it", _GRID, "Use this LoRA", right="bake",
        opens="always",
    ),
    Action(
        "grid.page", "H", "page", "page", "write the grid as one HTML page and copy the command that fetches it", _GRID,
        "HTML page", right="bake", acts=True, undone="adds a page, or writes its own page again",
    ),
    Action(
        "grid.open", "o", "grids", "grids", "open another grid, or resume an unfinished one", _GRID, "Open a grid",
        opens="always",
    ),
    Action("grid.edit", "e", "edit", "edit", "load the settings of the grid on screen into the builder", _GRID, "Edit the grid"),
    Action("grid.view", "v", "next_view", "view", "builder or pictures (in a narrow terminal)", _GRID),
    Action(
        "grid.save", "ctrl+s", "save_spec", "save spec", "save the grid's settings to a file for `lora-tui grid`", _GRID,
        "Save the grid's settings", right="bake", acts=True, undone="the file before is kept beside it as .bak",
    ),
    # Pictures of a grid
    Action(
        "grid.favourite", "space", "favourite", "favourite", "mark as a favourite, or unmark", _JUDGING, right="order",
        acts=True, undone="again unmarks",
    ),
    Action(
        "grid.under", "1", "verdict('under')", "under", "undertrained; again takes it back", _JUDGING, right="order",
        acts=True, undone="again takes it back",
    ),
    Action(
        "grid.right", "2", "verdict('right')", "right", "trained right; again takes it back", _JUDGING, right="order",
        acts=True, undone="again takes it back",
    ),
    Action("grid.over", "3", "verdict('over')", "over", "overtrained; again takes it back", _JUDGING, right="order", acts=True, undone="again takes it back"),
    Action("grid.unet", "U", "part('unet')", "{body}", "the next verdict is for the {body} only", _JUDGING),
    Action(
        "grid.text-encoder", "T", "part('text_encoder')", "{encoder}",
        "the next verdict is for the {encoder} only", _JUDGING,
    ),
    Action(
        "grid.checklist", "c", "checklist", "checklist", "fill in the subject's checklist for this picture", _JUDGING, right="order",
        opens="always",
    ),
    Action("grid.large", "enter", "large", "full screen", "show the picture on the full screen", _PICTURES, opens="always"),
    Action("grid.mark", "m", "mark", "mark", "mark the picture for comparison with another", _PICTURES),
    Action("grid.compare", "w", "compare", "compare", "compare the marked picture with this one", _PICTURES, opens="always"),
    Action(
        "grid.crop", "z", "crop", "crop", "mark a region and show it at native resolution for every epoch", _PICTURES,
        opens="always",
    ),
    Action(
        "grid.blind", "B", "blind", "blind", "blind mode: labels hidden, order shuffled; again reveals them",
        ("pictures", "grid"), "Blind mode",
    ),
    Action("sheet.left", "left,h", "move(-1, 0)", "left", "picture to the left", ("sheet", "full picture")),
    Action("sheet.right", "right,l", "move(1, 0)", "right", "picture to the right", ("sheet", "full picture")),
    Action("sheet.up", "up,k", "move(0, -1)", "up", "picture above", ("sheet", "full picture")),
    Action("sheet.down", "down,j", "move(0, 1)", "down", "picture below", ("sheet", "full picture")),
    Action("sheet.first", "home", "edge(-1)", "first", "first picture of the row", _SHEET),
    Action("sheet.last", "end", "edge(1)", "last", "last picture of the row", _SHEET),
    Action(
        "sheet.previous", "left_square_bracket", "turn(-1)", "previous sheet", "previous sheet", _SHEET, shown_key="[",
    ),
    Action("sheet.next", "right_square_bracket", "turn(1)", "next sheet", "next sheet", _SHEET, shown_key="]"),
    Action("sheet.larger", "plus,equals_sign", "zoom(1)", "larger", "larger pictures", _SHEET, shown_key="+"),
    Action("sheet.smaller", "minus", "zoom(-1)", "smaller", "smaller pictures", _SHEET, shown_key="-"),
    Action("full-picture.close", "escape,enter,q", "leave", "back", "back to the sheet", ("full picture",)),
    Action("crop.close", "escape,q", "leave", "back", "back to the sheet", _CROP),
    Action("crop.switch", "enter,z", "switch", "every epoch", "every epoch, or the whole picture", _CROP),
    Action("crop.left", "left,h", "move(-1, 0)", "left", "move the region left", _CROP),
    Action("crop.right", "right,l", "move(1, 0)", "right", "move the region right", _CROP),
    Action("crop.up", "up,k", "move(0, -1)", "up", "move the region up", _CROP),
    Action("crop.down", "down,j", "move(0, 1)", "down", "move the region down", _CROP),
    Action("crop.far-left", "shift+left,H", "move(-4, 0)", "far left", "move the region far left", _CROP),
    Action("crop.far-right", "shift+right,L", "move(4, 0)", "far right", "move the region far right", _CROP),
    Action("crop.far-up", "shift+up,K", "move(0, -4)", "far up", "move the region far up", _CROP),
    Action("crop.far-down", "shift+down,J", "move(0, 4)", "far down", "move the region far down", _CROP),
    Action("crop.larger", "plus,equals_sign", "grow(1)", "larger", "a larger region", _CROP, shown_key="+"),
    Action("crop.smaller", "minus", "grow(-1)", "smaller", "a smaller region", _CROP, shown_key="-"),
    Action("crop.page-down", "pagedown", "scroll(1)", "page down", "scroll down", _CROP),
    Action("crop.page-up", "pageup", "scroll(-1)", "page up", "scroll up", _CROP),
    Action("compare.close", "escape,w,q,enter", "leave", "back", "back to the sheet", _COMPARE),
    Action("compare.left", "left,h", "edge(-1)", "left", "move the edge left", _COMPARE),
    Action("compare.right", "right,l", "edge(1)", "right", "move the edge right", _COMPARE),
    Action("compare.second", "home", "edge(-99)", "second picture", "the second picture only", _COMPARE),
    Action("compare.first", "end", "edge(99)", "first picture", "the first picture only", _COMPARE),
    Action("compare.swap", "tab,space", "swap", "swap sides", "swap the sides of the two pictures", _COMPARE),
    Action("grid.leave", "escape", "leave", "back", "back to the bake", _GRID),
)
# fmt: on
"""In the order of the help."""
