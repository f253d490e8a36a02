"""Silence of the libraries: progress bars, load reports and advice do not reach the terminal; errors raise anyway."""

import os

import diffusers
import transformers


def silence_libraries() -> None:
    """Switch off progress bars and messages below errors in transformers and diffusers."""
    # tokenizers warns when a process forks after use; nothing forks here, but a test runner may.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
