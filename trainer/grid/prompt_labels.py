"""Labels of complete prompts: of each what the others do not have."""

from collections.abc import Sequence

NOTHING_MORE = "–"
"""Label of a prompt that has only what all of them have."""

# Tags are kept whole: `red hair` says more than `red`. Of prompts in sentences only the words that differ fit beside a picture.
_MAX_TAG = 32
_OPENING, _CLOSING = "([{<", ")]}>"


def prompt_labels(prompts: Sequence[str]) -> tuple[str, ...]:
    """Return a label for each prompt: its tags that not all of them have, of long ones the words that differ.

    Equal prompts have equal labels. Where nothing shorter tells different prompts apart, each is its own label.
    """
    if len(set(prompts)) < 2:
        return tuple(prompts)
    tags = [_tags(prompt) for prompt in prompts]
    shared = set(tags[0]).intersection(*tags[1:])
    labels = [", ".join(tag for tag in own if tag not in shared) for own in tags]
    if max(map(len, labels)) > _MAX_TAG:
        labels = _without_common_ends(labels)
    labels = [label or NOTHING_MORE for label in labels]
    return tuple(labels) if len(set(labels)) == len(set(prompts)) else tuple(prompts)


def shared_tags(prompts: Sequence[str]) -> str:
    """Return the tags that all prompts have, in the order of the first: what their labels leave out; "" without any."""
    tags = [_tags(prompt) for prompt in prompts] or [[]]
    shared = set(tags[0]).intersection(*tags[1:])
    return ", ".join(tag for tag in dict.fromkeys(tags[0]) if tag in shared)


def _tags(prompt: str) -> list[str]:
    """Split a prompt at its commas and lines, those inside brackets apart."""
    tags, start, depth, escaped = [], 0, 0, False
    for place, char in enumerate(prompt):
        if not escaped:
            depth = max(0, depth + (char in _OPENING) - (char in _CLOSING))
        escaped = char == "\\" and not escaped
        if char in ",\n" and depth == 0:
            tags.append(prompt[start:place])
            start = place + 1
    return [words for each in (*tags, prompt[start:]) if (words := " ".join(each.split()))]


def _without_common_ends(labels: Sequence[str]) -> list[str]:
    """Return the labels without the words that all of them begin or end with."""
    words = [label.split() for label in labels]
    start = _common(words)
    rest = [own[start:] for own in words]
    end = _common([own[::-1] for own in rest])
    return [" ".join(own[: len(own) - end]).strip(" ,") for own in rest]


def _common(words: Sequence[Sequence[str]]) -> int:
    """Return how many words all lists begin with."""
    count = 0
    for together in zip(*words, strict=False):
        if len(set(together)) > 1:
            break
        count += 1
    return count
