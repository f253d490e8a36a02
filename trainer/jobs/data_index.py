"""What the index of pictures takes from the base: how its captions become tokens."""

from trainer.dataset.cut_captions import Tokens
from trainer.errors import LoraTuiError
from trainer.models.identify import identify_base
from trainer.settings.model import Settings


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
