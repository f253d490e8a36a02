"""Prints docs/optimizers.md: what the trial says of every optimizer class of the installed packages that it lists.

It takes some minutes: pip install pytorch-optimizer adv-optm schedulefree prodigyopt dadaptation came-pytorch lion-pytorch
"""

import contextlib
import importlib
import inspect
import pkgutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, TypeGuard

import torch

from trainer.bake.averaged_weights import averages
from trainer.bake.optimizer_trial import Layer, try_optimizer
from trainer.errors import SettingsError
from trainer.optimizers import estimates_rate
from trainer.settings.model import Settings

PACKAGES = {
    "pytorch_optimizer": "pytorch-optimizer",
    "adv_optm": "adv-optm",
    "schedulefree": "schedulefree",
    "prodigyopt": "prodigyopt",
    "dadaptation": "dadaptation",
    "came_pytorch": "came-pytorch",
    "lion_pytorch": "lion-pytorch",
}
"""Module to distribution."""

_DIM = 8
_WIDTHS = (16, 40)
MATRICES: tuple[Layer, ...] = tuple(
    ((_DIM, inputs), (outputs, _DIM))
    for width in _WIDTHS
    for inputs, outputs in ((width, width), (24, width), (width, 8 * width))
)
"""Layers that a LoRA of SDXL has without `conv_dim`, a twentieth as wide."""
CONVOLUTIONS: tuple[Layer, ...] = tuple(
    ((_DIM, inputs, kernel, kernel), (width, _DIM, 1, 1))
    for width in _WIDTHS
    for inputs, kernel in ((width, 1), (2 * width, 3))
)
"""What SD1.x has besides, and what `conv_dim` adds."""

_HEAD = """\
<!-- Made by `python docs/optimizers_page.py`; `make test-long` compares it where the packages are installed. -->

# Optimizers by their paths

`optimizer_type` takes any class of an installed package by its dotted path: `pytorch_optimizer.AdaBelief`, `adv_optm.AdamW_adv`. Before a base is loaded, in `plan`, when a bake is queued, and on the bake's own device, the class is tried:

- it is made with `optimizer_args`, and takes steps on every layer shape that the LoRA has, the first without a gradient of the lora_downs, as every new LoRA has it;
- what it keeps (of each weight, of its groups, of itself) is packed as in a state and put into a new one, and both continue: the weights must be the same bits, so that a bake can be resumed;
- `train()` and `eval()` of a schedule-free class must change no later bit.

What fails is refused with the reason. A class with `train()` and `eval()` trains at one point and means another to be used, the average: LoRA files, sample pictures and validation have the averages, states what trains. `lr_scheduler = constant` suits it.

`torch.optim.Adafactor` moves each weight by the rate times the weight's size, and so a lora_up, which starts at 0, by a thousandth of it (`findings/torch_adafactor_lora_up.sh`). With `eps=None:1` it moves all by the rate, as `Adafactor` here does.

Tried with torch {torch} on a CPU, with the arguments' defaults where none is named, on layers as SD1.x and SDXL have them, a twentieth as wide. *Matrices*: only where the LoRA has no layer on a convolution, which is SDXL without `conv_dim`; the reason stands behind it.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD.format(torch=torch.__version__.partition("+")[0])]
    for module, distribution in PACKAGES.items():
        rows = list(_rows(module))
        parts.append(f"\n## {distribution} {version(distribution)}\n\n| class | | |\n|---|---|---|\n")
        parts += [f"| `{path}` | {verdict} | {_cell(why)} |\n" for path, verdict, why in rows]
        print(f"{module}: {sum(verdict != 'refused' for _, verdict, _ in rows)} of {len(rows)}", file=sys.stderr)
    return "".join(parts)


def classes(package: str) -> list[str]:
    """Return the shortest path of each of a package's optimizers; abstract ones and those of tests and benchmarks are left out."""
    top = importlib.import_module(package)
    names = [each.name for each in pkgutil.walk_packages(top.__path__, f"{package}.")]
    wanted = [name for name in names if not {"test", "algoperf"} & set(name.replace("_", ".").split("."))]
    found: dict[type, str] = {}
    for name in sorted([package, *wanted], key=lambda name: name.count(".")):
        try:
            module = importlib.import_module(name)
        except (ImportError, SystemExit):
            # What needs a package more: einops, triton.
            continue
        for kind in vars(module).values():
            if _is_optimizer_of(package, kind) and vars(module).get(kind.__name__) is kind:
                found.setdefault(kind, f"{name}.{kind.__name__}")
    return sorted(found.values(), key=str.casefold)


def _is_optimizer_of(package: str, kind: object) -> TypeGuard[type[torch.optim.Optimizer]]:
    return (
        inspect.isclass(kind)
        and issubclass(kind, torch.optim.Optimizer)
        and not inspect.isabstract(kind)
        and kind.__module__.partition(".")[0] == package
    )


def verdict_of(path: str) -> tuple[str, str]:
    """Return what the trial says of a class: `supported`, `matrices` or `refused`, and why or what it is."""
    arguments = arguments_for(path)
    on_all = _refusal(path, [*MATRICES, *CONVOLUTIONS])
    if on_all is None:
        return "supported", "schedule-free" if _averages(path) else f"with `{arguments[0]}`" if arguments else ""
    on_matrices = _refusal(path, MATRICES)
    return ("matrices", on_all) if on_matrices is None else ("refused", on_matrices)


def settings_for(path: str, **others: Any) -> Settings:
    """Return settings that name the class, with a rate that suits it."""
    rate = 1.0 if estimates_rate(path) else 1e-3
    chosen = {"optimizer_type": path, "optimizer_args": arguments_for(path), "unet_lr": rate, "text_encoder_lr": rate}
    return Settings.model_validate({**chosen, "lr_warmup_steps": "0", **others})


@cache
def arguments_for(path: str) -> list[str]:
    """Return the `optimizer_args` that a class cannot do without: Muon's kind wants to be told which groups are matrices."""
    module, _, name = path.rpartition(".")
    try:
        getattr(importlib.import_module(module), name)([{"params": [torch.nn.Parameter(torch.zeros(2, 2))]}])
    except Exception as error:
        return ["use_muon=True"] if "`use_muon` must be set" in str(error) else []
    return []


def _rows(module_name: str) -> Iterator[tuple[str, str, str]]:
    for path in classes(module_name):
        verdict, why = verdict_of(path)
        print(path, verdict, why, file=sys.stderr, flush=True)
        yield path, verdict, why


def _refusal(path: str, layers: Sequence[Layer]) -> str | None:
    shapes = [shape for layer in layers for shape in layer]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            try_optimizer(settings_for(path), "sd1", shapes, torch.device("cpu"))
        except SettingsError as error:
            return error.found.removeprefix(path).strip()
    return None


def _averages(path: str) -> bool:
    module, _, name = path.rpartition(".")
    return averages(getattr(importlib.import_module(module), name))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    # Some classes print.
    with contextlib.redirect_stdout(sys.stderr):
        made = page()
    print(made, end="")
