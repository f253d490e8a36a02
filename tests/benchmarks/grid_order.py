"""What do order, batches and reuse save a grid? The demo's grid made our way, and one picture after the other in the axes' order."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from table import Budget, Table, figures, say

from trainer.grid.cell import Expanded
from trainer.grid.cost import pictures_at_once
from trainer.grid.expand import expand
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import ComputeSetup, Recipe
from trainer.grid.sampling_order import batches
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec, LoraSpec
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.network.injection import LayerRules, inject
from trainer.network.lora_file import save_lora
from trainer.sampling.sampler import GridSampler

ROUNDS = 3
EPOCHS = 3
MACHINERY = ComputeSetup("cuda" if torch.cuda.is_available() else "cpu", "fp32")
PROMPTS = (
    "1girl, hifumi_chan, upper body, school uniform, backpack, halo, smile, outdoors",
    "1girl, upper body, blue hair, short hair, green dress, smile, city",
)


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return seconds of a grid of the demo, epochs × weight × prompts × four seeds, made in two ways that take turns."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_base(identify_base(DEMO_BASE), device=device, dtype=torch.float32)
    expanded = _grid(root, model)
    ours, naive = [], []
    while len(ours) < ROUNDS and (not ours or budget.allows(ours[-1] + naive[-1])):
        ours.append(_timed(lambda: _our_way(model, expanded)))
        naive.append(_timed(lambda: _one_by_one(model, expanded)))
        say(f"  {ours[-1]:.1f} s in our order, {naive[-1]:.1f} s one by one")
    return [
        figures(
            f"a grid of {len(expanded.cells)} pictures of the demo",
            {
                f"our order, batches and reuse, seconds (least of {len(ours)})": min(ours),
                f"one at a time in the axes' order, seconds (least of {len(naive)})": min(naive),
                "ratio": min(naive) / min(ours),
            },
        )
    ]


def _grid(root: Path, model: StableDiffusion) -> Expanded:
    epochs = [EpochFile(label=str(number), file=str(_lora(root, model, number))) for number in range(1, EPOCHS + 1)]
    spec = GridSpec(
        base=DEMO_BASE,
        prompt=PROMPTS[0],
        seeds="11,12,13,14",
        steps=10,
        sampler="DDIM",
        width=64,
        height=64,
        loras=(LoraSpec(file=epochs[0].file),),
        epochs=tuple(epochs),
        x=AxisSpec(kind="weight", values="0.5,1,1.25"),
        y=AxisSpec(kind="epoch", values=f"1-{EPOCHS}"),
        z=AxisSpec(kind="prompt", values=",".join(f'"{prompt}"' for prompt in PROMPTS)),
    )
    return expand(spec, ModelFiles(root))


def _lora(root: Path, model: StableDiffusion, number: int) -> Path:
    path = root / f"bench-{number:06d}.safetensors"
    network = inject(model, LayerRules(dim=8, alpha=8), number, ("unet", "text_encoder"))
    generator = torch.Generator().manual_seed(number)
    with torch.no_grad():
        for layer in network:
            layer.up.copy_(torch.randn(layer.up.shape, generator=generator) * 0.02)
    save_lora(network, path, precision="fp16", metadata={})
    network.remove()
    return path


def _timed(make: Callable[[], None]) -> float:
    began = time.monotonic()
    make()
    return time.monotonic() - began


def _our_way(model: StableDiffusion, expanded: Expanded) -> None:
    with GridSampler(model) as sampler:
        for batch in batches(expanded, lambda recipe: pictures_at_once(recipe, MACHINERY)):
            sampler.sample([cell.recipe for cell in batch], stop=lambda: False)


def _one_by_one(model: StableDiffusion, expanded: Expanded) -> None:
    """Make every cell alone, reading the file and encoding the prompt anew wherever file, weight or prompt change."""
    before: Recipe | None = None
    sampler = GridSampler(model)
    for cell in expanded.cells:
        if before is None or replace(before, seed=cell.recipe.seed) != cell.recipe:
            sampler.close()
            sampler = GridSampler(model)
        sampler.sample([cell.recipe], stop=lambda: False)
        before = cell.recipe
    sampler.close()
