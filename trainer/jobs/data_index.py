"""What the index of pictures takes from the base, how its captions become tokens; and what plans take from the index."""

import contextlib
from pathlib import Path

from trainer.data_index.known_sizes import hand_on_sizes
from trainer.dataset.cut_captions import Tokens
from trainer.errors import LoraTuiError
from trainer.models.identify import identify_base
from trainer.settings.model import Settings
from trainer.workspace import find_workspace


def tokens_of_base(settings: Settings) -> Tokens | None:
    """Return how the base reads captions, None where it cannot be read or cuts none: pictures are looked at all the same.

    Args:
        settings: with every path filled in.
    """
    try:
        tokens = identify_base(settings.pretrained_model_name_or_path).tokens
        if tokens is not None:
            # A tokenizer that cannot be read says so here.
            tokens("")
    except LoraTuiError:
        return None
    return tokens


def take_known_sizes(settings: Settings, settings_path: Path) -> None:
    """Have the sizes of unchanged pictures taken from the index of the workspace, where it knows them, rather than from the files.

    Args:
        settings: with every path filled in.
        settings_path: the file they belong to.
    """
    workspace = find_workspace(settings_path.parent)
    # What an index says is never needed: every file can be read.
    with contextlib.suppress(LoraTuiError):
        hand_on_sizes(workspace, settings)
