"""Names of the weights that each component must have, by its config: those of diffusers' and transformers' modules; free of torch."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from trainer.errors import ModelError
from trainer.models.component_weights import Weights
from trainer.models.diffusers_folder import Component
from trainer.text import plural, printable

Config = Mapping[str, Any]

# SDXL's U-Net has 1,680. A config from outside may claim any number of layers.
_MAX_NAMES = 100_000

# Of a U-Net that is built as SD1.x's and SDXL's are: block types -> whether their blocks hold transformers.
_DOWN = {"CrossAttnDownBlock2D": True, "DownBlock2D": False}
_UP = {"CrossAttnUpBlock2D": True, "UpBlock2D": False}
_MIDDLE = "UNetMidBlock2DCrossAttn"
# What would add or remove weights, with the only values that are followed here.
_PLAIN_UNET: dict[str, tuple[object, ...]] = {
    "addition_embed_type": (None, "text_time"),
    "attention_type": (None, "default"),
    "class_embed_type": (None,),
    "conv_in_kernel": (None, 3),
    "cross_attention_norm": (None,),
    "dual_cross_attention": (None, False),
    "encoder_hid_dim": (None,),
    "encoder_hid_dim_type": (None,),
    "mid_block_only_cross_attention": (None, False),
    "mid_block_type": (None, _MIDDLE),
    "num_class_embeds": (None,),
    "only_cross_attention": (None, False),
    "resnet_time_scale_shift": (None, "default"),
    "reverse_transformer_layers_per_block": (None,),
    "time_cond_proj_dim": (None,),
    "time_embedding_type": (None, "positional"),
}


def check_complete(weights: Weights, component: Component, config: Config) -> None:
    """See that no weight of a component is missing; a component that is built in an unusual way passes.

    Args:
        weights: the component's.
        component: which one.
        config: in diffusers' or transformers' words.

    Raises:
        ModelError: at least one is missing; names the first.
    """
    missing = missing_weights(weights, component, config)
    if missing:
        example = printable(missing[0], 100)
        raise ModelError(
            printable(str(weights.path)),
            found=f"the weight {example} is missing"
            if len(missing) == 1
            else f"{plural(len(missing), 'weight')} are missing, for example {example}",
            expected="the complete model",
            way_out="download it again",
        )


def missing_weights(weights: Weights, component: Component, config: Config) -> list[str]:
    """Return the names of the weights that a component lacks, sorted; none where it is built in an unusual way.

    Args:
        weights: the component's.
        component: which one.
        config: in diffusers' or transformers' words.
    """
    try:
        names = set(islice(_names(component, config), _MAX_NAMES))
    # A config may hold anything: what cannot be followed is for the libraries to judge when they load it.
    except (KeyError, IndexError, TypeError, ValueError):
        return []
    return sorted(names - weights.slices.keys())


def _names(component: Component, config: Config) -> Iterator[str]:
    match component:
        case "unet":
            plain = all(config.get(name) in values for name, values in _PLAIN_UNET.items())
            return _unet(config) if plain else iter(())
        case "vae":
            return _vae(config)
        case _:
            return _text_encoder(config, projected=component == "text_encoder_2")


def _pair(*places: str) -> Iterator[str]:
    for place in places:
        yield f"{place}.weight"
        yield f"{place}.bias"


def _unet(config: Config) -> Iterator[str]:
    widths, downs, ups = list(config["block_out_channels"]), config["down_block_types"], config["up_block_types"]
    layers = _per_level(config["layers_per_block"], len(widths))
    depths = _per_level(config.get("transformer_layers_per_block", 1), len(widths))
    yield from _pair("conv_in", "time_embedding.linear_1", "time_embedding.linear_2", "conv_norm_out", "conv_out")
    if config.get("addition_embed_type") == "text_time":
        yield from _pair("add_embedding.linear_1", "add_embedding.linear_2")
    last = len(widths) - 1
    for level, (kind, width) in enumerate(zip(downs, widths, strict=True)):
        place, before = f"down_blocks.{level}", widths[max(0, level - 1)]
        for number in range(layers[level]):
            shortcut = number == 0 and before != width
            yield from _resnet(f"{place}.resnets.{number}", timed=True, shortcut=shortcut)
            if _DOWN[kind]:
                yield from _transformer(f"{place}.attentions.{number}", depths[level])
        if level < last:
            yield from _pair(f"{place}.downsamplers.0.conv")
    for number in (0, 1):
        yield from _resnet(f"mid_block.resnets.{number}", timed=True, shortcut=False)
    yield from _transformer("mid_block.attentions.0", depths[-1])
    for level, kind in enumerate(ups):
        place = f"up_blocks.{level}"
        for number in range(layers[last - level] + 1):
            # It takes what skipped the middle beside what came through it, so that its input is always the wider.
            yield from _resnet(f"{place}.resnets.{number}", timed=True, shortcut=True)
            if _UP[kind]:
                yield from _transformer(f"{place}.attentions.{number}", depths[last - level])
        if level < last:
            yield from _pair(f"{place}.upsamplers.0.conv")


def _per_level(value: object, levels: int) -> list[int]:
    """Return a number for each level on the way down, of one for all or of a list."""
    numbers = [value] * levels if isinstance(value, int) else list(value)  # type: ignore[call-overload]  # raises TypeError
    if len(numbers) != levels or not all(isinstance(number, int) for number in numbers):
        raise ValueError("no number for each level")
    return numbers


def _resnet(place: str, *, timed: bool, shortcut: bool) -> Iterator[str]:
    yield from _pair(f"{place}.norm1", f"{place}.conv1", f"{place}.norm2", f"{place}.conv2")
    if timed:
        yield from _pair(f"{place}.time_emb_proj")
    if shortcut:
        yield from _pair(f"{place}.conv_shortcut")


def _transformer(place: str, depth: int) -> Iterator[str]:
    yield from _pair(f"{place}.norm", f"{place}.proj_in", f"{place}.proj_out")
    for number in range(depth):
        block = f"{place}.transformer_blocks.{number}"
        yield from _pair(
            *(f"{block}.norm{which}" for which in (1, 2, 3)), f"{block}.ff.net.0.proj", f"{block}.ff.net.2"
        )
        for attention in ("attn1", "attn2"):
            yield from (f"{block}.{attention}.to_{which}.weight" for which in "qkv")
            yield from _pair(f"{block}.{attention}.to_out.0")


def _text_encoder(config: Config, *, projected: bool) -> Iterator[str]:
    yield "embeddings.token_embedding.weight"
    yield "embeddings.position_embedding.weight"
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layers.{number}"
        yield from _pair(*(f"{layer}.self_attn.{which}_proj" for which in ("k", "v", "q", "out")))
        yield from _pair(f"{layer}.layer_norm1", f"{layer}.layer_norm2", f"{layer}.mlp.fc1", f"{layer}.mlp.fc2")
    yield from _pair("final_layer_norm")
    if projected:
        yield "text_projection.weight"


def _vae(config: Config) -> Iterator[str]:
    widths, layers = list(config["block_out_channels"]), config["layers_per_block"]
    usual = set(config["down_block_types"]) | set(config["up_block_types"]) <= {
        "DownEncoderBlock2D",
        "UpDecoderBlock2D",
    }
    if not usual or config.get("mid_block_add_attention", True) is not True:
        return
    for switch, name in (("use_quant_conv", "quant_conv"), ("use_post_quant_conv", "post_quant_conv")):
        if config.get(switch, True):
            yield from _pair(name)
    last = len(widths) - 1
    for side, way, ordered, count in (("encoder", "down", widths, layers), ("decoder", "up", widths[::-1], layers + 1)):
        yield from _pair(f"{side}.conv_in", f"{side}.conv_norm_out", f"{side}.conv_out")
        for level, width in enumerate(ordered):
            before = ordered[max(0, level - 1)]
            for number in range(count):
                place = f"{side}.{way}_blocks.{level}.resnets.{number}"
                yield from _resnet(place, timed=False, shortcut=number == 0 and before != width)
            if level < last:
                yield from _pair(f"{side}.{way}_blocks.{level}.{way}samplers.0.conv")
        for number in (0, 1):
            yield from _resnet(f"{side}.mid_block.resnets.{number}", timed=False, shortcut=False)
        attention = f"{side}.mid_block.attentions.0"
        yield from _pair(
            f"{attention}.group_norm", *(f"{attention}.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0"))
        )
