"""How is a number of things said?"""


def counted(number: int, thing: str) -> str:
    """Return `3 pictures`, `1 picture`, `1,200 pictures`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
