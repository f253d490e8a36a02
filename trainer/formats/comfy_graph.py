"""ComfyUI's graph of nodes in a picture, read as prompts, settings and LoRAs of its first sampling."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trainer.formats.listed_loras import ListedLora, factor, file_stem

_LORA = re.compile(r"(?:lora_name|lora)(_\d+)?|lora(_\d+)_name")
_NO_LORA = ("", "none")
# Inputs that hold a LoRA's factor, in the nodes of ComfyUI and its extensions; `_1` and so on follows where a node holds several.
_MODEL_FACTOR = ("strength_model", "model_str", "lora_model_strength", "lora_wt", "lora_strength", "strength", "weight")
_CLIP_FACTOR = ("strength_clip", "clip_str", "lora_clip_strength")
_TEXTS = ("text", "text_g", "populated_text", "wildcard_text", "prompt", "string", "String", "Text", "value", "Value")
_NUMBERS = ("value", "Value", "int", "float", "number", "Number", "seed", "noise_seed")
_LATENTS = ("latent_image", "latent", "samples")

Scalar = str | int | float


@dataclass(frozen=True)
class ComfySampling:
    """One sampling of a graph, in ComfyUI's words.

    Attributes:
        values: name -> value: prompt, negative_prompt, steps, cfg, seed, sampler_name, scheduler, denoise, width, height, model,
            vae, encoder (the file of a text encoder of its own), clip_skip, shift (of a flow's times); a name is missing where the graph
            does not say it.
        loras: in the order in which they are put on the model.
        passes: how many samplings the graph has.
        controlled: whether a ControlNet guides it.
        padded_to: tokens that its prompts are padded to, and by; 0 for none.
    """

    values: dict[str, Scalar]
    loras: tuple[ListedLora, ...]
    passes: int
    controlled: bool
    padded_to: int = 0


@dataclass(frozen=True)
class _Graph:
    """Nodes by their name, each with its class and inputs; an input is a value or a link to another node."""

    nodes: Mapping[str, tuple[str, Mapping[str, object]]] = field(default_factory=dict)

    def target(self, value: object) -> str | None:
        """Return the node that an input links to, None where it is a value."""
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int):
            name = str(value[0])
            return name if name in self.nodes else None
        return None

    def upstream(self, *starts: str | None) -> Iterator[tuple[str, str, Mapping[str, object]]]:
        """Yield name, class and inputs of the nodes that lead to `starts`, these included, the nearest first."""
        waiting = [name for name in starts if name is not None]
        seen = set(waiting)
        for name in waiting:
            kind, inputs = self.nodes[name]
            yield name, kind, inputs
            for value in inputs.values():
                before = self.target(value)
                if before is not None and before not in seen:
                    seen.add(before)
                    waiting.append(before)

    def scalar(self, value: object, names: tuple[str, ...]) -> Scalar | None:
        """Return an input's value; of a link the first value under one of `names` that leads to it."""
        if _is_scalar(value):
            return value  # type: ignore[return-value]
        for _, _, inputs in self.upstream(self.target(value)):
            for name in names:
                if _is_scalar(inputs.get(name)):
                    return inputs[name]  # type: ignore[return-value]
        return None

    def nearest(self, start: str, *names: str) -> Scalar | None:
        """Return the value of the nearest input with one of these names, from the node `start` upwards."""
        for _, _, inputs in self.upstream(start):
            for name in names:
                if name in inputs and (found := self.scalar(inputs[name], (name, *_NUMBERS))) is not None:
                    return found
        return None


def read_comfy_graph(table: object) -> ComfySampling | None:
    """Return the first sampling of a graph as ComfyUI's API has it (`{"3": {"class_type": …, "inputs": {…}}}`).

    Of several samplings the first is the one whose latents do not come from another. Returns None where `table` is no such
    graph, or samples nothing.
    """
    graph = _graph(table)
    samplers = [name for name, (kind, inputs) in graph.nodes.items() if _samples(graph, kind, inputs)]
    if not samplers:
        return None
    first = next((name for name in samplers if not _follows_another(graph, name, samplers)), samplers[0])
    guided = next(
        (inputs for _, _, inputs in graph.upstream(first) if graph.target(inputs.get("positive")) or _guides(inputs)),
        {},
    )
    positive = guided.get("positive", guided.get("conditioning"))
    inputs = graph.nodes[first][1]
    model = graph.target(guided.get("model", inputs.get("model")))
    latent = next((graph.target(inputs.get(name)) for name in _LATENTS if name in inputs), None)
    found: dict[str, Scalar | None] = {
        "prompt": _words(graph, positive, "positive"),
        "negative_prompt": _words(graph, guided.get("negative"), "negative"),
        "model": _first(graph, model, "ckpt_name", "unet_name", "base_ckpt_name"),
        "vae": next((v for _, (_, each) in graph.nodes.items() if isinstance(v := each.get("vae_name"), str)), None),
        "width": graph.nearest(latent, "width", "empty_latent_width") if latent else None,
        "height": graph.nearest(latent, "height", "empty_latent_height") if latent else None,
        "encoder": _first(graph, graph.target(positive), "clip_name"),
        "clip_skip": _clip_skip(graph, graph.target(positive)),
        "shift": _shift(graph, model) or _shift(graph, first),
    }
    for name, inputs_named in (
        ("steps", ("steps",)),
        ("cfg", ("cfg",)),
        ("seed", ("seed", "noise_seed")),
        ("sampler_name", ("sampler_name",)),
        ("scheduler", ("scheduler",)),
        ("denoise", ("denoise",)),
    ):
        found[name] = graph.nearest(first, *inputs_named)
    return ComfySampling(
        {name: value for name, value in found.items() if value is not None},
        tuple(reversed([lora for _, kind, each in graph.upstream(model) for lora in _loras(graph, kind, each)])),
        len(samplers),
        any("controlnet" in kind.lower() for _, kind, _ in graph.upstream(graph.target(positive))),
        _padding(graph, graph.target(positive)),
    )


def _graph(table: object) -> _Graph:
    nodes = {}
    for name, node in table.items() if isinstance(table, dict) else ():
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict):
            nodes[str(name)] = (str(node.get("class_type", "")), node["inputs"])
    return _Graph(nodes)


def _samples(graph: _Graph, kind: str, inputs: Mapping[str, object]) -> bool:
    guided = any(graph.target(inputs.get(name)) for name in ("positive", "guider"))
    return "sampler" in kind.lower() and guided and any(name in inputs for name in _LATENTS)


def _follows_another(graph: _Graph, name: str, samplers: list[str]) -> bool:
    inputs = graph.nodes[name][1]
    latents = [graph.target(inputs.get(each)) for each in _LATENTS]
    return any(before in samplers for before, _, _ in graph.upstream(*latents) if before != name)


def _guides(inputs: Mapping[str, object]) -> bool:
    return "conditioning" in inputs and "model" in inputs


def _words(graph: _Graph, value: object, role: str) -> str:
    """Return the text that a conditioning encodes: its first; both texts of SDXL's two encoders where they differ.

    Args:
        graph: the nodes.
        value: the input with the conditioning, or with the text itself.
        role: `positive` or `negative`, for nodes that hold both texts.
    """
    if isinstance(value, str):
        return value
    names = (role, *_TEXTS)
    for _, kind, inputs in graph.upstream(graph.target(value)):
        if "zeroout" in kind.lower():
            return ""
        wanted = ("text_g", "text_l") if "text_g" in inputs else names
        # Under its role stands a text in some nodes, in most a link to another conditioning.
        present = [name for name in wanted if name in inputs and (name != role or isinstance(inputs[name], str))]
        texts = [graph.scalar(inputs[name], names) for name in present]
        found = [text for text in texts if isinstance(text, str)]
        if found:
            return ", ".join(dict.fromkeys(found)) if "text_g" in inputs else found[0]
    return ""


def _first(graph: _Graph, start: str | None, *names: str) -> str | None:
    for _, _, inputs in graph.upstream(start):
        for name in names:
            if isinstance(found := inputs.get(name), str):
                return found
    return None


def _clip_skip(graph: _Graph, start: str | None) -> int | None:
    """Return the layer of the text encoder in the webui's count: ComfyUI's -2 is 2."""
    for _, _, inputs in graph.upstream(start):
        found = inputs.get("stop_at_clip_layer", inputs.get("clip_skip"))
        if isinstance(found, int) and not isinstance(found, bool) and found:
            return abs(found)
    return None


def _shift(graph: _Graph, start: str | None) -> Scalar | None:
    """Return the shift of a flow's times: of ModelSamplingAuraFlow, ModelSamplingSD3 and their like the last before the sampling."""
    for _, kind, inputs in graph.upstream(start):
        if kind.startswith("ModelSampling") and (found := graph.scalar(inputs.get("shift"), _NUMBERS)) is not None:
            return found
    return None


def _padding(graph: _Graph, start: str | None) -> int:
    """Return how long T5TokenizerOptions makes a prompt, or by how much longer."""
    for _, kind, inputs in graph.upstream(start):
        if kind == "T5TokenizerOptions":
            amounts = (graph.scalar(inputs.get(name), _NUMBERS) for name in ("min_padding", "min_length"))
            return max((each for each in amounts if isinstance(each, int)), default=0)
    return 0


def _loras(graph: _Graph, kind: str, inputs: Mapping[str, object]) -> Iterator[ListedLora]:
    """Yield the LoRAs of one node, the last of its list first, as `upstream` goes."""
    for name, value in reversed(list(inputs.items())):
        if isinstance(value, dict) and isinstance(value.get("lora"), str):
            unet = factor(value.get("strength"))
            one = ListedLora(file_stem(value["lora"]), "", unet, factor(value.get("strengthTwo"), unet))
            named, on = value["lora"], value.get("on") is not False
        else:
            match = _LORA.fullmatch(name)
            if match is None or not isinstance(value, str):
                continue
            number = match[1] or match[2] or ""
            unet = _factor_in(graph, inputs, _MODEL_FACTOR, number, 1.0)
            # On the model only, a LoRA leaves the text encoder alone.
            clip = 0.0 if "modelonly" in kind.lower() else unet
            one = ListedLora(file_stem(value), "", unet, _factor_in(graph, inputs, _CLIP_FACTOR, number, clip))
            named, on = value, str(inputs.get(f"switch{number}", "On")).lower() != "off"
        if on and named.strip().lower() not in _NO_LORA and (one.unet or one.text_encoder):
            yield one


def _factor_in(
    graph: _Graph, inputs: Mapping[str, object], names: tuple[str, ...], number: str, default: float
) -> float:
    for name in names:
        if f"{name}{number}" in inputs:
            return factor(graph.scalar(inputs[f"{name}{number}"], _NUMBERS), default)
    return default


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
