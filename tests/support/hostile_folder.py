"""A folder of modules named as what the program imports, which write down that they were imported, and print."""

from pathlib import Path

NAMES = (
    "torch",
    "select",
    "click",
    "numpy",
    "PIL",
    "pydantic",
    "sqlite3",
    "textual",
    "json",
    "trainer",
    "usercustomize",
)

_MODULE = "open({mark!r}, 'a').write(__name__ + chr(10))\nprint('{{\"prediction\": {{}}}}')\n"


def make_hostile(folder: Path) -> Path:
    """Fill `folder`, making it if need be, and return the file that is there once one of its modules was imported."""
    mark = folder / "imported.txt"
    for name in NAMES:
        place = folder / name / "__init__.py" if name in ("trainer", "textual") else folder / f"{name}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_MODULE.format(mark=str(mark)))
    return mark
