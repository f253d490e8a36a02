"""How is a fault nobody foresaw said on the screen? In one line, like every other error."""

from trainer.errors import LoraTuiError


def as_error(where: str, error: Exception) -> LoraTuiError:
    """Return `error` as a member of the family; a foreign one is named with its type and message.

    Args:
        where: what was being done.
        error: what was raised.
    """
    if isinstance(error, LoraTuiError):
        return error
    reason = " ".join(str(error).split()) or "no message"
    return LoraTuiError(where, found=f"{type(error).__name__}: {reason}")
