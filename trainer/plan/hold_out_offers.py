"""What may be held out where nothing is: a share of the pictures or one folder, and what is left to train on then."""

from collections.abc import Iterator
from dataclasses import dataclass

from trainer.dataset.batches import batches_per_epoch
from trainer.dataset.held_out import hold_out, outfits
from trainer.dataset.records import DataSet
from trainer.errors import SettingsError
from trainer.plan.plan import Plan
from trainer.plan.probed_pictures import LEAST_PICTURES
from trainer.settings.model import Settings
from trainer.text import plural, printable

USUAL_SHARE = 0.1
# With fewer pictures every one is needed more for training than for measuring.
_LEAST_TRAINED = 8
# More is hardly ever given up for it.
_MOST_SHARE = 0.3
_MAX_FOLDERS = 6


@dataclass(frozen=True)
class HoldOutOffer:
    """Pictures that could be held out, and what that leaves.

    Attributes:
        setting, value: what to set for it.
        held_out: pictures held out.
        trained: pictures left, those of regularisation not counted.
        steps_per_epoch: with what is left.
    """

    setting: str
    value: float | str
    held_out: int
    trained: int
    steps_per_epoch: int

    @property
    def title(self) -> str:
        """What is held out, in a few words: `10 % by seed`."""
        return f"{self.value:.0%} by seed" if isinstance(self.value, float) else f"folder {printable(self.value, 40)}"

    @property
    def assignment(self) -> str:
        """The setting as it is written: `validation_split = 0.1`."""
        return f"{self.setting} = {self.value}" if isinstance(self.value, float) else f'{self.setting} = "{self.value}"'

    def text(self) -> str:
        """Return what is held out and what is left, on one line."""
        few = f"; too few to tell memorization, which takes {LEAST_PICTURES}" if self.held_out < LEAST_PICTURES else ""
        return (
            f"{plural(self.held_out, 'picture')} held out, {self.trained:,} left, "
            f"{plural(self.steps_per_epoch, 'step')} / epoch{few}"
        )


def may_hold_out(settings: Settings, data: DataSet) -> bool:
    """Return whether pictures could be held out and none are."""
    named = bool(settings.validation_data_dir or data.held_out)
    return bool(data.groups) and not named and _trained(data) >= _LEAST_TRAINED


def asked_for(text: str, settings: Settings) -> dict[str, object]:
    """Return what to set to hold out what was typed: a share (`10%`, `0.1`; 0 for nothing), else a folder's name.

    Raises:
        SettingsError: other pictures are named for it, or it is no share.
    """
    if settings.validation_data_dir:
        raise SettingsError(
            "held-out pictures",
            found=f"validation_data_dir names them already: {printable(settings.validation_data_dir)}",
            way_out="leave it blank in the settings and in the subject to hold out training pictures instead",
        )
    plain = text.strip()
    try:
        share = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        return {"validation_split": 0.0, "validation_outfit": plain}
    if not 0 <= share < 1:
        raise SettingsError(
            "held-out pictures", found=printable(plain, 60), expected="a share such as 10% or 0.1, or a folder's name"
        )
    return {"validation_split": round(share, 6), "validation_outfit": ""}


def usual_offer(data: DataSet) -> int:
    """Return how many pictures are held out of a share of USUAL_SHARE; as hold_out counts them."""
    return max(1, int(USUAL_SHARE * _trained(data) + 0.5))


def hold_out_offers(settings: Settings, data: DataSet, plan: Plan) -> tuple[HoldOutOffer, ...]:
    """Return what may be held out, shares first; nothing where pictures are held out already, or are too few for it.

    Args:
        settings: as they will run.
        data: the pictures.
        plan: of these settings on these pictures.
    """
    return tuple(_offers(settings, data, plan)) if may_hold_out(settings, data) else ()


def held_out_lines(settings: Settings, data: DataSet, plan: Plan, validation: DataSet | None) -> Iterator[str]:
    """Yield what a plan says of the pictures that are held out, or may be.

    Args:
        settings, data, plan: as for hold_out_offers.
        validation: the pictures kept out of training, None where there are none.
    """
    count = plural(0 if validation is None else len(validation.pictures), "picture")
    if settings.validation_data_dir:
        yield f"{count} of validation_data_dir; every training picture is trained on"
    elif data.held_out:
        how = (
            f"folder {printable(settings.validation_outfit, 40)}"
            if settings.validation_outfit
            else f"by validation_split and seed {settings.validation_seed}"
        )
        yield (f"{count} held out, {how}: {_trained(data):,} left, {plural(plan.steps_per_epoch, 'step')} / epoch")
    elif offers := hold_out_offers(settings, data, plan):
        yield "none; held-out pictures show whether it learns more than the pictures themselves. To hold some out, set one of"
        for offer in offers:
            yield f"{offer.assignment}: {offer.text()}"
        yield "or `lora-tui plan SETTINGS.toml --hold-out 10%` (`H` in the dashboard)"


def _offers(settings: Settings, data: DataSet, plan: Plan) -> Iterator[HoldOutOffer]:
    shares = [USUAL_SHARE]
    if usual_offer(data) < LEAST_PICTURES and (enough := _share_of(LEAST_PICTURES, _trained(data))) <= _MOST_SHARE:
        shares.append(enough)
    for share in shares:
        yield from _offer(settings, data, plan, "validation_split", share)
    for name in outfits(data)[:_MAX_FOLDERS]:
        yield from _offer(settings, data, plan, "validation_outfit", name)


def _offer(settings: Settings, data: DataSet, plan: Plan, setting: str, value: float | str) -> Iterator[HoldOutOffer]:
    shares = dict.fromkeys((folder.name for folder in data.folders), value) if isinstance(value, float) else {}
    try:
        made = hold_out(data, shares, "" if isinstance(value, float) else value, settings.validation_seed)
    except SettingsError:
        # One of several data sets would have nothing left.
        return
    kept = {id(picture) for picture in made.pictures}
    placements = [placed for picture, placed in zip(data.pictures, plan.placements, strict=True) if id(picture) in kept]
    batches = batches_per_epoch(made, placements)
    steps = -(-batches // settings.gradient_accumulation_steps)
    held = len({picture.path for picture in made.held_out})
    yield HoldOutOffer(setting, value, held, _trained(made), steps)


def _trained(data: DataSet) -> int:
    """Return how many pictures are trained on, each once, those of regularisation not counted."""
    return len({picture.path for picture in data.pictures if not picture.is_reg})


def _share_of(wanted: int, pictures: int) -> float:
    """Return the least share in steps of 5 % that holds out so many pictures."""
    return next((step / 20 for step in range(1, 20) if int(step / 20 * pictures + 0.5) >= wanted), 1.0)
