"""The actions that keys of the Dataset screen, of its panes and of its dialogs give."""

from lora_tui.keys.action import Action

_DATASET = ("dataset",)
_LIST = ("picture list",)
_CAPTION = ("caption tags",)
_TAGS = ("tag table",)
_BUCKETS = ("bucket bars",)
_PREVIEW = ("edit preview",)
_STEPS = ("caption steps",)
_FINDINGS = ("data findings",)
_PAIRS = ("picture pairs",)
_TAGGER = ("tagger running",)

# fmt: off
DATASET_ACTIONS: tuple[Action, ...] = (
    Action("dataset.close", "escape,q", "leave", "back", "back to the bake; with a filter, first to all pictures", _DATASET),
    Action(
        "dataset.filter", "slash", "find", "filter",
        'list only some pictures (words, tag:halo, -tag:"school uniform", folder:3_school, fault:blurred, is:excluded); in the table find a tag',
        _DATASET, "Filter the pictures", "/", opens="always",
    ),
    Action(
        "dataset.operation", "o", "operate", "edit tags", "edit the tags of the marked pictures, else of all that are listed (shows what would change)",
        _DATASET, "Edit tags of many pictures", right="bake", opens="always",
    ),
    Action(
        "dataset.editor", "e", "edit_caption", "$EDITOR", "open the caption of this picture in $VISUAL or $EDITOR", _DATASET,
        "Edit the caption in an editor", right="bake", acts=True, undone="undo on the same screen",
    ),
    Action(
        "dataset.tagger", "t", "tag", "tagger",
        "let a tagger look at the marked pictures, else at all that are listed (shows what would change); again shows the one that is running", _DATASET,
        "Tag pictures with a tagger", right="bake", opens="always",
    ),
    Action("dataset.undo", "u", "undo", "undo", "undo the last step on captions", _DATASET, "Undo a step on captions", right="bake", acts=True, undone="redo on the same screen"),
    Action(
        "dataset.redo", "ctrl+r", "redo", "redo", "do the step on captions again that was undone last", _DATASET, "Redo a step on captions",
        right="bake", acts=True, undone="undo on the same screen",
    ),
    Action(
        "dataset.steps", "H", "steps", "steps", "every step on captions, of earlier sessions too: undo any of them, or do it again", _DATASET,
        "Steps on captions", opens="always",
    ),
    Action(
        "dataset.findings", "f", "findings", "findings",
        "what stands out in pictures and captions: too small, blurred, learned as one thing, odd tags; with the edit that corrects each", _DATASET,
        "Findings in the data", opens="always",
    ),
    Action(
        "dataset.pairs", "D", "pairs", "duplicates", "pictures that are nearly the same, two beside each other", _DATASET,
        "Near-duplicates", opens="always",
    ),
    Action(
        "dataset.repeats", "R", "repeats", "repeats", "change the repeats of this picture's folder, in the settings or in the folder's name", _DATASET,
        "Repeats of a folder", right="bake", opens="always",
    ),
    Action("dataset.mask", "M", "mask", "mask", "show on the picture what its mask leaves out, or hide it again", _DATASET, "Show the mask"),
    Action("dataset.thumbnails", "i", "thumbnails", "thumbnails", "small pictures in the list, or a line for each", _DATASET, "Thumbnails in the list"),
    Action("dataset.look", "g", "look", "look again", "look for what has changed in the folders", _DATASET, "Look at the folders again"),
    Action(
        "dataset.save", "ctrl+s", "save_settings", "save settings", "save the settings, with pictures left out and repeats, to their file", _DATASET,
        "Save settings", right="bake", acts=True, undone="undo in the form, then save again",
    ),
    Action("dataset.view", "v", "next_view", "view", "next tab (in a narrow terminal)", _DATASET),
    Action("dataset.view-pictures", "1", "view('pictures')", "pictures", "the list of pictures", _DATASET),
    Action("dataset.view-caption", "2", "view('caption')", "caption", "the picture with its caption", _DATASET),
    Action("dataset.view-tags", "3", "view('tags')", "tags", "the table of tags", _DATASET),
    Action("dataset.view-buckets", "4", "view('buckets')", "buckets", "the buckets of an epoch", _DATASET),
    # The list of pictures
    Action("pictures.caption", "enter", "caption", "caption", "to the tags of this picture's caption", _LIST),
    Action("pictures.mark", "space", "mark", "mark", "mark the picture, or unmark it, and go to the next", _LIST),
    Action("pictures.mark-all", "a", "mark_all", "mark all", "mark all pictures listed; again unmarks all", _LIST),
    Action(
        "pictures.exclude", "x,delete", "exclude", "leave out",
        "leave the marked pictures out of the bake, else this one, or take them in again (exclude_pictures in the settings)", _LIST, right="bake",
        acts=True, undone="again takes it back",
    ),
    Action("pictures.sort", "s", "sort", "sort", "choose the order of the list", _LIST, opens="always"),
    Action("pictures.down", "down,j", "move(1)", "down", "next picture", _LIST),
    Action("pictures.up", "up,k", "move(-1)", "up", "previous picture", _LIST),
    Action("pictures.page-down", "pagedown", "page(1)", "page down", "page down", _LIST),
    Action("pictures.page-up", "pageup", "page(-1)", "page up", "page up", _LIST),
    Action("pictures.first", "home", "edge(0)", "first", "first picture", _LIST),
    Action("pictures.last", "end", "edge(-1)", "last", "last picture", _LIST),
    # The caption of one picture, tag by tag
    Action("caption.leave", "escape", "leave", "pictures", "back to the list of pictures", _CAPTION),
    Action("caption.rename", "enter,r", "rename", "rename", "write this tag otherwise, in this caption alone", _CAPTION, right="bake", opens="always"),
    Action("caption.add", "a", "add", "add", "add a tag behind this one; several with commas between", _CAPTION, right="bake", opens="always"),
    Action("caption.delete", "x,delete", "delete", "delete", "take this tag out of this caption", _CAPTION, right="bake", acts=True, undone="undo on the same screen"),
    Action(
        "caption.move-left", "shift+left,less_than_sign", "shift(-1)", "move left", "move this tag to the left", _CAPTION, right="bake", acts=True,
        shown_key="<", undone="undo on the same screen",
    ),
    Action(
        "caption.move-right", "shift+right,greater_than_sign", "shift(1)", "move right", "move this tag to the right", _CAPTION, right="bake", acts=True,
        shown_key=">", undone="undo on the same screen",
    ),
    Action("caption.front", "F", "to_front", "to front", "move this tag to the front", _CAPTION, right="bake", acts=True, undone="undo on the same screen"),
    Action("caption.left", "left,h", "move(-1)", "left", "the tag before", _CAPTION),
    Action("caption.right", "right,l", "move(1)", "right", "the next tag", _CAPTION),
    Action("caption.up", "up,k", "line(-1)", "up", "the tag above", _CAPTION),
    Action("caption.down", "down,j", "line(1)", "down", "the tag below", _CAPTION),
    Action("caption.first", "home", "edge(0)", "first", "the first tag", _CAPTION),
    Action("caption.last", "end", "edge(-1)", "last", "the last tag", _CAPTION),
    # The table of tags
    Action("tags.leave", "escape", "leave", "pictures", "all tags again, then back to the list of pictures", _TAGS),
    Action("tags.only", "enter", "only", "only these", "list only pictures with this tag; again lists all", _TAGS),
    Action("tags.without", "minus", "without", "without", "list only pictures without this tag; again lists all", _TAGS, shown_key="-"),
    Action("tags.sort", "s", "sort", "sort", "by count, or by name", _TAGS),
    Action("tags.mark", "space", "mark", "mark", "mark the tag, or unmark it, and go to the next", _TAGS),
    Action(
        "tags.rename", "r", "operate('rename')", "rename", "rename the tag in the marked pictures, else in all that are listed", _TAGS, right="bake",
        opens="always",
    ),
    Action(
        "tags.remove", "x,delete", "operate('remove')", "remove", "take the marked tags, else this one, out of the captions", _TAGS, right="bake",
        opens="always",
    ),
    Action(
        "tags.front", "F", "operate('front')", "to front", "move the marked tags, else this one, to the front of the captions", _TAGS, right="bake",
        opens="always",
    ),
    Action("tags.add", "a", "operate('add')", "add", "add a tag to the captions", _TAGS, right="bake", opens="always"),
    Action("tags.down", "down,j", "move(1)", "down", "next tag", _TAGS),
    Action("tags.up", "up,k", "move(-1)", "up", "previous tag", _TAGS),
    Action("tags.page-down", "pagedown", "page(1)", "page down", "page down", _TAGS),
    Action("tags.page-up", "pageup", "page(-1)", "page up", "page up", _TAGS),
    Action("tags.first", "home", "edge(0)", "first", "first tag", _TAGS),
    Action("tags.last", "end", "edge(-1)", "last", "last tag", _TAGS),
    # The buckets
    Action("buckets.down", "j,down", "scroll_down", "down", "scroll the buckets down", _BUCKETS),
    Action("buckets.up", "k,up", "scroll_up", "up", "scroll the buckets up", _BUCKETS),
    # Dialogs
    Action("preview.write", "enter", "apply", "write them", "write these captions, as a step that can be undone", _PREVIEW, right="bake", acts=True, undone="undo on the same screen"),
    Action("steps.close", "escape,H", "leave", "close", "close", _STEPS),
    Action("steps.turn", "space", "turn", "undo, redo", "undo this step, or do it again", _STEPS, right="bake", acts=True, undone="again takes it back"),
    Action("steps.complete", "c", "complete", "complete", "complete this step, which was interrupted", _STEPS, right="bake", acts=True, undone="undo it in the same list"),
    Action("findings.close", "escape,f", "leave", "close", "close", _FINDINGS),
    Action("findings.show", "space", "show_pictures", "list pictures", "list the pictures that it is about", _FINDINGS),
    Action("tagger.behind", "b", "behind", "in the background", "let it continue behind the screen, where its key shows it again", _TAGGER),
    Action("pairs.close", "escape,D,q", "leave", "close", "close", _PAIRS),
    Action("pairs.next", "right,l,n,space", "turn(1)", "next pair", "next pair", _PAIRS),
    Action("pairs.previous", "left,h,p", "turn(-1)", "pair before", "the pair before", _PAIRS),
    Action("pairs.first-out", "1", "exclude(0)", "left out", "leave the left picture out, or take it in again", _PAIRS, right="bake", acts=True, undone="again takes it back"),
    Action("pairs.second-out", "2", "exclude(1)", "right out", "leave the right picture out, or take it in again", _PAIRS, right="bake", acts=True, undone="again takes it back"),
)
# fmt: on
"""In the order of the help."""
