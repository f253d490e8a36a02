"""Unexpected exceptions as errors of our own family, shown in one line like every other."""

from trainer.errors import LoraTuiError
from trainer.refusals import refusal_of


def as_error(where: str, error: Exception) -> LoraTuiError:
    """Return `error` as a `LoraTuiError`; one of another class is named by its type and message.

    Args:
        where: what was being done.
        error: the exception.
    """
    if isinstance(error, LoraTuiError):
        return error
    if isinstance(error, OSError):
        return refusal_of(error)
    reason = " ".join(str(error).split()) or "no message"
    return LoraTuiError(where, found=f"{type(error).__name__}: {reason}")
