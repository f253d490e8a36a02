"""Settings of captions: their files, the order of tags, what is left out, and their length."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, field_validator

from trainer.settings.amounts import check_amount, check_text
from trainer.settings.one_setting import EXACT, SettingFields, Text, TextList, as_text, setting


class CaptionFields(SettingFields):
    """Section Data, as far as captions go."""

    caption_extension: TextList = setting(
        [".txt", ".caption"],
        "Data",
        "caption extensions",
        "Extensions of caption files, tried in this order. Both are common; sd-scripts reads only .caption and silently trains without the rest.",
        memory="derived",
        speed=False,
        metadata=("ss_tag_frequency",),
        exactness=EXACT,
        synonyms="txt, caption file, tags, ending",
        min_length=1,
    )
    shuffle_caption: bool = setting(
        False,
        "Data",
        "shuffle tags",
        "Put the tags of a caption in a new order each time. Blank tags (`a,,b`) are left out; sd-scripts keeps them as places.",
        memory="derived",
        speed=False,
        metadata=("ss_shuffle_caption",),
        exactness=EXACT,
        synonyms="order, caption",
    )
    keep_tokens: int = setting(
        0,
        "Data",
        "keep first tags",
        "How many tags at the start stay in place when tags are shuffled.",
        unit="tags",
        memory="derived",
        speed=False,
        metadata=("ss_keep_tokens",),
        exactness=EXACT,
        synonyms="trigger word, activation",
        ge=0,
        le=255,
    )
    keep_tokens_separator: str = setting(
        "",
        "Data",
        "keep-tokens separator",
        "Text such as `|||` in captions: tags before the first one, and after a second one, stay in place. Blank: keep_tokens decides.",
        memory="derived",
        speed=False,
        metadata=("ss_keep_tokens_separator",),
        exactness=EXACT,
        synonyms="trigger word",
    )
    secondary_separator: str = setting(
        "",
        "Data",
        "secondary separator",
        "Text such as `;;;` that holds tags together while they are shuffled or dropped; it becomes a comma afterwards. Blank: none.",
        memory="derived",
        speed=False,
        metadata=("ss_secondary_separator",),
        exactness=EXACT,
        synonyms="group tags, join",
    )
    caption_prefix: str = setting(
        "",
        "Data",
        "caption prefix",
        "Text put before every caption, such as a trigger word.",
        memory="no",
        speed=False,
        metadata=("ss_caption_prefix",),
        exactness=EXACT,
        synonyms="trigger word, activation, before",
    )
    caption_suffix: str = setting(
        "",
        "Data",
        "caption suffix",
        "Text put after every caption.",
        memory="no",
        speed=False,
        metadata=("ss_caption_suffix",),
        exactness=EXACT,
        synonyms="after, append",
    )
    caption_dropout_rate: float = setting(
        0.0,
        "Data",
        "caption dropout",
        "Share of pictures shown without a caption, so that the character is learned without being named.",
        memory="derived",
        speed=False,
        metadata="ss_caption_dropout_rate",
        exactness=EXACT,
        synonyms="drop, unconditional, empty captions",
        ge=0,
        le=1,
    )
    caption_dropout_every_n_epochs: int = setting(
        0,
        "Data",
        "captionless epochs",
        "Every n-th epoch has no captions at all. 0: none.",
        unit="epochs",
        memory="derived",
        speed=False,
        metadata="ss_caption_dropout_every_n_epochs",
        exactness=EXACT,
        synonyms="caption dropout, wordless, unconditional",
        ge=0,
        le=100_000,
    )
    caption_tag_dropout_rate: float = setting(
        0.0,
        "Data",
        "tag dropout",
        "Share of tags left out, except those kept in place.",
        memory="derived",
        speed=False,
        metadata="ss_caption_tag_dropout_rate",
        exactness=EXACT,
        synonyms="drop tags, caption",
        ge=0,
        le=1,
    )
    enable_wildcard: bool = setting(
        False,
        "Data",
        "wildcards in captions",
        "`{red|blue}` in a caption means one of them each time; of several lines one is taken each time.",
        memory="derived",
        speed=False,
        metadata=("ss_enable_wildcard",),
        exactness=EXACT,
        synonyms="random, multi-line captions, dynamic",
    )
    token_warmup_min: int = setting(
        1,
        "Data",
        "tag warm-up minimum",
        "Number of tags that captions have at the start of a tag warm-up.",
        unit="tags",
        memory="no",
        speed=False,
        metadata=("ss_token_warmup_min",),
        exactness=EXACT,
        synonyms="first tags, token warmup",
        ge=1,
        le=255,
    )
    token_warmup_step: Text = setting(
        "0",
        "Data",
        "tag warm-up",
        "Captions grow to their full length over this: steps (`100`) or a share of the bake (`10%`). 0: at once.",
        unit="steps or %",
        memory="derived",
        speed=False,
        metadata=("ss_token_warmup_step",),
        exactness=EXACT,
        synonyms="token warmup, caption",
    )
    max_token_length: Annotated[Literal["75", "150", "225"], BeforeValidator(as_text)] = setting(
        "75",
        "Data",
        "max caption tokens",
        "Tokens read of a caption, in chunks of 75; the rest is cut off.",
        unit="tokens",
        memory="yes",
        speed=False,
        metadata=("ss_max_token_length",),
        exactness=EXACT,
        synonyms="longest caption, chunks, clip",
    )

    @field_validator("caption_extension")
    @classmethod
    def _endings_have_a_dot(cls, value: list[str]) -> list[str]:
        endings = [f".{ending.strip().removeprefix('.')}" for ending in value]
        if not all(re.fullmatch(r"\.[\w.-]+", ending) for ending in endings):
            raise ValueError("endings such as `.txt`")
        return endings

    @field_validator("token_warmup_step")
    @classmethod
    def _tag_warm_up_is_an_amount(cls, value: str) -> str:
        return check_amount(value)

    @field_validator("keep_tokens_separator", "secondary_separator", "caption_prefix", "caption_suffix")
    @classmethod
    def _text_can_be_written(cls, value: str) -> str:
        return check_text(value)
