"""Settings of sample pictures made during a bake."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, field_validator

from trainer.families.record import MAX_SHIFT, MIN_SHIFT
from trainer.settings.amounts import check_path, check_sample_size
from trainer.settings.one_setting import EXACT, NO_KEY, SettingFields, Text, setting

# sd-scripts' names of those samplers that are here too.
_OTHER_NAMES = {
    "ddim": "DDIM",
    "euler": "Euler",
    "k_euler": "Euler",
    "euler_a": "Euler a",
    "k_euler_a": "Euler a",
    "heun": "Heun",
    "dpmsolver++": "DPM++ 2M",
}


def sampler_name(sampler: object) -> object:
    """Return our name of one of sd-scripts' samplers, and anything else as it is."""
    return _OTHER_NAMES.get(sampler.strip().lower(), sampler) if isinstance(sampler, str) else sampler


# trainer.grid.samplers has the same ones, on a floor above this.
SamplerName = Literal["Euler", "Euler a", "Heun", "DPM++ 2M", "DPM++ 2M Karras", "ER SDE", "DDIM", "UniPC", "LCM"]


class SamplingFields(SettingFields):
    """Section Sampling."""

    sample_every_n_epochs: int | None = setting(
        None,
        "Sampling",
        "sample every n epochs",
        "Make sample pictures after every n epochs and at the end of the bake, in the bake's folder under `samples/`. Blank: none.",
        unit="epochs",
        live=True,
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, images, interval",
        ge=1,
        le=100_000,
    )
    sample_every_n_steps: int | None = setting(
        None,
        "Sampling",
        "sample every n steps",
        "Make sample pictures after every n steps. Blank: not by steps.",
        unit="steps",
        live=True,
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, images, interval",
        ge=1,
        le=100_000_000,
    )
    sample_at_first: bool = setting(
        False,
        "Sampling",
        "sample before training",
        "Make sample pictures before the first step too: what the base alone makes of the prompts.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, images, baseline",
    )
    sample_prompts: str = setting(
        "",
        "Sampling",
        "sample prompt file",
        "Prompts in sd-scripts' format: .txt (`a girl --n blurry --w 512 --h 768 --d 1 --s 20 --l 7`), .toml or .json. Read again each time. Blank: the subject's prompts and negative prompt.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, images, negative prompt",
        path="samples",
    )
    sample_seeds: int = setting(
        1,
        "Sampling",
        "sample seeds",
        "Pictures per prompt: with the first n of the subject's seeds, continuing from the last where it has fewer. A line of a prompt file that names its seed makes one picture.",
        unit="of each",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, images, how many, random",
        ge=1,
        le=100,
    )
    sample_sampler: Annotated[SamplerName | None, BeforeValidator(sampler_name)] = setting(
        None,
        "Sampling",
        "sampler",
        "Sampler where the prompt file names none. Blank: the default for grids on this base.",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, scheduler, euler",
    )
    sample_steps: int | None = setting(
        None,
        "Sampling",
        "sample steps",
        "Sampling steps of a picture where the prompt file names none. Blank: the default for grids on this base.",
        unit="steps",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, sampling steps",
        ge=1,
        le=1000,
    )
    sample_cfg_scale: float | None = setting(
        None,
        "Sampling",
        "sample CFG scale",
        "How closely the prompt is followed (classifier-free guidance) where the prompt file names no scale. Blank: the default for grids on this base.",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, guidance",
        ge=0,
        le=100,
    )
    sample_shift: float | None = setting(
        None,
        "Sampling",
        "sample shift",
        "On a base that predicts a flow: shift of the times that a picture goes through, where the prompt file names none. Blank: the default for grids on this base.",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, flow matching, sigma shift",
        ge=MIN_SHIFT,
        le=MAX_SHIFT,
    )
    sample_resolution: Text = setting(
        "",
        "Sampling",
        "sample size",
        "Size of a sample picture: `512`, or `width,height`, rounded down to multiples of {grain}. Blank: the default for grids on this base.",
        unit="px",
        live=True,
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="preview, width, height",
    )

    @field_validator("sample_prompts")
    @classmethod
    def _prompt_file_can_be_written_down(cls, value: str) -> str:
        return check_path(value)

    @field_validator("sample_resolution")
    @classmethod
    def _size_of_a_picture(cls, value: str) -> str:
        return check_sample_size(value)
