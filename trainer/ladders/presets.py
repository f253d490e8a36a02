"""Preset ladders: the experiments of the source notes, each relative to the user's own settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from trainer.errors import SettingsError
from trainer.ladders import preset_rates, preset_schedules
from trainer.ladders.build import DEFAULT_TWINS, overridden_names
from trainer.ladders.own_settings import OwnSettings, family_of
from trainer.ladders.preset_draft import FinishedLadder, LadderDraft, finished
from trainer.ladders.record import LadderSpec
from trainer.settings.model import Settings
from trainer.settings.parts import Family, worded
from trainer.settings.toml_file import apply_overrides
from trainer.text import printable

# A list in the notes.
_ANYTHING = "anything about: schedulers, warmup, alpha, dim, bp16 vs fp16 for mixed."
_ENCODER_TRAINS = "a base or a bake whose {encoder} does not train"
_BODY_TRAINS = "a bake whose {body} does not train"
_BOTH_TRAIN = "a bake in which {body} and {encoder} do not both train"
_NEW_LORA = "a bake that starts from a LoRA file (network_weights), which has an alpha"


@dataclass(frozen=True, kw_only=True)
class LadderPreset:
    """An experiment of the source notes as a ladder.

    Attributes:
        key: as `lora-tui ladder --preset KEY` takes it.
        title: its name in a list. `{body}` and `{encoder}` in it, in `varies` and in `limits` stand for a family's parts; see
            parts.in_words_of.
        heading: where in the notes it stands.
        quote: the sentence of the notes that it tests.
        varies: what differs between the rungs, and from what.
        needs: what it needs beyond the settings, "" for nothing.
        limits: where it does not apply: said there, in place of a ladder.
        choice: what may be named behind the key (`KEY:NAME`), "" for nothing.
        make: gives it relative to somebody's settings.
    """

    key: str
    title: str
    heading: str
    quote: str
    varies: str
    needs: str = ""
    limits: str = ""
    choice: str = ""
    make: Callable[[OwnSettings], LadderDraft]

    def spec(
        self, settings: Settings, *, twins: int = DEFAULT_TWINS, family: Family | None = None, choice: str = ""
    ) -> LadderSpec:
        """Return the ladder; see `ladder`."""
        return self.ladder(settings, twins=twins, family=family, choice=choice).spec

    def ladder(
        self, settings: Settings, *, twins: int = DEFAULT_TWINS, family: Family | None = None, choice: str = ""
    ) -> FinishedLadder:
        """Return the ladder, and what to know before it is baked.

        Args:
            settings: with every path filled in.
            twins: bakes of each rung that differ in their random numbers alone.
            family: of the base; None where it is to be found from the settings.
            choice: what is named behind the key; "" for the preset's own choice.

        Raises:
            SettingsError: it does not apply to these settings, with the reason.
            DatasetError: folders of pictures are asked for and cannot be read.
        """
        if choice and not self.choice:
            raise SettingsError(
                f"preset {self.key}:{printable(choice, 60)}",
                found="a name behind the key",
                expected=self.key,
                way_out="leave it out",
            )
        own = OwnSettings(self.key, settings, family or family_of(settings), choice)
        return finished(self.make(own), own, f"{self.heading}: “{self.quote}”", twins)


_ALL = (
    LadderPreset(
        key="lr",
        title="learning_rate with both rates set",
        heading="LR",
        quote="These LRs produce slightly different result but none of these differences stand out in an obvious way that I could describe.",
        varies="learning_rate: 0, /50, ×0.2, ×1, ×5 and ×50 of yours, with a rate of its own for every part",
        make=preset_rates.general_rate,
    ),
    LadderPreset(
        key="unet-rate",
        title="{body} rate, a hundredfold",
        heading="UNET LR x10, x0.1, x3, ~x0.33",
        quote="When UNET is raised too high (which may happen at around 10x your default starting point) you will just get static, the most obvious sign of massive overcooking.",
        varies="the {body}'s rate: ×0.1, ×0.33, ×1, ×3 and ×10 of yours",
        limits=_BODY_TRAINS,
        make=preset_rates.body_rate,
    ),
    LadderPreset(
        key="unet-trend",
        title="{body} rate, steps that grow",
        heading="Key rule to keep in mind during testing and experiments",
        quote="Instead Identify that something that changes at +0.25 changes more at +0.5 and even more at +1.0.",
        varies="the {body}'s rate: ×1, ×1.25, ×1.5 and ×2 of yours",
        needs="more twins than other ladders: the steps are small",
        limits=_BODY_TRAINS,
        make=preset_rates.body_rate_trend,
    ),
    LadderPreset(
        key="unet-small",
        title="{body} rate, a little lower",
        heading="TE vs UNET",
        quote="I'll be baking UNET=2.75e-4 and 2.5e-4 next, and see if things improve by decreasing UNET at this particular TE.",
        varies="the {body}'s rate: ×1, ×0.917 and ×0.833 of yours",
        needs="more twins than other ladders: the steps are small",
        limits=_BODY_TRAINS,
        make=preset_rates.body_rate_fine,
    ),
    LadderPreset(
        key="te-rate",
        title="{encoder} rate, a hundredfold",
        heading="TE-LR x10, x0.1",
        quote="It doesn't seem like TE-LR will significantly influence the number of steps needed to properly bake a lora.",
        varies="the rates of the text encoders: ×0.1, ×1 and ×10 of yours",
        limits=_ENCODER_TRAINS,
        make=preset_rates.encoder_rate,
    ),
    LadderPreset(
        key="te-lower",
        title="{encoder} rate, lowered",
        heading="Reducing TE-LR to try to fix out-of-scope objects appearing",
        quote="I figured retraining with reduced TE-LR might reduce the incidence of these issues.",
        varies="the rates of the text encoders: ×1, ×0.9 and ×0.5 of yours",
        limits=_ENCODER_TRAINS,
        make=preset_rates.encoder_rate_lower,
    ),
    LadderPreset(
        key="both-rates",
        title="both parts trained hard",
        heading="TE vs UNET",
        quote="If both UNET and TE are heavily trained, do they end up interfering with each other or reinforcing each other?",
        varies="as set, the {body}'s rate ×3, the text encoders' ×3, both ×3",
        limits=_BOTH_TRAIN,
        make=preset_rates.both_rates,
    ),
    LadderPreset(
        key="carried",
        title="carried by the {encoder}, or by the {body}",
        heading="TE vs UNET",
        quote="I would take a guess that many people are actually baking LoRAs that are heavily carried by one or the other.",
        varies="alpha and both rates: three of the notes' settings, with your {body} rate in place of 1.5e-4",
        limits="; ".join((_BOTH_TRAIN, _NEW_LORA)),
        make=preset_rates.who_carries,
    ),
    LadderPreset(
        key="unet-alone",
        title="{body} alone",
        heading="TE vs UNET",
        quote="I haven't tried it yet but I'm sure you could train a LoRA with just UNET and get something decent.",
        varies="all parts, and the {body} without a {encoder}",
        limits=_BOTH_TRAIN,
        make=preset_rates.body_alone,
    ),
    LadderPreset(
        key="te-alone",
        title="{encoder} alone, trained hard",
        heading="TE vs UNET",
        quote="TE appears to need to work together with UNET to show it's potential, though perhaps if it is trained heavily it can bring results by itself as well",
        varies="all parts; the text encoders alone as set, and with three times the steps at ×1, ×3 and ×10 of their rates",
        limits=_BOTH_TRAIN,
        make=preset_rates.encoders_alone,
    ),
    LadderPreset(
        key="te-stop",
        title="{encoder} stopped earlier",
        heading="TE vs UNET",
        quote="it may be silly to try to use the same step count when training two different things (UNET/TE)",
        varies="when the text encoders stop: after a quarter, half and three quarters of the epochs, and never",
        limits=_ENCODER_TRAINS,
        make=preset_schedules.encoder_stop,
    ),
    LadderPreset(
        key="rate-steps",
        title="lower rates, as many more steps",
        heading="TE vs UNET",
        quote="I suspect larger LRs will have smaller strike-zones while smaller LRs will have larger strikezones.",
        varies="every rate divided by k, and k times the steps: k = 0.5, 1, 2 and 4. Does the zone widen?",
        needs="a LoRA saved after every epoch, and up to four times the length",
        make=preset_schedules.rate_for_steps,
    ),
    LadderPreset(
        key="cycles",
        title="cycles of cosine_with_restarts",
        heading="TE vs UNET",
        quote="cosine_with_restarts may allow this approach to scale farther than other schedulers which may get in a rut and stop making useful progress at a certain number of steps",
        varies="1, 2, 3 and 5 cycles, and as many as you have",
        make=preset_schedules.cycles,
    ),
    LadderPreset(
        key="schedule",
        title="schedules",
        heading="questions to be answered someday",
        quote=_ANYTHING,
        varies="your schedule, and constant after the warm-up, linear, cosine, cosine with restarts and rex",
        make=preset_schedules.schedule,
    ),
    LadderPreset(
        key="warmup",
        title="warm-up",
        heading="questions to be answered someday",
        quote=_ANYTHING,
        varies="no warm-up, half of yours, yours and twice yours; 0, 5, 10 and 20 % where you have none",
        limits="piecewise_constant, which has no warm-up",
        make=preset_schedules.warmup,
    ),
    LadderPreset(
        key="precision",
        title="fp16 against bf16",
        heading="questions to be answered someday",
        quote=_ANYTHING,
        varies="mixed_precision: fp32, fp16 and bf16",
        needs="a GPU for fp16, and one that knows bf16",
        make=preset_schedules.precision,
    ),
    LadderPreset(
        key="alpha-pair",
        title="alpha with the pair kept",
        heading="Network Alpha",
        quote="Is it possible that for any given alpha, setting the right learning rates/steps can get equivalent results?",
        varies="alpha 1, half of dim and dim, with lora_up's rate divided by as much (`lora-tui convert alpha`)",
        limits=f"an optimizer that sees how long gradients are, such as SGD or Prodigy; {_NEW_LORA}",
        make=preset_rates.alpha_with_pair,
    ),
    LadderPreset(
        key="alpha-naive",
        title="alpha with the same factor on both rates",
        heading="Network Alpha",
        quote="it doesn't seem a purely inverse-linear relationship (alpha/dim being 0.5 doesn't mean you simply double learning rates for the exact same results).",
        varies="alpha 1, half of dim and dim, with every rate divided by as much",
        limits=_NEW_LORA,
        make=preset_rates.alpha_by_one_factor,
    ),
    LadderPreset(
        key="alpha-above-dim",
        title="alpha above dim",
        heading="Network Alpha",
        quote="I don't know if anyone has tested setting alpha values greater than dim.",
        varies="alpha at dim, twice and four times dim, with the rates as they are",
        limits=_NEW_LORA,
        make=preset_rates.alpha_above_dim,
    ),
    LadderPreset(
        key="dim",
        title="dim",
        heading="questions to be answered someday",
        quote=_ANYTHING,
        varies="dim: ×0.25, ×0.5, ×1 and ×2 of yours, with alpha / dim as it is",
        limits="a bake that starts from a LoRA file (network_weights), which has a dim",
        make=preset_schedules.dims,
    ),
    LadderPreset(
        key="length",
        title="length",
        heading="questions to be answered someday",
        quote="Or is there a point where you're just wasting your time?",
        varies="the length of the bake: ×0.5, ×1, ×2 and ×4 of yours",
        needs="up to four times the length",
        make=preset_schedules.length,
    ),
    LadderPreset(
        key="repeats",
        title="repeats of one folder",
        heading="TE problem solving",
        quote="when including multiple different things in a single lora, some components may be over while others are under.",
        varies="the repeats of one folder: ×0.5, ×1, ×2 and ×4 of what they are; the folder that is shown least, or `repeats:NAME`",
        limits="pictures in one folder alone, or a data set file",
        choice="the folder",
        make=preset_schedules.repeats,
    ),
)


def presets_of(family: Family | None) -> Mapping[str, LadderPreset]:
    """Return every preset by its key, in the order in which they are listed, with what a family calls its parts."""
    return MappingProxyType({each.key: worded(each, family, "title", "varies", "limits") for each in _ALL})


PRESETS = presets_of(None)
"""The presets where no base is known yet."""


def preset_named(text: str) -> tuple[LadderPreset, str]:
    """Return the preset that a text names, and what it names behind the key: `repeats:10_school`.

    Raises:
        SettingsError: no preset has that key.
    """
    key, _, choice = text.partition(":")
    found = PRESETS.get(key.strip())
    if found is None:
        raise SettingsError(
            f"preset {printable(key, 60)}",
            found="not known",
            expected=f"one of {', '.join(PRESETS)}",
            way_out="`lora-tui ladder presets` lists them",
        )
    return found, choice.strip()


def preset_ladder(
    text: str, settings: Settings, *, twins: int = DEFAULT_TWINS, base_settings: Sequence[str] = ()
) -> FinishedLadder:
    """Return the ladder of a preset by its key, made relative to settings with `name=value` on top.

    Args:
        text: as preset_named takes it.
        settings: with every path filled in.
        twins: bakes of each rung.
        base_settings: `name=value` for every rung.

    Raises:
        SettingsError: no preset has that key, it does not apply, or a setting is wrong.
        DatasetError: folders of pictures are asked for and cannot be read.
    """
    preset, choice = preset_named(text)
    made = preset.ladder(apply_overrides(settings, base_settings), twins=twins, choice=choice)
    # A file holds each setting once: what the preset sets counts.
    both = (*base_settings, *made.spec.base_settings)
    once = dict(zip(overridden_names(both), both, strict=True))
    return replace(made, spec=replace(made.spec, base_settings=tuple(once.values())))
