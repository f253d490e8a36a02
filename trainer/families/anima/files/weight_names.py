"""Names of the weights that each of Anima's components must have: those of the libraries' modules; free of torch."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from trainer.errors import ModelError
from trainer.families.anima.keys import IN_BLOCK, OUTSIDE
from trainer.models.component_weights import Weights
from trainer.text import plural, printable

Config = Mapping[str, Any]

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
_BOTH = ("weight", "bias")
# What the class of the VAE takes where its config has no such line.
_TEMPORAL = (False, True, True)


def body_names(config: Config) -> Iterator[str]:
    """Yield the names of the body's weights."""
    for block in range(config["num_layers"]):
        yield from (f"transformer_blocks.{block}.{module}.weight" for module in IN_BLOCK.values())
    yield from (f"{module}.weight" for module in OUTSIDE.values())


def conditioner_names(config: Config) -> Iterator[str]:
    """Yield the names of the text conditioner's weights."""
    ends = _BOTH if config["use_layer_norm"] else _BOTH[:1]
    attentions = ["self_attn"] if config["use_self_attention"] else []
    for block in range(config["num_layers"]):
        for attention in (*attentions, "cross_attn"):
            yield from (f"blocks.{block}.{attention}.{module}.weight" for module in _ATTENTION)
            yield from (f"blocks.{block}.norm_{attention}.{end}" for end in ends)
        yield from (f"blocks.{block}.norm_mlp.{end}" for end in ends)
        yield from (f"blocks.{block}.mlp.{layer}.{end}" for layer in (0, 2) for end in _BOTH)
    yield "embed.weight"
    yield from (f"out_proj.{end}" for end in _BOTH)
    yield from (f"norm.{end}" for end in ends)
    if config["model_dim"] != config["target_dim"]:
        yield from (f"in_proj.{end}" for end in _BOTH)


def encoder_names(config: Config) -> Iterator[str]:
    """Yield the names of Qwen3's weights."""
    for layer in range(config["num_hidden_layers"]):
        yield from (f"layers.{layer}.self_attn.{module}.weight" for module in _ATTENTION)
        yield from (f"layers.{layer}.mlp.{module}_proj.weight" for module in ("gate", "up", "down"))
        yield from (f"layers.{layer}.{norm}_layernorm.weight" for norm in ("input", "post_attention"))
    yield from ("embed_tokens.weight", "norm.weight")


def vae_names(config: Config) -> Iterator[str]:
    """Yield the names of the VAE's weights."""
    base, resnets = int(config["base_dim"]), int(config["num_res_blocks"])
    widths = [base * factor for factor in config["dim_mult"]]
    temporal = tuple(config.get("temperal_downsample", _TEMPORAL))
    block = 0
    before = base
    for level, width in enumerate(widths):
        for _ in range(resnets):
            yield from _resnet(f"encoder.down_blocks.{block}", before != width)
            before = width
            block += 1
        if level < len(widths) - 1:
            yield from _resample(f"encoder.down_blocks.{block}", temporal[level])
            block += 1
    before = widths[-1]
    for level, width in enumerate(reversed(widths)):
        place = f"decoder.up_blocks.{level}"
        for index in range(resnets + 1):
            yield from _resnet(f"{place}.resnets.{index}", before != width)
            before = width
        if level < len(widths) - 1:
            yield from _resample(f"{place}.upsamplers.0", temporal[::-1][level])
            # What enlarges a picture halves its channels.
            before = width // 2
    for side in ("encoder", "decoder"):
        for index in range(2):
            yield from _resnet(f"{side}.mid_block.resnets.{index}", False)
        attention = f"{side}.mid_block.attentions.0"
        yield from (
            f"{attention}.norm.gamma",
            *(f"{attention}.{layer}.{end}" for layer in ("to_qkv", "proj") for end in _BOTH),
        )
        yield from (
            f"{side}.norm_out.gamma",
            *(f"{side}.{conv}.{end}" for conv in ("conv_in", "conv_out") for end in _BOTH),
        )
    yield from (f"{conv}.{end}" for conv in ("quant_conv", "post_quant_conv") for end in _BOTH)


def _resnet(place: str, has_shortcut: bool) -> Iterator[str]:
    yield from (f"{place}.norm{number}.gamma" for number in (1, 2))
    convs = ("conv1", "conv2", "conv_shortcut") if has_shortcut else ("conv1", "conv2")
    yield from (f"{place}.{conv}.{end}" for conv in convs for end in _BOTH)


def _resample(place: str, is_temporal: bool) -> Iterator[str]:
    yield from (f"{place}.resample.1.{end}" for end in _BOTH)
    if is_temporal:
        yield from (f"{place}.time_conv.{end}" for end in _BOTH)


def check_weights(weights: Weights, wanted: Collection[str], what: str) -> None:
    """See that a component has all its weights, no others, and those of plain numbers.

    Args:
        weights: the component's.
        wanted: the names that it must have.
        what: the component, in words with an article.

    Raises:
        ModelError: it has not; names a weight.
    """
    weights.check_types(what)
    wanted, there = set(wanted), weights.slices.keys()
    if missing := sorted(wanted - there):
        raise _wrong(weights, f"{what} without {_example(missing)}", "the complete model")
    if extra := sorted(there - wanted):
        keys = [weights.slices[name].key for name in extra]
        raise _wrong(
            weights, f"{what} with {_example(keys)} that it does not know", "the weights of Anima's and no others"
        )


def _example(names: list[str]) -> str:
    example = printable(names[0], 100)
    return f"the weight {example}" if len(names) == 1 else f"{plural(len(names), 'weight')}, such as {example}"


def _wrong(weights: Weights, found: str, expected: str) -> ModelError:
    way_out = "download the file again, or give Anima's own"
    return ModelError(printable(str(weights.path)), found=found, expected=expected, way_out=way_out)
