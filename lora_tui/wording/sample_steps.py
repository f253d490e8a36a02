"""The steps at which pictures were made, as a line with a cursor."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content


def step_words(step: int, steps_per_epoch: int) -> str:
    """Return `e3` for the end of an epoch, `start` before the first step, and the step's number else."""
    if step == 0:
        return "start"
    if steps_per_epoch and step % steps_per_epoch == 0:
        return f"e{step // steps_per_epoch}"
    return f"{step:,}"


def scrubber(steps: Sequence[int], step: int, steps_per_epoch: int, width: int) -> Content:
    """Return the steps in a line, the one under the cursor in brackets, as many around it as there is room for.

    Args:
        steps: in order.
        step: under the cursor, one of `steps`.
        steps_per_epoch: of the bake.
        width: cells.
    """
    at = list(steps).index(step)
    words = [step_words(each, steps_per_epoch) for each in steps]
    count = f"  {at + 1} of {len(steps)}"
    left = right = at
    used = cell_len(words[at]) + 2 + cell_len(count) + 4
    while True:
        grown = False
        for to in (left - 1, right + 1):
            if 0 <= to < len(words) and used + cell_len(words[to]) + 1 <= width:
                used += cell_len(words[to]) + 1
                left, right, grown = min(left, to), max(right, to), True
        if not grown:
            break
    before, after = " ".join(words[left:at]), " ".join(words[at + 1 : right + 1])
    return Content.assemble(
        ("… " if left else "", "$muted"),
        (f"{before} " if before else "", "$muted"),
        (f"[{words[at]}]", "bold $accent"),
        (f" {after}" if after else "", "$muted"),
        (" …" if right < len(words) - 1 else "", "$muted"),
        (count, "$muted"),
    )
