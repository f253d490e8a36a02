"""Samplers by the webui's names, and what each is called elsewhere."""

from dataclasses import dataclass

from trainer.errors import GridError
from trainer.text import printable


@dataclass(frozen=True)
class Sampler:
    """A diffusion sampler, which makes a picture of noise.

    Attributes:
        name: ours and the webui's before 1.9: `DPM++ 2M Karras`.
        webui_name: its name in a current infotext, without the schedule: `DPM++ 2M`.
        schedule: the webui's schedule type, `Karras` or `Automatic`.
        ancestral: whether it draws new noise at each step.
        others: its other names.
    """

    name: str
    webui_name: str
    schedule: str = "Automatic"
    ancestral: bool = False
    others: tuple[str, ...] = ()


SAMPLERS = (
    Sampler("Euler", "Euler", others=("k_euler",)),
    Sampler("Euler a", "Euler a", ancestral=True, others=("k_euler_a", "k_euler_ancestral")),
    Sampler("DPM++ 2M", "DPM++ 2M", others=("k_dpmpp_2m",)),
    Sampler("DPM++ 2M Karras", "DPM++ 2M", "Karras", others=("k_dpmpp_2m_ka",)),
    Sampler("DDIM", "DDIM"),
    Sampler("UniPC", "UniPC"),
    Sampler("LCM", "LCM", ancestral=True),
)
"""Every sampler, in the order in which they are offered."""


def sampler_named(text: str, schedule: str = "") -> Sampler:
    """Return the sampler that `text` means, in any case, by any of its names.

    Args:
        text: a name.
        schedule: the webui's schedule type where it is given separately.

    Raises:
        GridError: no sampler has that name.
    """
    plain = " ".join(text.split()).lower()
    joined = plain if not schedule or schedule == "Automatic" else f"{plain} {schedule.lower()}"
    for sampler in SAMPLERS:
        if joined in (sampler.name.lower(), *(other.lower() for other in sampler.others)):
            return sampler
    raise GridError(
        "sampler",
        found=printable(f"{text} {schedule}".strip(), 60),
        expected=f"one of {', '.join(sampler.name for sampler in SAMPLERS)}",
    )
