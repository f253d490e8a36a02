"""What words does a picture get this time?"""

import random


def caption_for(text: str, *, shuffle: bool, keep: int, seed: int, epoch: int, occurrence: int) -> str:
    """Return the caption `text` for one showing of a picture: untouched, or with its tags in another order.

    Args:
        text: the caption; tags are parted by commas.
        shuffle: whether tags change places (shuffle_caption). They are then joined by `, ` whatever stood between them.
        keep: how many tags in front stay where they are (keep_tokens).
        seed: the bake's seed.
        epoch: its number.
        occurrence: which showing of the epoch this is; each has its own order.
    """
    if not shuffle:
        return text
    tags = [tag.strip() for tag in text.split(",")]
    tags = [tag for tag in tags if tag]
    loose = tags[keep:]
    random.Random(f"caption {seed} {epoch} {occurrence}").shuffle(loose)
    return ", ".join(tags[:keep] + loose)
