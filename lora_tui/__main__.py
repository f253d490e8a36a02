"""The program's entry point: `lora-tui`, `python -m lora_tui`. Nothing is imported before the current folder has left the import path."""

import os
import sys


def main() -> None:
    """Run the command line."""
    forget_current_folder()
    # It would look through every installed package for plug-ins of others, at each start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from lora_tui.cli import main as run

    run()


def forget_current_folder() -> None:
    """Import nothing from the current folder, which `python -m` puts first: a `select.py` there would be taken for Python's own.

    It stays where the program itself is in it, as in a checkout.
    """
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:
        # It was deleted.
        here = ""
    kept = [folder for folder in sys.path if folder and os.path.realpath(folder) != here]
    sys.path[:] = kept if here != os.path.realpath(own) else [folder for folder in sys.path if folder]


if __name__ == "__main__":
    main()
