"""Conversion between our samplers and a webui's sampler and schedule type."""

import re

from trainer.errors import GridError
from trainer.grid.samplers import Sampler, sampler_named

# Since 1.9 the schedule is separate from the sampler; for these "Automatic" means another one than the model's.
_OWN_SCHEDULE = {"DPM++ 2M": "Karras"}
_SCHEDULES = ("Karras", "Exponential", "Polyexponential")
# Names of the model's own timesteps, where a sampler would else use its own.
_MODELS_OWN = ("", "automatic", "uniform", "normal", "native")
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


# Even steps of a flow's times, shifted: the only spacing that flows have here.
_FLOW_SCHEDULE = "Simple"
# What means it, or nothing else, in a picture's text.
_OF_FLOW = ("", "automatic", _FLOW_SCHEDULE.lower())


def webui_names(sampler: Sampler, *, of_flow: bool = False) -> tuple[str, str]:
    """Return a webui's sampler and schedule type (1.9 and later) that make what `sampler` makes: `DPM++ 2M`, `Karras`.

    Args:
        sampler: ours.
        of_flow: whether the base predicts a flow, as only the webui's forks know them.
    """
    if of_flow:
        return sampler.webui_name, _FLOW_SCHEDULE
    if sampler.schedule == "Automatic" and sampler.webui_name in _OWN_SCHEDULE:
        return sampler.webui_name, "Uniform"
    return sampler.webui_name, sampler.schedule


def sampler_from_webui(name: str, schedule: str, version: str = "") -> Sampler:
    """Return our sampler for the names in a webui's infotext or settings.

    Args:
        name: such as `DPM++ 2M` or, as before 1.9, `DPM++ 2M Karras`; ComfyUI's `dpmpp_2m` too.
        schedule: the schedule type, ComfyUI's `karras` too; "" for none.
        version: the webui's; decides what a name without schedule type means. "" for one of before 1.9.

    Raises:
        GridError: no sampler of ours matches.
    """
    plain = " ".join(name.split())
    schedule = " ".join(schedule.split())
    separate = bool(schedule) or _has_schedule_types(version)
    if separate and schedule.lower() in ("", "automatic") and not plain.endswith(_SCHEDULES):
        for own, its in _OWN_SCHEDULE.items():
            if plain.lower() == own.lower():
                return sampler_named(own, its)
    if schedule.lower() in _MODELS_OWN or plain.lower().endswith(f" {schedule.lower()}"):
        return sampler_named(plain)
    return sampler_named(plain, schedule)


def sampler_if_known(name: str, schedule: str, version: str = "") -> Sampler | None:
    """Return what sampler_meant returns, None where we have no such sampler."""
    try:
        return sampler_from_webui(name, schedule, version)
    except GridError:
        return None


def sampler_of_flow(name: str, schedule: str) -> Sampler | None:
    """Return our sampler for the names in an infotext of a base that predicts a flow, None where we have no such one or no such spacing."""
    if schedule.lower() not in _OF_FLOW:
        return None
    return sampler_if_known(name, _MODELS_OWN[-1])


def _has_schedule_types(version: str) -> bool:
    """Return whether this version of the webui writes the schedule type separately; False for other programs' versions."""
    match = _VERSION.match(version)
    return match is not None and (int(match[1]), int(match[2])) >= (1, 9)
