"""What the index of pictures takes from the base, how its captions become tokens; and what plans take from the index."""

import contextlib
from pathlib import Path

from trainer.data_index.index import DataIndex
from trainer.data_index.kept_columns import KeptColumns
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


def take_known_pictures(settings: Settings, settings_path: Path, kept: KeptColumns) -> int:
    """Take what the index of the workspace knows of the data, and return of how many pictures: those that are unchanged are not opened for their sizes then.

    Args:
        settings: with every path filled in.
        settings_path: the file they belong to.
        kept: gets the index's columns, for whoever opens it next.
    """
    # What an index says is never needed: every file can be read.
    with contextlib.suppress(LoraTuiError), DataIndex(find_workspace(settings_path.parent), kept) as index:
        if index.path.exists() and index.recall(settings):
            index.hand_on_sizes()
            return index.count()
    return 0
