"""Our own defaults and ways of counting, as one more profile."""

from trainer.profiles.arithmetic import OUR_REPEATS, engine_counts, our_warmup
from trainer.profiles.record import EngineRules, PictureRules, ScriptRules, TrainerProfile

# As trainer.dataset.picture_file reads them; a test compares the two.
_PICTURES = PictureRules(
    (
        *(".png", ".apng", ".jpg", ".jpeg", ".jfif", ".jpe", ".jif", ".pjpeg", ".pjp"),
        *(".webp", ".bmp", ".dib", ".gif", ".avif"),
    ),
    "any",
    recursive=False,
)

OURS = TrainerProfile(
    key="lora-tui",
    title="lora-tui",
    day="",
    defaults={},
    unknown=(),
    steps=ScriptRules(
        pictures=_PICTURES,
        repeats=OUR_REPEATS,
        steps=engine_counts,
        steps_passed=False,
        warmup=our_warmup,
        sentence="counts batches bucket by bucket, each bucket's last one may be smaller, and divides an epoch's by the accumulation",
        warmup_sentence="a share is cut to whole steps of those that run",
    ),
    engine=EngineRules(
        name="lora-tui",
        pictures=_PICTURES,
        repeats=OUR_REPEATS,
        accumulation="divided",
        sentence="",
        needs_regularisation=True,
    ),
    reasons={
        "learning_rate": "for parts without a rate of their own; at half of dim as alpha it is where common guides start",
        "unet_lr": "suits alpha at half of dim",
        "text_encoder_lr": "a fifth of the U-Net's: at higher rates unwanted details stick to the caption's words",
        "text_encoder_stop": "never, unless the curves show that it has learned enough",
        "network_train_unet_only": "the text encoder learns the trigger word",
        "network_dim": "enough for a character, in a file of 38 MB",
        "network_alpha": "half of dim keeps rates comparable with common guides",
        "clip_skip": "what a base was trained with; 2 is for SD 1.x bases descended from NAI",
        "max_token_length": "75 tokens hold most captions, and the plan names those that are longer",
        "resolution": "what SD 1.x was trained at",
        "enable_bucket": "pictures of other shapes are not cropped to one",
        "min_bucket_reso": "sd-scripts' own bounds",
        "max_bucket_reso": "sd-scripts' own bounds",
        "bucket_no_upscale": "small pictures are enlarged, so that all fit into few buckets",
        "lr_scheduler": "rates fall to 0 towards the end, once per cycle",
        "lr_scheduler_num_cycles": "one cycle, no restart",
        "lr_warmup_steps": "10 % steadies Adam's first steps",
        "max_train_epochs": "with a LoRA saved after each, enough to choose between",
        "max_train_steps": "sd-scripts' own; it counts where epochs are blank",
        "max_timestep": "every timestep is trained",
        "train_batch_size": "what fits an 8 GB GPU at 512² and dim 128 beside a desktop",
        "optimizer_args": "AdamW's own arguments",
        "seed": "a fixed one, so that a bake can be repeated",
        "save_precision": "half the size of fp32, and what is learned does not need more",
        "save_every_n_epochs": "every epoch can be looked at, and the best kept",
        "save_every_n_steps": "epochs are saved",
        "shuffle_caption": "captions are trained as they are written",
        "keep_tokens": "nothing is shuffled",
        "caption_extension": "both endings are common, and .txt comes first",
        "prior_loss_weight": "a regularisation picture counts as any other",
        "mixed_precision": "bf16 where the GPU has it: fp16's scaling of gradients is not needed",
        "optimizer_type": "a fused AdamW in full precision; AdamW8bit saves memory where that is needed",
        "xformers": "PyTorch's own attention is as fast and gives the same result each time",
        "sdpa": "PyTorch's own attention",
        "gradient_checkpointing": "off, as it costs a third of the speed; `fit` turns it on where memory is short",
    },
)
