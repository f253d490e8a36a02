"""A tiny Anima that has learnt to draw a little, so that learning can be seen on it: `python learnt_anima.py FOLDER` writes it.

Its pictures are a ground of one colour with a square of another; it is trained whole, through its own text encoder and VAE, in half
a minute. What a LoRA is to learn, a square with a stripe, is in none of them.
"""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tiny_anima import tiny_anima, tiny_modules, write_folder
from torch import Tensor

from trainer.models.engines import load_base
from trainer.models.identify import identify_base

SIDE = 64
STEPS, BATCH, RATE = 400, 12, 4e-3
COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 70, 220),
    "white": (240, 240, 240),
    "black": (20, 20, 20),
}

Pixels = NDArray[np.uint8]


def picture(ground: str, square: str, shift: int = 0, stripe: str = "") -> Pixels:
    """Return a picture, [64, 64, 3]: a square on a ground, moved to the right by some pixels, with a stripe across it."""
    found = np.full((SIDE, SIDE, 3), COLOURS[ground], np.uint8)
    found[16:48, 12 + shift : 44 + shift] = COLOURS[square]
    if stripe:
        found[26:38, 12 + shift : 44 + shift] = COLOURS[stripe]
    return found


def write_subject(folder: Path, shifts: Sequence[int]) -> Path:
    """Write pictures of the subject, which the base has not seen, with their captions, and return their folder."""
    folder.mkdir(parents=True)
    for number, shift in enumerate(shifts):
        Image.fromarray(picture("white", "black", shift, "red")).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text("hifumi, white ground")
    return folder


def write_learnt(folder: Path) -> Path:
    """Train the base whole, write it as diffusers does, and return its folder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pairs = list(itertools.permutations(COLOURS, 2))
        pixels = torch.from_numpy(np.stack([picture(ground, square) for ground, square in pairs]))
        modules = tiny_modules()
        _set_statistics(modules["vae"], pixels)
        model: Any = load_base(identify_base(str(tiny_anima()), {}), device="cpu", dtype=torch.float32)
        model._mean, model._deviation = (
            torch.tensor(list(numbers)).view(1, -1, 1, 1)
            for numbers in (modules["vae"].config.latents_mean, modules["vae"].config.latents_std)
        )
        latents = model.encode_pictures(pixels)
        with torch.no_grad():
            words = [f"{square} square, {ground} ground" for ground, square in pairs]
            # As often without words, which a caption that is left out gives.
            texts = model.join({"conditioner": model.encode_part("conditioner", model.tokenize([*words, ""]), 1)})
        _train(model, latents, texts.embeddings)
        modules["transformer"].load_state_dict(model.body.state_dict())
    return write_folder(folder, modules)


def _train(model: Any, latents: Tensor, texts: Tensor) -> None:
    model.body.requires_grad_(True)
    optimizer = torch.optim.AdamW(model.body.parameters(), lr=RATE, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        which = torch.randint(len(latents), (BATCH,))
        clear, noise, times = latents[which], torch.randn(BATCH, *latents.shape[1:]), torch.rand(BATCH)
        text = texts[torch.where(torch.rand(BATCH) < 0.1, len(latents), which)]
        noisy = model.schedule.add_noise(clear, noise, times)
        predicted = model.predict(noisy, times, type("Text", (), {"embeddings": text}))
        loss = (predicted - (noise - clear)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.body.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.body.requires_grad_(False)


@torch.no_grad()
def _set_statistics(vae: Any, pixels: Tensor) -> None:
    """Let the latents of the pictures have a mean of 0 and a deviation of 1 in each channel, as those of the real VAE have."""
    raw = vae.encode((pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).unsqueeze(2)).latent_dist.mean.transpose(0, 1)
    mean, deviation = raw.flatten(1).mean(1), raw.flatten(1).std(1)
    vae.register_to_config(latents_mean=mean.tolist(), latents_std=deviation.clamp(min=1e-3).tolist())


if __name__ == "__main__":
    print(write_learnt(Path(sys.argv[1])))
