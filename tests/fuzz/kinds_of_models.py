"""Kinds of files of models: safetensors of any program, bases and adapters in folders."""

import fuzz_calls as calls
from fuzz_kind import BODY, HEADER, JSON, PLAN, Kind, command
from fuzz_workspace import BAKE
from mutators import of_metadata

from trainer.settings.in_metadata import AS_SET, MADE

KINDS: tuple[Kind, ...] = (
    Kind(
        "safetensors header",
        {"models/base/vae/diffusion_pytorch_model.safetensors": HEADER},
        ("trainer.formats.safetensors_header", "trainer.models.identify"),
        (command(*PLAN, "{root}/hifumi.toml", "--set", "vae={file}"),),
    ),
    Kind(
        "safetensors body",
        {"models/hifumi.safetensors": BODY},
        (
            "trainer.formats.safetensors_numbers",
            "trainer.formats.safetensors_bytes",
            "trainer.models.file_hashes",
            "trainer.exchange.webui_hash",
        ),
        (
            command(*PLAN, "{root}/with-lora.toml"),
            command("grid", "{root}/grids/mine.json", "--dry-run", "--in", "{root}"),
            command("measure", "{file}", "{file}", "--base", "demo", "--json"),
            calls.measure_lora,
        ),
        (calls.load_lora,),
    ),
    Kind(
        "LoRA",
        {f"{BAKE}/hifumi.safetensors": HEADER, "models/hifumi.safetensors": HEADER},
        (
            "trainer.formats.safetensors_header",
            "trainer.network.lora_content",
            "trainer.publish.epoch",
            "trainer.publish.copy_files",
        ),
        (
            command(*PLAN, "{root}/with-lora.toml"),
            command("grid", "{root}/grids/mine.json", "--dry-run", "--in", "{root}"),
            command("grid", "--like", "{root}/from/webui.png", "--dry-run", "--in", "{root}"),
            command("use", "1", "2", "{root}/used", "--make-folder", "--force", "--in", "{root}"),
            calls.measure_lora,
        ),
        (calls.load_lora,),
    ),
    Kind(
        "LoRA on the bench",
        {"models/hifumi.safetensors": (*HEADER, *BODY, of_metadata(MADE))},
        (
            "trainer.lora_tools.edit_metadata",
            "trainer.lora_tools.inspect",
            "trainer.lora_tools.provenance",
        ),
        (
            command("lora", "inspect", "{file}", "--json"),
            command("lora", "verify", "{file}", "--in", "{root}"),
            command("lora", "metadata", "{file}", "--share", "--out", "{root}/shared.safetensors", "--force"),
            command(
                "lora", "merge", "{file}", "{file}", "--rank", "2", "--out", "{root}/merged.safetensors", "--force"
            ),
            command("lora", "mix", "{file}", "--out", "{root}/mixed.safetensors", "--force"),
        ),
    ),
    Kind(
        "LoRA of other kinds",
        {
            "models/kinds.safetensors": (*HEADER, of_metadata("ss_network_args")),
            "models/doras.safetensors": HEADER,
        },
        ("trainer.models.lora_header",),
        (
            command("measure", "{file}", "--base", "demo", "--json"),
            command("lora", "inspect", "{file}"),
            command(
                "lora", "convert", "{file}", "--rank", "2", "--base", "demo", "--out", "{root}/x.safetensors", "--force"
            ),
            calls.measure_lora,
        ),
        (calls.load_lora,),
    ),
    Kind(
        "LoRA with numbered layers",
        {"models/numbered.safetensors": (*HEADER, of_metadata("unet"))},
        ("trainer.models.numbered_layers",),
        (command(*PLAN, "{root}/with-lora.toml", "--set", "network_weights={root}/models/numbered.safetensors"),),
    ),
    Kind(
        "LoRA to bake again",
        {
            "models/again.safetensors": (
                *HEADER,
                *map(of_metadata, (AS_SET, "ss_datasets", "ss_tag_frequency", "ss_network_args")),
            )
        },
        ("trainer.interop.trainers.lora_data", "trainer.interop.documents"),
        (
            command("import", "{file}"),
            command("import", "{file}", "--out", "{root}/again.toml", "--subject", "hifumi", "--force"),
            command("bakes", "add", "{file}", "--in", "{root}"),
        ),
    ),
    Kind(
        "adapter config",
        {"models/adapter_config.json": JSON},
        ("trainer.models.adapter_config",),
        (
            command("import", "{root}/models"),
            command(*PLAN, "{root}/with-lora.toml", "--set", "network_weights={root}/models/adapter_model.safetensors"),
        ),
    ),
    Kind(
        "base",
        {"models/base/unet/diffusion_pytorch_model.safetensors": (*HEADER, *BODY)}
        | {"models/base/text_encoder/model.safetensors": (*HEADER, *BODY)}
        | {"models/base/vae/diffusion_pytorch_model.safetensors": (*HEADER, *BODY)},
        ("trainer.formats.safetensors_header", "trainer.formats.safetensors_bytes"),
        (command(*PLAN, "{root}/with-base.toml"),),
        (calls.load_base,),
    ),
    Kind(
        "base in several files",
        {"several/models/diffusion_models/anima.safetensors": HEADER}
        | {
            f"several/models/{name}.safetensors": HEADER
            for name in ("text_encoders/qwen_3_06b_base", "vae/qwen_image_vae")
        }
        | {f"several/comfy/text_encoders/{name}/tokenizer.json": JSON for name in ("qwen25_tokenizer", "t5_tokenizer")},
        ("trainer.families.anima.files.tokenizer_files",),
        (
            command(
                *PLAN,
                "{root}/hifumi.toml",
                "--set",
                "pretrained_model_name_or_path={root}/several/models/diffusion_models/anima.safetensors",
            ),
        ),
    ),
    Kind(
        "config of a base",
        {
            f"models/base/{name}.json": JSON
            for name in (
                "model_index",
                "unet/config",
                "text_encoder/config",
                "vae/config",
                "scheduler/scheduler_config",
            )
        },
        ("trainer.models.diffusers_folder",),
        (command(*PLAN, "{root}/with-base.toml"),),
        (calls.load_base,),
    ),
    Kind(
        "tokenizer of a base",
        {"models/base/tokenizer/tokenizer.json": JSON},
        ("trainer.models.stable_diffusion.tokenizer_files",),
        (command(*PLAN, "{root}/with-base.toml"),),
    ),
)
