"""Prints docs/filter.md: what a filter of the list of bakes knows, from its grammar and fields in trainer/history/."""

from trainer.history.filter import GRAMMAR
from trainer.history.filter_fields import FILTER_FIELDS

_HEAD = """\
<!-- Made by `make docs` from trainer/history/filter.py and filter_fields.py; change it there. -->

# Searching bakes

    lora-tui bakes 'unet_lr>1e-4 subject:hifumi tag:te peak<6G'

lists the bakes that fit every term; the quotes keep the shell from taking `>` for a file. The same line works with `bakes prune` and
on the journal's screen. Case does not matter. An unknown key is an error that names the nearest ones.

A bake that lacks a value, such as a peak that was not measured, does not fit a term about it.
"""


def page() -> str:
    """Return the page as Markdown."""
    terms = [f"| {_code(line.form)} | {line.means} | {_code(line.example)} |" for line in GRAMMAR]
    fields = [
        f"| {_code(field.key)} | {field.help} | {field.kind} | {_code(field.example)} |" for field in FILTER_FIELDS
    ]
    parts = (
        _HEAD,
        "## Terms\n",
        "| term | finds | example |\n|---|---|---|",
        *terms,
        "\n## Fields of a bake\n",
        "Beside every setting by its name.\n",
        "| key | what | value | example |\n|---|---|---|---|",
        *fields,
    )
    return "\n".join(parts) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text[0] in "-\"'" or any(sign in text for sign in "_:=<>") else text


if __name__ == "__main__":
    print(page(), end="")
