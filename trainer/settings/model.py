"""The settings of one bake: sd-scripts' option names, our defaults, each with unit, bounds and help."""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from trainer.settings.amounts import (
    arguments_of,
    bucket_range,
    check_amount,
    check_argument,
    check_command,
    check_resolution,
    check_states,
    check_text,
    size_of,
    steps_of,
)
from trainer.settings.one_setting import ArgumentList, Text, TextList, disagreement, setting


class Settings(BaseModel):
    """Everything that decides how a bake runs. Field order is the order of the form.

    Raises:
        pydantic.ValidationError: from the constructor; `toml_file` turns it into a SettingsError.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    # Data
    subject: str = setting(
        "",
        "Data",
        "subject",
        "Name of the subject file in subjects/. Blank paths below are taken from it.",
    )
    train_data_dir: str = setting(
        "",
        "Data",
        "pictures",
        "Folder with the pictures: `N_name` folders (N repeats of each picture), or pictures directly in it. Blank: the subject's.",
    )
    validation_data_dir: str = setting(
        "",
        "Data",
        "validation",
        "Folder with pictures kept out of training; their loss at fixed noise and times is the validation loss. Blank: the subject's, or none.",
    )
    dataset_repeats: int = setting(
        1,
        "Data",
        "repeats (flat)",
        "How often each picture comes in an epoch when the pictures lie directly in the folder; `N_name` folders say it themselves.",
        unit="times",
        ge=1,
        le=10_000,
    )
    resolution: Text = setting(
        "512",
        "Data",
        "resolution",
        "Size to train at: `512` or `width,height`. Buckets keep this area. 512 is what SD1.x was trained at.",
        unit="px",
    )
    enable_bucket: bool = setting(
        True,
        "Data",
        "buckets",
        "Sort pictures of other shapes into buckets of equal area instead of cropping all to one shape.",
    )
    min_bucket_reso: int = setting(256, "Data", "smallest side", "Shortest bucket side.", unit="px", ge=32, le=8192)
    max_bucket_reso: int = setting(1024, "Data", "longest side", "Longest bucket side.", unit="px", ge=32, le=8192)
    bucket_reso_steps: int = setting(
        64,
        "Data",
        "bucket step",
        "Bucket sides are multiples of this. SD1.x halves the picture six times, so its multiples of 64 fit without padding.",
        unit="px",
        ge=8,
        le=512,
        multiple_of=8,
    )
    bucket_no_upscale: bool = setting(
        False, "Data", "never enlarge", "Leave small pictures at their size; buckets are made as needed."
    )
    caption_extension: TextList = setting(
        [".txt", ".caption"],
        "Data",
        "captions",
        "Endings of caption files, tried in this order. Both are in use; sd-scripts looks for .caption alone and silently trains without the rest.",
        min_length=1,
    )
    shuffle_caption: bool = setting(
        False, "Data", "shuffle tags", "Give the tags of a caption in another order each time."
    )
    keep_tokens: int = setting(
        0, "Data", "keep tags", "The first tags that shuffling leaves in place.", unit="tags", ge=0, le=255
    )
    train_batch_size: int = setting(
        3,
        "Data",
        "batch",
        "Pictures in one pass. 3 at 512² with dim 128 is what fits an 8 GB card with a desktop on it.",
        unit="pictures",
        ge=1,
        le=512,
    )

    # Model
    pretrained_model_name_or_path: str = setting(
        "",
        "Model",
        "base model",
        "Diffusers folder of an SD1.x model with .safetensors weights; `demo` is the small one that comes along. Blank: the subject's.",
    )
    clip_skip: int = setting(
        1,
        "Model",
        "clip skip",
        "Which layer of the text encoder, counted from its end, gives the embedding. 2 for bases descended from NAI.",
        unit="layer",
        ge=1,
        le=12,
    )

    # Network
    network_dim: int = setting(
        32,
        "Network",
        "dim (rank)",
        "Rank of each LoRA layer. 32 holds a character; the file grows with it.",
        unit="rank",
        ge=1,
        le=1024,
    )
    network_alpha: float = setting(
        16,
        "Network",
        "alpha",
        "The layers' output is scaled by alpha / dim. Half of dim keeps rates comparable with common guides; 0 means dim.",
        ge=0,
        le=4096,
    )
    network_train_unet_only: bool = setting(
        False, "Network", "U-Net only", "Leave the text encoder as it is and out of the file."
    )
    network_train_text_encoder_only: bool = setting(
        False, "Network", "text encoder only", "Leave the U-Net as it is and out of the file."
    )

    # Rates
    learning_rate: float = setting(
        1e-4,
        "Rates",
        "learning rate",
        "Rate of every part that has none of its own.",
        live=True,
        ge=0,
        le=1,
    )
    unet_lr: float | None = setting(
        1e-4,
        "Rates",
        "U-Net rate",
        "Peak rate of the U-Net's LoRA. 1e-4 suits alpha at half of dim. Blank: learning_rate. 0: the part does not train.",
        live=True,
        ge=0,
        le=1,
    )
    text_encoder_lr: float | None = setting(
        2e-5,
        "Rates",
        "text encoder rate",
        "Peak rate of the text encoder's LoRA. A fifth of the U-Net's: too much of it drags in what nobody asked for. Blank: learning_rate. 0: off.",
        live=True,
        ge=0,
        le=1,
    )
    optimizer_type: Literal["AdamW"] = setting("AdamW", "Rates", "optimizer", "The rule that applies the gradients.")
    optimizer_args: ArgumentList = setting(
        [],
        "Rates",
        "optimizer args",
        "`weight_decay=0.01`, `betas=0.9:0.999`, `eps=1e-8`, several separated by commas.",
    )
    max_grad_norm: float = setting(
        1.0, "Rates", "gradient clip", "Gradients longer than this are shortened to it. 0: never.", ge=0, le=1000
    )

    # Schedule
    max_train_epochs: int | None = setting(
        10,
        "Schedule",
        "epochs",
        "Passes over the data. Blank: max_train_steps decides.",
        unit="epochs",
        ge=1,
        le=100_000,
    )
    max_train_steps: int = setting(
        1600, "Schedule", "steps", "Optimizer steps, where epochs is blank.", unit="steps", ge=1, le=100_000_000
    )
    lr_scheduler: Literal["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts"] = setting(
        "cosine_with_restarts",
        "Schedule",
        "schedule",
        "How the rates run after the warm-up. The default falls to zero once per cycle.",
    )
    lr_warmup_steps: Text = setting(
        "10%",
        "Schedule",
        "warm-up",
        "The rate rises from 0 over this: steps (`100`) or a share of the bake (`10%`, `0.1`). 10 % calms the first steps of Adam.",
        unit="steps or %",
    )
    lr_scheduler_num_cycles: int = setting(
        1, "Schedule", "cycles", "Restarts of cosine_with_restarts.", unit="cycles", ge=1, le=1000
    )
    gradient_accumulation_steps: int = setting(
        1,
        "Schedule",
        "accumulation",
        "Batches whose gradients are averaged before one step.",
        unit="batches",
        ge=1,
        le=4096,
    )
    seed: int = setting(
        42,
        "Schedule",
        "seed",
        "Decides LoRA start values, order, noise and times. A resumed bake draws on as if it had never stopped.",
        ge=0,
        le=2**32 - 1,
    )

    # Noise
    noise_offset: float = setting(
        0.0,
        "Noise",
        "noise offset",
        "Adds this much of one random value per channel to the noise, so that very dark and bright pictures can be learned. 0: off.",
        ge=0,
        le=1,
    )
    min_snr_gamma: float | None = setting(
        None,
        "Noise",
        "min-SNR gamma",
        "Weighs a step by min(SNR, gamma) / SNR (Hang et al. 2023; 5 is the paper's). Blank: off.",
        gt=0,
        le=1000,
    )

    # Memory
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = setting(
        "auto",
        "Memory",
        "precision",
        "Type of the base and of the arithmetic; the LoRA stays fp32. auto: bf16 where the card has it, else fp32 (`no`). fp16 needs a card.",
        exactness="bit for bit on a CPU; on a card as far as PyTorch's fast attention adds up in one order, which it does not promise",
    )
    gradient_checkpointing: bool = setting(
        False,
        "Memory",
        "checkpointing",
        "Compute activations twice instead of keeping them: slower by about a third, much leaner.",
    )
    xformers: bool = setting(
        False,
        "Memory",
        "xformers",
        "Attention by xformers (extra `xformers`, needs a card).",
        exactness="a resumed bake comes near, not bit for bit: its kernels add up in another order each time",
    )
    vae_batch_size: int = setting(
        1, "Memory", "caching batch", "Pictures encoded at once while caching latents.", unit="pictures", ge=1, le=256
    )

    # Saving
    output_name: str = setting(
        "", "Saving", "file name", "Name of the LoRA files. Blank: the subject's name, else `lora`."
    )
    save_every_n_epochs: int | None = setting(
        1,
        "Saving",
        "every n epochs",
        "A LoRA after every n epochs. Blank: only the last.",
        unit="epochs",
        live=True,
        ge=1,
        le=100_000,
    )
    save_every_n_steps: int | None = setting(
        None,
        "Saving",
        "every n steps",
        "A LoRA after every n steps. Blank: none.",
        unit="steps",
        live=True,
        ge=1,
        le=100_000_000,
    )
    save_precision: Literal["float", "fp16", "bf16"] = setting(
        "fp16", "Saving", "file precision", "Type of the numbers in the file."
    )
    validate_every_n_steps: int | None = setting(
        None,
        "Saving",
        "validate every",
        "Validation loss every n steps besides at each epoch's end. Blank: only there.",
        unit="steps",
        live=True,
        ge=1,
        le=100_000_000,
    )
    validation_seed: int = setting(
        0, "Saving", "validation seed", "Decides the fixed noise of the validation loss.", ge=0, le=2**32 - 1
    )
    keep_states: Text = setting(
        "last",
        "Saving",
        "keep states",
        "Which training states stay on the disk: the `last` one, one for each of the `epochs`, or the newest few (`3`). A bake is resumed, forked or rolled back from them.",
    )
    state_budget: float | None = setting(
        None,
        "Saving",
        "room for states",
        "What all states of a bake may take; the oldest go first. Blank: no limit. A state is three times the LoRA in fp32, 0.9 GB at dim 128.",
        unit="GB",
        gt=0,
        le=1_000_000,
    )
    save_state_every_n_steps: int | None = setting(
        None,
        "Saving",
        "state every",
        "A training state every n steps besides at each epoch's end. Blank: as often as costs at most 1 % of the time, and not within 10 minutes of the one before.",
        unit="steps",
        live=True,
        ge=1,
        le=100_000_000,
    )
    training_comment: str = setting("", "Saving", "comment", "A line for the file's metadata.")

    # Guards
    max_bad_steps: int = setting(
        10,
        "Guards",
        "bad steps",
        "A step whose gradients are not finite numbers is left out. After this many in a row something is broken, and the setting below decides.",
        unit="in a row",
        ge=1,
        le=100_000,
    )
    on_bad_steps: Literal["roll back", "stop"] = setting(
        "roll back",
        "Guards",
        "then",
        "`roll back` goes on from the last good state with lower rates, `stop` ends the bake.",
    )
    roll_back_rate: float = setting(
        0.5,
        "Guards",
        "rates after it",
        "Each roll back multiplies the rates by this. 1 leaves them.",
        unit="times",
        gt=0,
        le=1,
    )
    on_done: str = setting(
        "",
        "Guards",
        "when done",
        "Command to run when a bake is done, such as `notify-send baked`; it gets JSON on its stdin. No shell. Blank: none.",
    )
    on_trouble: str = setting(
        "",
        "Guards",
        "on trouble",
        "Command to run when a bake fails, rolls back or waits for room on the disk; it gets JSON on its stdin. No shell. Blank: none.",
    )

    @field_validator("resolution")
    @classmethod
    def _resolution_is_a_size(cls, value: str) -> str:
        return check_resolution(value)

    @field_validator("lr_warmup_steps")
    @classmethod
    def _warm_up_is_an_amount(cls, value: str) -> str:
        return check_amount(value)

    @field_validator("caption_extension")
    @classmethod
    def _endings_have_a_dot(cls, value: list[str]) -> list[str]:
        endings = [f".{ending.strip().removeprefix('.')}" for ending in value]
        if not all(re.fullmatch(r"\.[\w.-]+", ending) for ending in endings):
            raise ValueError("endings such as `.txt`")
        return endings

    @field_validator("optimizer_args")
    @classmethod
    def _arguments_are_the_optimizers(cls, value: list[str]) -> list[str]:
        return [check_argument(argument) for argument in value]

    @field_validator("train_data_dir", "validation_data_dir", "pretrained_model_name_or_path", "training_comment")
    @classmethod
    def _text_can_be_written(cls, value: str) -> str:
        return check_text(value)

    @field_validator("keep_states")
    @classmethod
    def _states_are_a_choice_or_a_number(cls, value: str) -> str:
        return check_states(value)

    @field_validator("on_done", "on_trouble")
    @classmethod
    def _command_has_words(cls, value: str) -> str:
        return check_command(check_text(value))

    @field_validator("output_name", "subject")
    @classmethod
    def _name_is_a_file_name(cls, value: str) -> str:
        # 200 bytes leave room for `-step00001000.safetensors` under the 255 a file name may have.
        too_long = len(value.encode("utf-8", "replace")) > 200
        if value != value.strip() or too_long or not value.isprintable() or re.search(r"[/\\]|^\.", value):
            raise ValueError("a file name without folders, control characters or a dot in front")
        return value

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.network_train_unet_only and self.network_train_text_encoder_only:
            raise disagreement(
                "network_train_unet_only",
                found="network_train_unet_only and network_train_text_encoder_only are both on",
                expected="at most one of them",
                way_out="switch one off",
            )
        if self.enable_bucket:
            self._check_buckets()
        return self

    def _check_buckets(self) -> None:
        low, high = bucket_range(self.min_bucket_reso, self.max_bucket_reso, self.bucket_reso_steps)
        if min(self.size) < self.bucket_reso_steps:
            raise disagreement(
                "resolution",
                found=f"{self.resolution} is smaller than bucket_reso_steps {self.bucket_reso_steps}",
                expected="at least one bucket step a side",
                way_out="lower bucket_reso_steps or raise resolution",
            )
        if not self.bucket_no_upscale and not low <= min(self.size) <= max(self.size) <= high:
            raise disagreement(
                "resolution",
                found=f"{self.resolution} lies outside the buckets",
                expected=f"min_bucket_reso {low} to max_bucket_reso {high}",
                way_out="move min_bucket_reso or max_bucket_reso first",
            )

    @property
    def size(self) -> tuple[int, int]:
        """Training size as (width, height) in pixels."""
        return size_of(self.resolution)

    @property
    def alpha(self) -> float:
        """The alpha in force: 0 stands for network_dim, as in sd-scripts."""
        return self.network_alpha or float(self.network_dim)

    def warmup_steps(self, total: int) -> int:
        """Return over how many of `total` steps the rates rise."""
        return steps_of(self.lr_warmup_steps, total)

    @property
    def optimizer_options(self) -> dict[str, float | tuple[float, float]]:
        """`optimizer_args` by name, as torch.optim.AdamW takes them."""
        return arguments_of(self.optimizer_args)

    @property
    def trains_unet(self) -> bool:
        """Whether the file holds U-Net layers."""
        return not self.network_train_text_encoder_only

    @property
    def trains_text_encoder(self) -> bool:
        """Whether the file holds text encoder layers."""
        return not self.network_train_unet_only

    @property
    def unet_rate(self) -> float:
        """Peak rate of the U-Net's LoRA; 0 where it does not train."""
        rate = self.learning_rate if self.unet_lr is None else self.unet_lr
        return rate if self.trains_unet else 0.0

    @property
    def text_encoder_rate(self) -> float:
        """Peak rate of the text encoder's LoRA; 0 where it does not train."""
        rate = self.learning_rate if self.text_encoder_lr is None else self.text_encoder_lr
        return rate if self.trains_text_encoder else 0.0
