"""A tiny Anima of the real classes with random numbers: a diffusers folder, or the files that people have.

A transformer of three blocks, Qwen3 and the text conditioner of two layers each, and tokenizers of a few hundred tokens; latents of
the real sixteen channels, an eighth of the picture.
"""

import atexit
import copy
import functools
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from anima_layout import original_body, original_conditioner, original_encoder, original_vae
from diffusers import AnimaTextConditioner, AutoencoderKLQwenImage, CosmosTransformer3DModel
from header_only import write_header_only
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3Model

MODULE = "trainer.families.anima.record"
BLOCKS, LAYERS_OF_A_BLOCK = 3, 10
LEAST_TOKENS = 128

BODY: dict[str, Any] = {
    "in_channels": 16,
    "out_channels": 16,
    "num_attention_heads": 2,
    "attention_head_dim": 32,
    "num_layers": BLOCKS,
    "mlp_ratio": 4.0,
    "text_embed_dim": 64,
    "adaln_lora_dim": 16,
    "max_size": (128, 240, 240),
    "patch_size": (1, 2, 2),
    "rope_scale": (1.0, 4.0, 4.0),
    "concat_padding_mask": True,
    "extra_pos_embed_type": None,
}
_T5 = ["<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz0123456789,.()_:-"]
_ENDS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

_FOLDERS = {"transformer": "CosmosTransformer3DModel", "text_conditioner": "AnimaTextConditioner"}


def tiny_modules(seed: int = 0, **body: Any) -> dict[str, Any]:
    """Return random components by the names of their folders, in fp32, every number one that bf16 can hold."""
    return copy.deepcopy(_kept_modules(seed, tuple(sorted(body.items()))))


@functools.cache
def _kept_modules(seed: int, body: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        modules: dict[str, Any] = {
            "transformer": CosmosTransformer3DModel(**{**BODY, **dict(body)}),
            "text_conditioner": AnimaTextConditioner(
                source_dim=64,
                target_dim=64,
                model_dim=64,
                num_layers=2,
                num_attention_heads=2,
                target_vocab_size=len(_T5),
                min_sequence_length=LEAST_TOKENS,
            ),
            "text_encoder": Qwen3Model(
                Qwen3Config(
                    vocab_size=256 + len(_ENDS),
                    hidden_size=64,
                    intermediate_size=128,
                    num_hidden_layers=2,
                    num_attention_heads=2,
                    num_key_value_heads=1,
                    head_dim=32,
                    rms_norm_eps=1e-6,
                    rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
                    tie_word_embeddings=True,
                    bos_token_id=None,
                    eos_token_id=None,
                )
            ),
            "vae": AutoencoderKLQwenImage(base_dim=4, num_res_blocks=1),
        }
        for module in modules.values():
            _make_numbers(module)
    return modules


@torch.no_grad()
def _make_numbers(module: nn.Module) -> None:
    """Let a pass through the module change what goes in: the classes begin with norms of one and small steps."""
    module.requires_grad_(False).eval()
    for name, weight in module.named_parameters():
        if weight.dim() < 2 or name.endswith("gamma"):
            weight.add_(torch.randn_like(weight) * 0.05)
        else:
            weight.normal_(0, weight[0].numel() ** -0.5)
        weight.copy_(weight.bfloat16())


def qwen_tokenizer() -> Tokenizer:
    """Return byte-level pieces of one byte each, with Qwen's special tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    found = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    found.add_special_tokens(_ENDS)
    return found


def t5_tokenizer() -> Tokenizer:
    """Return unigrams of one letter each, with T5's special tokens and its end behind a text."""
    found = Tokenizer(models.Unigram([(piece, -float(number)) for number, piece in enumerate(_T5)], unk_id=2))
    found.pre_tokenizer = pre_tokenizers.Metaspace()
    found.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    found.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return found


@functools.cache
def tiny_anima() -> Path:
    """Return a diffusers folder of the base, written once for each process that tests."""
    return write_folder(_own_folder("folder"))


@functools.cache
def tiny_files() -> Path:
    """Return the base's file in the original layout, with what it lacks where ComfyUI has it, written once for each process."""
    return write_files(_own_folder("ComfyUI"))


def _own_folder(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tiny-anima-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / name


def write_folder(folder: Path, modules: Mapping[str, Any] | None = None) -> Path:
    """Write the base as diffusers does, and return its folder."""
    for name, module in (modules or tiny_modules()).items():
        (folder / name).mkdir(parents=True)
        stem = "model" if name == "text_encoder" else "diffusion_pytorch_model"
        save_file(_half(module.state_dict()), folder / name / f"{stem}.safetensors")
        table = module.config.to_dict() if name == "text_encoder" else dict(module.config)
        kept = {key: value for key, value in table.items() if not key.startswith("_")}
        if name in _FOLDERS:
            kept["_class_name"] = _FOLDERS[name]
        (folder / name / "config.json").write_text(json.dumps(kept, default=str))
    for name, tokenizer in (("tokenizer", qwen_tokenizer()), ("t5_tokenizer", t5_tokenizer())):
        (folder / name).mkdir()
        tokenizer.save(str(folder / name / "tokenizer.json"))
    (folder / "modular_model_index.json").write_text(json.dumps({"_class_name": "AnimaModularPipeline"}))
    return folder


def write_files(root: Path, modules: Mapping[str, Any] | None = None, dtype: torch.dtype = torch.bfloat16) -> Path:
    """Write the base in several files where ComfyUI keeps them, and return the one with the transformer."""
    found = modules or tiny_modules()
    path = root / "models" / "diffusion_models" / "anima.safetensors"
    files = {
        path: original_body(found["transformer"].state_dict())
        | original_conditioner(found["text_conditioner"].state_dict()),
        root / "models/text_encoders/qwen_3_06b_base.safetensors": original_encoder(found["text_encoder"].state_dict()),
        root / "models/vae/qwen_image_vae.safetensors": original_vae(found["vae"]),
    }
    for place, tensors in files.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        save_file(_half(tensors, dtype), place)
    for name, tokenizer in (("qwen25_tokenizer", qwen_tokenizer()), ("t5_tokenizer", t5_tokenizer())):
        folder = root / "comfy" / "text_encoders" / name
        folder.mkdir(parents=True)
        tokenizer.save(str(folder / "tokenizer.json"))
    return path


def _half(tensors: Mapping[str, Tensor], dtype: torch.dtype = torch.bfloat16) -> dict[str, Tensor]:
    return {key: weight.to(dtype).contiguous() for key, weight in tensors.items()}


def real_modules(blocks: int = 28) -> dict[str, Any]:
    """Return the components in their real sizes on the meta device, by the names of their folders."""
    wide = {"num_attention_heads": 16, "attention_head_dim": 128, "text_embed_dim": 1024, "adaln_lora_dim": 256}
    with torch.device("meta"):
        return {
            "transformer": CosmosTransformer3DModel(**{**BODY, **wide, "num_layers": blocks}),
            "text_conditioner": AnimaTextConditioner(),
            "text_encoder": Qwen3Model(
                Qwen3Config(
                    vocab_size=151936,
                    hidden_size=1024,
                    intermediate_size=3072,
                    num_hidden_layers=28,
                    num_attention_heads=16,
                    num_key_value_heads=8,
                    head_dim=128,
                )
            ),
            "vae": AutoencoderKLQwenImage(),
        }


def original_shapes(modules: Mapping[str, Any], prefix: str = "net.") -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes of a file with transformer and conditioner, with what people's files hold beside them."""
    weights = original_body(modules["transformer"].state_dict(), prefix)
    weights |= original_conditioner(modules["text_conditioner"].state_dict(), f"{prefix}llm_adapter.")
    idle = {f"{prefix}pos_embedder.{name}": (22,) for name in ("dim_spatial_range", "dim_temporal_range", "seq")}
    return {key: tuple(weight.shape) for key, weight in weights.items()} | idle


@functools.cache
def hollow_files(blocks: int = 28) -> Path:
    """Return a base of real size whose numbers are a hole in the file system, with its other files around it."""
    root, modules = _own_folder(f"hollow-{blocks}"), real_modules(blocks)
    path = root / "models" / "diffusion_models" / "anima-base.safetensors"
    files = {
        path: original_shapes(modules),
        root / "models/text_encoders/qwen_3_06b_base.safetensors": _shapes(
            original_encoder(modules["text_encoder"].state_dict())
        ),
        root / "models/vae/qwen_image_vae.safetensors": _shapes(original_vae(modules["vae"])),
    }
    for place, shapes in files.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        write_header_only(place, shapes, dtype="BF16")
    words = {"<|endoftext|>": 0} | {f"w{number}": number for number in range(1, 151_665)}
    pieces = [[piece, 0.0] for piece in (*_T5[:3], *(f"w{number}" for number in range(3, 32_100)))]
    tables = {"qwen25_tokenizer": {"type": "BPE", "vocab": words}, "t5_tokenizer": {"type": "Unigram", "vocab": pieces}}
    for name, model in tables.items():
        folder = root / "comfy" / "text_encoders" / name
        folder.mkdir(parents=True)
        (folder / "tokenizer.json").write_text(json.dumps({"model": model}))
    return path


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}
