"""Recreation of a picture: a grid of one cell from its infotext, and why ours may look different."""

from dataclasses import dataclass

from pydantic import ValidationError

from trainer.errors import GridError, LoraTuiError
from trainer.exchange.base_parts import parts_in
from trainer.exchange.beside_picture import NamedFiles
from trainer.exchange.cell_text import (
    PREDICTION_KEY,
    PROGRAM,
    RESCALE_KEY,
    ZERO_SNR,
    ZERO_SNR_KEY,
    blocks_key,
    rank_key,
    split_written_tags,
    text_encoder_key,
)
from trainer.exchange.infotext_fields import InfotextFields
from trainer.exchange.known_models import BASE, VAE, find_lora, find_model
from trainer.exchange.recreate_differences import known_differences
from trainer.exchange.wanted_loras import WantedLora, wanted_loras
from trainer.families.flow_matching import SAMPLERS
from trainer.families.record import FamilyRecord
from trainer.families.registry import family_record
from trainer.formats.infotext import SHIFT_KEYS, Infotext
from trainer.formats.picture_recipe import PictureRecipe
from trainer.grid.axis_values import MAX_SEED
from trainer.grid.model_files import ModelFiles
from trainer.grid.samplers import Sampler
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, refused_field
from trainer.grid.webui_sampler import sampler_if_known, sampler_of_flow
from trainer.models.adapter_config import lora_name
from trainer.models.identify import Base
from trainer.prompts.lora_tags import Tag, split_tags, tag_name
from trainer.text import plural, printable

# Far above any picture's; each is searched for among all LoRAs here.
_MAX_TAGS = 64
_AXES = ("x", "y", "z")
# Pixels to a side of one latent.
_LATENT = 8
# Frozen, so that it may be a default.
NOTHING_NAMED = NamedFiles()


@dataclass(frozen=True)
class RecreatedGrid:
    """A picture's recipe as a grid of ours.

    Attributes:
        spec: makes one picture. Its base is "" where this workspace lacks the picture's.
        differences: known reasons why ours may look different, one line each.
    """

    spec: GridSpec
    differences: tuple[str, ...]


def recreate(
    picture: PictureRecipe, model_files: ModelFiles, base: str = "", named: NamedFiles = NOTHING_NAMED
) -> RecreatedGrid:
    """Return the grid of one picture with the recipe that any generator wrote into it.

    Args:
        picture: the recipe, as read_picture returns it.
        model_files: where base, VAE and LoRAs are searched.
        base: used where the picture's own is not known here, as in GridSpec.
        named: further files that are known.

    Raises:
        GridError: it holds no recipe, or a number in it is invalid or out of bounds.
    """
    info = picture.info
    if (count := sum(text.count("<lora:") for text in (info.prompt, info.negative_prompt))) > _MAX_TAGS:
        raise GridError("infotext", found=f"{count:,} LoRA tags", expected=f"at most {_MAX_TAGS}")
    fields = InfotextFields(info.fields)
    ours = info.fields.get("Version", "").startswith(PROGRAM)
    if "Steps" not in info.fields or "Size" not in info.fields:
        raise GridError(
            "infotext",
            found="no line with Steps and Size",
            expected="an infotext as a webui or lora-tui writes it",
        )
    differences: list[str] = [named.note] if named.note else []
    of_files: list[str] = []
    models = _models(fields, model_files, base, named, of_files)
    found = _base(str(models["base"]), model_files)
    family = family_record(found.family) if found else None
    values: dict[str, object] = {
        "name": "recreated",
        "negative_prompt": info.negative_prompt,
        "seeds": _seed(fields, differences),
        "steps": fields.integer("Steps"),
        "cfg_scale": fields.number("CFG scale", 7.0),
        "clip_skip": fields.integer("Clip skip", 1),
        "guidance_rescale": fields.number(RESCALE_KEY, 0.0),
        **_prediction(info, ours),
        **_size(fields, family, differences),
        **_sampler(fields, family, differences),
        **_shift(fields, family),
        **models,
        **parts_in(fields, found, model_files, of_files),
        **_prompt_and_loras(picture, ours, model_files, named, of_files),
    }
    differences += of_files
    differences += [*picture.notes, *known_differences(info.fields, ours, picture.program)]
    try:
        return RecreatedGrid(GridSpec.model_validate(values), tuple(differences))
    except ValidationError as error:
        raise refused_field(error, "infotext") from None


def _seed(fields: InfotextFields, differences: list[str]) -> str:
    seed = fields.integer("Seed", -1)
    if seed <= MAX_SEED:
        return str(seed)
    differences.append(f"seed {seed}: {seed & MAX_SEED} is used, seeds end at {MAX_SEED:,}: the noise is another")
    return str(seed & MAX_SEED)


def _prediction(info: Infotext, ours: bool) -> dict[str, object]:
    zero = info.fields.get(ZERO_SNR_KEY) == ZERO_SNR
    if not ours:
        # A webui takes the prediction type from the model, as we do.
        return {"zero_terminal_snr": "yes"} if zero else {}
    return {
        # A base that predicts a flow says so itself.
        "prediction": {"v": "v", "flow": "auto"}.get(info.fields.get(PREDICTION_KEY, ""), "epsilon"),
        "zero_terminal_snr": "yes" if zero else "no",
    }


def _base(base: str, model_files: ModelFiles) -> Base | None:
    """Return a base, None where there is no such one; what is wrong with it is said when it is to be used."""
    if not base:
        return None
    try:
        return model_files.base(model_files.base_name(base))
    except LoraTuiError:
        return None


def _has_part(base: str, stem: str, model_files: ModelFiles) -> bool:
    """Return whether a base's own parts have a file of that name."""
    found = _base(base, model_files)
    return found is not None and any(place.stem == stem for place in found.component_files.values())


def _size(fields: InfotextFields, family: FamilyRecord | None, differences: list[str]) -> dict[str, object]:
    grain = family.sampling.grain if family else _LATENT
    width, height = (side // grain * grain for side in fields.size())
    if (width, height) != fields.size():
        differences.append(f"size {fields.text('Size')}: {width}x{height} is used, sides must be multiples of {grain}")
    return {"width": width, "height": height}


def _is_of_flow(fields: InfotextFields, family: FamilyRecord | None) -> bool:
    return family.prediction == "flow" if family else any(fields.has(key) for key in SHIFT_KEYS)


def _shift(fields: InfotextFields, family: FamilyRecord | None) -> dict[str, object]:
    if not _is_of_flow(fields, family):
        return {}
    return {"shift": next((fields.number(key) for key in SHIFT_KEYS if fields.has(key)), None)}


def _sampler(fields: InfotextFields, family: FamilyRecord | None, differences: list[str]) -> dict[str, object]:
    name, schedule = fields.text("Sampler", ""), fields.text("Schedule type", "")
    version = fields.text("Version", "")
    if not name:
        return {}
    if _is_of_flow(fields, family):
        return {"sampler": _sampler_of_flow(name, schedule, family, differences)}
    if (sampler := sampler_if_known(name, schedule, version)) and _fits(sampler, family):
        return {"sampler": sampler.name}
    sampler = sampler_if_known(name, "", version)
    used = sampler.name if sampler and _fits(sampler, family) else str(GridSpec.model_fields["sampler"].default)
    differences.append(
        f"sampler {printable(f'{name} {schedule}'.strip(), 60)} is not supported: {used} is used instead"
    )
    return {"sampler": used}


def _fits(sampler: Sampler, family: FamilyRecord | None) -> bool:
    return family is None or sampler.name in family.sampling.samplers


def _sampler_of_flow(name: str, schedule: str, family: FamilyRecord | None, differences: list[str]) -> str:
    """Return the sampler for a flow: even steps, shifted, however the picture's were spaced."""
    fitting = family.sampling.samplers if family else SAMPLERS
    known = sampler_of_flow(name, "")
    used = known.name if known and known.name in fitting else family.sampling.sampler if family else fitting[0]
    if known is None or known.name != used:
        differences.append(f"sampler {printable(name, 60)} is not supported here: {used} is used instead")
    if sampler_of_flow(used, schedule) is None:
        differences.append(
            f"schedule type {printable(schedule, 60)}: a flow's steps are even and shifted here (Simple)"
        )
    return used


def _models(
    fields: InfotextFields, model_files: ModelFiles, base: str, named: NamedFiles, differences: list[str]
) -> dict[str, object]:
    values: dict[str, object] = {"base": base}
    for key, title, setting in (("base", "Model", BASE), ("vae", "VAE", VAE)):
        name, digits = fields.text(title, ""), fields.text(f"{title} hash", "").lower()
        if name in ("", "None", "Automatic") and not digits:
            continue
        if key == VAE and not digits and _has_part(str(values["base"]), name, model_files):
            continue
        model = f"{title} {printable(name, 80)}{f' ({printable(digits, 16)})' if digits else ''}"
        found = find_model(model_files, setting, name, digits, named.models)
        if found is None:
            instead = printable(base, 80) if key == "base" else "the base's own"
            differences.append(f"{model} is not known here{f'; {instead} is used instead' if instead else ''}")
            continue
        values[key] = found.name
        if found.same_hash is False:
            differences.append(f"{model}: the file of that name here has another hash")
    return values


def _prompt_and_loras(
    picture: PictureRecipe, ours: bool, model_files: ModelFiles, named: NamedFiles, differences: list[str]
) -> dict[str, object]:
    """Return the prompt without its tags, and the LoRAs of tags, additional-networks and lists that exist here."""
    info = picture.info
    prompt, tags = split_written_tags(info.prompt) if ours else split_tags(info.prompt)
    loras: list[LoraSpec] = []
    axes: list[AxisSpec] = []
    for number, wanted in enumerate(wanted_loras(tags, picture), start=1):
        tag = wanted.tag
        if tag.rank is not None and not ours:
            differences.append(
                f"LoRA {printable(tag.name, 80)}: the webui keeps its first {plural(tag.rank, 'row')}, lora-tui its leading directions"
            )
        found = find_lora(model_files, tag.name, wanted.digits, named.loras)
        if found is None:
            differences.append(f"{wanted.label} is not in this workspace: left out{_was_at(wanted, named)}")
            continue
        if found.same_hash is False:
            differences.append(f"{wanted.label}: the file of that name here has another hash")
        if not wanted.weighed:
            differences.append(f"{wanted.label}: its weight is not in the picture: {tag.unet:g} is used")
        loras.append(_lora_spec(found.name, tag, _block_weights(number, info) if ours else ""))
        rank = _truncated_rank(number, info) if ours else tag.rank
        if rank is not None:
            kind = "rank" if len(loras) == 1 else f"rank:{len(loras)}"
            axes.append(AxisSpec(kind=kind, values=str(rank)))
    if len(axes) > len(_AXES):
        differences.append(f"more than {len(_AXES)} truncated LoRAs: the others keep their full rank")
    return {"prompt": prompt, "loras": tuple(loras)} | dict(zip(_AXES, axes, strict=False))


def _was_at(wanted: WantedLora, named: NamedFiles) -> str:
    """Return where the grid.json beside the picture says that a missing LoRA was, as the end of a line."""
    gone = [path for path in named.loras if tag_name(lora_name(path)) == tag_name(wanted.tag.name)]
    return f"; it was {printable(str(gone[0]), 200)}" if gone else ""


def _lora_spec(file: str, tag: Tag, blocks: str) -> LoraSpec:
    if tag.unet == tag.text_encoder:
        return LoraSpec(file=file, weight=tag.unet, block_weights=blocks)
    return LoraSpec(file=file, unet_weight=tag.unet, text_encoder_weight=tag.text_encoder, block_weights=blocks)


def _block_weights(number: int, info: Infotext) -> str:
    """Return the weights by block group of the LoRA of tag `number` in an infotext of ours; a text encoder's tag has its U-Net's."""
    if text_encoder_key(number - 1) in info.fields:
        number -= 1
    return info.fields.get(blocks_key(number), "")


def _truncated_rank(number: int, info: Infotext) -> int | None:
    """Return the rank to which the LoRA of tag `number` is truncated in an infotext of ours; a text encoder's tag has its U-Net's."""
    if text_encoder_key(number - 1) in info.fields:
        number -= 1
    key = rank_key(number)
    return InfotextFields(info.fields).integer(key) if key in info.fields else None
