"""Sample prompts as sd-scripts writes them, one line a picture: read into a subject's prompts and seeds, and written from them."""

from collections.abc import Iterable, Sequence
from itertools import product

from trainer.errors import SettingsError
from trainer.formats.prompt_file import FilePrompt, prompts_in_lines
from trainer.grid.sample_prompts import SamplePicture
from trainer.interop.picture_subject import NEGATIVE, SEED
from trainer.interop.record import Options, Reading

_SETTINGS = {"steps": "sample_steps", "cfg_scale": "sample_cfg_scale", "shift": "sample_shift"}


def read_prompt_lines(text: str) -> Reading:
    """Return what the lines of a prompt file are here: prompts and seeds of the subject, and settings where all lines agree."""
    try:
        asked = prompts_in_lines(text, "sample_prompts")
    except SettingsError as error:
        # As they stand, options and all.
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return Reading(_places(lines), f"the options behind them are kept as words: {error.found}")
    if not asked:
        return Reading({"sample_prompts": None})
    prompts = list(dict.fromkeys(each.prompt for each in asked))
    options: Options = _places(prompts)
    lost = []
    negatives = dict.fromkeys(each.negative_prompt for each in asked if each.negative_prompt)
    options |= {NEGATIVE: next(iter(negatives))} if negatives else {}
    lost += ["all but the first negative prompt"] if len(negatives) > 1 else []
    lost += _read_seeds(asked, prompts, options)
    sizes = {(each.width, each.height) for each in asked}
    if len(sizes) == 1 and (size := next(iter(sizes))) != (None, None):
        options["sample_resolution"] = ",".join(str(side) for side in size if side is not None)
    elif len(sizes) > 1:
        lost.append("sizes that differ from line to line")
    for name, setting in _SETTINGS.items():
        values = {getattr(each, name) for each in asked}
        if len(values) > 1:
            lost.append(f"{setting}, which differs from line to line")
        elif values != {None}:
            options[setting] = values.pop()
    lost += ["samplers of single lines"] if any(each.sampler for each in asked) else []
    return Reading(options, f"not taken: {', '.join(lost)}" if lost else "")


def _places(prompts: Iterable[str]) -> Options:
    return {f"subject.prompts[{place}]": text for place, text in enumerate(prompts)}


def _read_seeds(asked: Sequence[FilePrompt], prompts: Sequence[str], options: Options) -> list[str]:
    """Add the seeds, where every prompt has the same ones; return what is lost of them."""
    seeds = list(dict.fromkeys(each.seed for each in asked if each.seed is not None))
    if not seeds:
        return []
    options[SEED] = seeds
    if {(each.prompt, each.seed) for each in asked} == set(product(prompts, seeds)):
        options["sample_seeds"] = len(seeds)
        return []
    return ["which seed belongs to which prompt"]


def prompt_lines(pictures: Iterable[SamplePicture]) -> str:
    """Return a prompt file for sd-scripts that makes the same pictures, each with its seed and size."""
    return "".join(f"{_line(picture)}\n" for picture in pictures)


def _line(picture: SamplePicture) -> str:
    recipe = picture.recipe
    negative = f" --n {_plain(recipe.negative_prompt)}" if recipe.negative_prompt.strip() else ""
    size = f" --w {recipe.width} --h {recipe.height}"
    shift = "" if recipe.shift is None else f" --fs {recipe.shift:g}"
    words = f"{_plain(recipe.prompt)}{negative}{size}"
    return f"{words} --d {recipe.seed} --s {recipe.steps} --l {recipe.cfg_scale:g}{shift}"


def _plain(text: str) -> str:
    return " ".join(text.split())
