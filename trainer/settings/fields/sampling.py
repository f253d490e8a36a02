"""What may be asked of sample pictures made while a bake runs?"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, field_validator

from trainer.settings.amounts import check_sample_size, check_text
from trainer.settings.one_setting import Text, setting

# sd-scripts' names of those samplers that are here too.
_OTHER_NAMES = {
    "ddim": "DDIM",
    "euler": "Euler",
    "k_euler": "Euler",
    "euler_a": "Euler a",
    "k_euler_a": "Euler a",
    "dpmsolver++": "DPM++ 2M",
}


def our_name(sampler: object) -> object:
    """Return our name of one of sd-scripts' samplers, and anything else as it is."""
    return _OTHER_NAMES.get(sampler.strip().lower(), sampler) if isinstance(sampler, str) else sampler


# trainer.grid.samplers has the same ones, on a floor above this.
SamplerName = Literal["Euler", "Euler a", "DPM++ 2M", "DPM++ 2M Karras", "DDIM", "UniPC", "LCM"]


class SamplingFields(BaseModel):
    """Section Sampling."""

    sample_every_n_epochs: int | None = setting(
        None,
        "Sampling",
        "every n epochs",
        "Sample pictures after every n epochs and at the bake's end, in the bake's folder under `samples/`. Blank: none.",
        unit="epochs",
        live=True,
        ge=1,
        le=100_000,
    )
    sample_every_n_steps: int | None = setting(
        None,
        "Sampling",
        "every n steps",
        "The same after every n steps. Blank: none.",
        unit="steps",
        live=True,
        ge=1,
        le=100_000_000,
    )
    sample_at_first: bool = setting(
        False, "Sampling", "at first", "Sample pictures before the first step too: what the base makes of the prompts."
    )
    sample_prompts: str = setting(
        "",
        "Sampling",
        "prompt file",
        "Prompts in sd-scripts' form: .txt (`a girl --n blurry --w 512 --h 768 --d 1 --s 20 --l 7`), .toml or .json. It is read anew each time. Blank: the subject's prompts and negative prompt.",
    )
    sample_seeds: int = setting(
        1,
        "Sampling",
        "seeds",
        "Pictures of each prompt: with the first n of the subject's seeds, counting on from the last where it has fewer. A line of a prompt file that names its seed has one picture.",
        unit="of each",
        live=True,
        ge=1,
        le=100,
    )
    sample_sampler: Annotated[SamplerName | None, BeforeValidator(our_name)] = setting(
        None,
        "Sampling",
        "sampler",
        "Sampler where the prompt file names none. Blank: the one that grids on this base begin with.",
        live=True,
    )
    sample_steps: int | None = setting(
        None,
        "Sampling",
        "steps",
        "Sampling steps of a picture where the prompt file names none. Blank: as grids on this base.",
        unit="steps",
        live=True,
        ge=1,
        le=1000,
    )
    sample_cfg_scale: float | None = setting(
        None,
        "Sampling",
        "cfg scale",
        "How far the prompt is followed (classifier-free guidance) where the prompt file names nothing. Blank: as grids on this base.",
        live=True,
        ge=0,
        le=100,
    )
    sample_resolution: Text = setting(
        "",
        "Sampling",
        "size",
        "Size of a sample picture: `512`, or `width,height`, cut to multiples of 8. Blank: as grids on this base.",
        unit="px",
        live=True,
    )

    @field_validator("sample_prompts")
    @classmethod
    def _prompt_file_can_be_written_down(cls, value: str) -> str:
        return check_text(value)

    @field_validator("sample_resolution")
    @classmethod
    def _size_of_a_picture(cls, value: str) -> str:
        return check_sample_size(value)
