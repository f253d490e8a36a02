"""Bakes of several processes: as many as were launched, or none."""

from trainer.errors import SettingsError
from trainer.machine.launch import launched
from trainer.settings.model import Settings
from trainer.text import plural

SETTING = "num_processes"
"""The setting that says how many processes train together."""


def launched_overrides() -> tuple[str, ...]:
    """Return the setting of how many processes were launched together, as `--set` takes it; none where this one was started alone."""
    process = launched()
    return () if process is None else (f"{SETTING}={process.processes}",)


def check_processes(settings: Settings) -> None:
    """See that as many processes are here as a bake is for.

    Raises:
        SettingsError: there are more, or fewer; or it behaves like another trainer, of which only the count on one GPU is known.
    """
    process = launched()
    here, wanted = 1 if process is None else process.processes, settings.num_processes
    if here == wanted == 1:
        return
    if settings.behave_like:
        raise SettingsError(
            f"{SETTING}, behave_like",
            found=f"{plural(max(here, wanted), 'process')}, in a bake that behaves like {settings.behave_like}",
            expected="one of the two: how that trainer counts on several GPUs is not known here",
            way_out="leave behave_like blank, or train on one GPU",
        )
    if here == wanted:
        return
    several = f"start it by `accelerate launch --num_processes {wanted} -m lora_tui …`"
    raise SettingsError(
        SETTING,
        found=f"{wanted}, and {plural(here, 'process')} {'was' if here == 1 else 'were'} started",
        expected="as many processes as the bake is for, because they decide its batches",
        way_out=several if wanted > 1 else "start it without `accelerate launch`",
    )
