"""Samplers by the webui's names, and what each is called elsewhere."""

from dataclasses import dataclass

from trainer.errors import GridError
from trainer.text import printable


@dataclass(frozen=True)
class Sampler:
    """A sampler, which makes a picture of noise; which of them a family's bases take says its record.

    Attributes:
        name: ours and the webui's before 1.9: `DPM++ 2M Karras`.
        webui_name: its name in a current infotext, without the schedule: `DPM++ 2M`.
        schedule: the webui's schedule type, `Karras` or `Automatic`.
        ancestral: whether it draws new noise at each step.
        corrects: whether each step but the last goes through the model a second time.
        others: its other names: those of ComfyUI, of InvokeAI, of NovelAI and of the programs' own interfaces, in small letters.
    """

    name: str
    webui_name: str
    schedule: str = "Automatic"
    ancestral: bool = False
    corrects: bool = False
    others: tuple[str, ...] = ()

    def evaluations(self, steps: int) -> int:
        """Return how often a picture of so many steps goes through the model, without guidance."""
        return 2 * steps - 1 if self.corrects else steps


SAMPLERS = (
    Sampler("Euler", "Euler", others=("k_euler",)),
    Sampler(
        "Euler a", "Euler a", ancestral=True, others=("euler_a", "euler_ancestral", "k_euler_a", "k_euler_ancestral")
    ),
    Sampler("Heun", "Heun", corrects=True, others=("k_heun",)),
    Sampler("DPM++ 2M", "DPM++ 2M", others=("dpmpp_2m", "k_dpmpp_2m")),
    Sampler(
        "DPM++ 2M Karras",
        "DPM++ 2M",
        "Karras",
        others=("dpmpp_2m karras", "dpmpp_2m_karras", "dpmpp_2m_k", "k_dpmpp_2m karras", "k_dpmpp_2m_ka"),
    ),
    Sampler("ER SDE", "ER SDE", ancestral=True, others=("er_sde", "k_er_sde")),
    Sampler("DDIM", "DDIM", others=("ddim ddim_uniform",)),
    Sampler("UniPC", "UniPC", others=("uni_pc",)),
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
    joined = plain if not schedule or schedule.lower() == "automatic" else f"{plain} {schedule.lower()}"
    for sampler in SAMPLERS:
        if joined in (sampler.name.lower(), *(other.lower() for other in sampler.others)):
            return sampler
    raise GridError(
        "sampler",
        found=printable(f"{text} {schedule}".strip(), 60),
        expected=f"one of {', '.join(sampler.name for sampler in SAMPLERS)}",
    )
