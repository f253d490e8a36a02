"""The trial of an optimizer before a base is loaded: steps on every layer shape, and a resume from a state to the same bits.

Classes by their dotted path are other people's code, which may take no step on a convolution, keep what no state can hold, or
forget their step count in a resumed bake. The trial finds it in a second instead of in a night's bake.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from trainer.bake.averaged_weights import averaged_weights, averages
from trainer.bake.optimizer import create_optimizer, group_entry, refused
from trainer.bake.saving.optimizer_state import WEIGHTS, OptimizerState, pack_optimizer, unpack_optimizer
from trainer.errors import SettingsError
from trainer.optimizers import DEFAULT_OPTIMIZER, Shape, spec_of
from trainer.plan.lr_schedules import warmup_of
from trainer.plan.optimizer_bytes import MeasuredState
from trainer.plan.param_groups import ParamGroup, param_groups
from trainer.settings.model import Settings
from trainer.settings.parts import Family, is_encoder
from trainer.text import plural, printable

# Before and after the state. Some do something else every tenth step, such as SOAP with its basis; with small weights these are free.
_STEPS_AT_SIZE, _STEPS_SMALL = 2, 12
# The sides of small weights, from the smallest on; a rank or kernel below it is small enough.
_SMALL_SIDE = 6
# About what a gradient of a LoRA is.
_GRADIENT = 1e-3
_START_DEVIATION = 0.05
# Of a bake that the trial's steps could belong to; it decides whether a warm-up given as a share has any step.
_TOTAL_STEPS = 1000
# In the names of weights that never get a gradient, as those of a text encoder behind the layer that clip_skip takes.
_IDLE = ".idle"

Layer = tuple[Shape, Shape]
"""Shapes of a layer's lora_down and lora_up."""


class StepRefused(SettingsError):
    """The optimizer's class raised an error of its own in a step.

    Attributes:
        at_once: whether it did in the first step and on each shape alone, so that another device might be all that it needs.
        for_want_of_memory: whether there was no memory left.
    """

    at_once: bool = False
    for_want_of_memory: bool = False


def try_optimizer(
    settings: Settings, family: Family, shapes: Sequence[Shape], device: torch.device
) -> MeasuredState | None:
    """Check that the optimizer learns on weights of these shapes and continues from a state to the same bits.

    torch's random numbers are afterwards what they were.

    Args:
        settings: name the optimizer.
        family: of the base.
        shapes: of all weights: of each layer lora_down's, then lora_up's (models.identify.weight_shapes).
        device: where the bake will compute.

    Returns:
        What an optimizer named by its path keeps; None for one known by a short name.

    Raises:
        SettingsError: it is not installed, does not take its arguments, cannot take a step here, gives weights that are no
            numbers, moves none, keeps what no state can hold, or does not continue from a state to the same bits.
    """
    groups = param_groups(settings, family)
    layers = sorted(set(zip(shapes[::2], shapes[1::2], strict=True)))
    if not groups or not layers:
        return None
    trial = _Trial(settings, groups, device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        if spec_of(settings.optimizer_type) is not None:
            # The tests see to the rest of those that are known.
            trial.step_on(layers)
            return None
        kept = trial.resume_on(layers, _STEPS_AT_SIZE).kept_bytes()
        trial.check_moved(trial.resume_on(_small(layers), _STEPS_SMALL))
    return kept


class _Trial:
    """The trial of one optimizer.

    Args:
        settings: name it.
        groups: of weights.
        device: where it steps.
    """

    def __init__(self, settings: Settings, groups: Sequence[ParamGroup], device: torch.device) -> None:
        self._settings, self._groups, self._device = settings, groups, device
        self._name = printable(settings.optimizer_type, 60)

    def step_on(self, layers: Sequence[Layer]) -> None:
        """Take a step on each shape.

        Raises:
            SettingsError: it cannot be taken, or gives weights that are no numbers.
        """
        with self._naming_shapes(layers):
            run = self._run(layers)
            run.step()
            self._check_finite(run)

    def resume_on(self, layers: Sequence[Layer], steps: int) -> "_Run":
        """Compare twice as many steps with those of a run that is packed after the first half, and goes on from there.

        Returns:
            The run without a break.

        Raises:
            SettingsError: a step cannot be taken, or the weights are not the same bits.
        """
        with self._naming_shapes(layers):
            straight = self._run(layers)
            for _ in range(2 * steps):
                straight.step()
        self._check_finite(straight)
        if averages(straight.optimizer) and self._settings.scale_weight_norms is not None:
            raise self._refusal(
                "averages its weights (schedule-free), which a limit on their length would undo",
                "no scale_weight_norms with it",
                "leave scale_weight_norms blank",
            )
        resumed = self._resumed(layers, steps)
        if not straight.same_bits(resumed):
            raise self._drift(layers, steps, straight, resumed)
        return straight

    def check_moved(self, run: "_Run") -> None:
        """Check that a run moved the lora_ups, which start at zero.

        Raises:
            SettingsError: it did not.
        """
        moving = [weight for name, weight in run.weights.items() if name.endswith(".up") and _IDLE not in name]
        still = [weight for weight in moving if not weight.any()]
        if still:
            found = f"does not move weights of shape {_shape_text(still[0].shape)} in {plural(run.done, 'step')}"
            raise self._refusal(found, "an optimizer that does")

    def _run(self, layers: Sequence[Layer]) -> "_Run":
        self._newest = _Run(self._settings, self._groups, layers, self._device)
        return self._newest

    def _resumed(self, layers: Sequence[Layer], steps: int, *, switching: bool = True) -> "_Run":
        """Return a run after twice as many steps, packed and put into a new one after the first half."""
        before = self._run(layers)
        try:
            for _ in range(steps):
                if switching:
                    before.switch()
                before.step()
            if switching:
                before.switch()
        except Exception as error:
            raise refused(self._settings, "does not survive train() and eval() between two steps", error) from error
        after = self._run(layers)
        try:
            after.put_back(*before.packed())
            for _ in range(steps):
                after.step()
                if switching:
                    after.switch()
        except SettingsError:
            raise
        except Exception as error:
            raise refused(self._settings, "cannot continue from a state", error) from error
        return after

    def _drift(self, layers: Sequence[Layer], steps: int, straight: "_Run", resumed: "_Run") -> SettingsError:
        """Return the error of one that does not continue to the same bits, with what is to blame."""
        again = self._run(layers)
        for _ in range(2 * steps):
            again.step()
        if not straight.same_bits(again):
            return self._refusal(
                "draws random numbers of its own, and gives other weights each time",
                "an optimizer that gives the same weights when a bake is resumed",
            )
        if averages(straight.optimizer) and straight.same_bits(self._resumed(layers, steps, switching=False)):
            return self._refusal(
                "learns something else after train() and eval(), which every save needs",
                "one that these leave as it was",
            )
        pairs = [(weight.detach(), resumed.weights[name].detach()) for name, weight in straight.weights.items()]
        largest = max(float((one - other).abs().max()) for one, other in pairs)
        scale = max(float(one.abs().max()) for one, _ in pairs)
        return self._refusal(
            f"does not continue from a state as it would have without a break: {plural(steps, 'step')} later weights of up to {scale:.2g} are "
            f"{largest:.2g} off",
            "an optimizer that gives the same weights when a bake is resumed",
        )

    def _check_finite(self, run: "_Run") -> None:
        for weight in run.weights.values():
            if not bool(torch.isfinite(weight).all()):
                raise self._refusal(
                    f"turns weights of shape {_shape_text(weight.shape)} into numbers that are not finite",
                    "an optimizer that can start from a lora_down without a gradient, as every new LoRA has",
                )

    @contextmanager
    def _naming_shapes(self, layers: Sequence[Layer]) -> Iterator[None]:
        """Turn an error of the optimizer into one that names the shapes it cannot take, where it is only some."""
        try:
            yield
        except SettingsError:
            raise
        except Exception as error:
            done = self._newest.done
            bad = [layer for layer in layers if self._fails_on(layer, done + 1)]
            which = ""
            if bad and len(bad) < len(layers):
                which = f" with layers of shapes {_shape_text(bad[0][0])} and {_shape_text(bad[0][1])}"
                which += f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            said = refused(self._settings, f"cannot take a step on {self._device.type}{which}", error)
            made = StepRefused(said.where, found=said.found, expected=said.expected, way_out=said.way_out)
            made.at_once = not which and not done
            made.for_want_of_memory = isinstance(error, MemoryError) or "allocate memory" in str(error)
            raise made from error

    def _fails_on(self, layer: Layer, steps: int) -> bool:
        try:
            run = self._run([layer])
            for _ in range(steps):
                run.step()
        except Exception:
            return True
        return False

    def _refusal(self, found: str, expected: str, way_out: str = "") -> SettingsError:
        return SettingsError(
            "optimizer_type" if not self._settings.optimizer_args else "optimizer_type, optimizer_args",
            found=f"{self._name} {found}",
            expected=expected,
            way_out=way_out or f"set optimizer_type = {DEFAULT_OPTIMIZER}",
        )


class _Run:
    """An optimizer over weights as a new LoRA has them, and its steps; two runs take the same ones.

    Args:
        settings: name the optimizer.
        groups: of weights: those of the first part have all shapes, the others small ones.
        layers: the shapes.
        device: where they lie.

    Attributes:
        weights: by name.
        optimizer: over them.
        done: steps taken.
    """

    def __init__(
        self, settings: Settings, groups: Sequence[ParamGroup], layers: Sequence[Layer], device: torch.device
    ) -> None:
        self._settings, self._device = settings, device
        self.done = 0
        self.weights: dict[str, nn.Parameter] = {}
        torch.manual_seed(0)
        entries = []
        for index, group in enumerate(groups):
            chosen = layers if group.part == groups[0].part else _small(layers)
            named = dict(_new_weights(group, f"{index}", chosen, device))
            if is_encoder(group.part):
                named |= _new_weights(group, f"{index}{_IDLE}", _small(layers)[:1], device)
            self.weights |= named
            entries.append(group_entry(group, list(named.values())))
        self.optimizer: Any = create_optimizer(settings, entries, self.weights)

    def step(self) -> None:
        """Take the next step: the first at the schedule's start, which is 0 with a warm-up, all others at the peak."""
        generator = torch.Generator().manual_seed(self.done)
        for name, weight in self.weights.items():
            if _IDLE in name:
                continue
            grad = torch.randn(weight.shape, generator=generator) * _GRADIENT
            if not self.done and name.endswith(".down"):
                # The gradient goes through lora_up, which is zero.
                grad.zero_()
            weight.grad = grad.to(self._device)
        for group in self.optimizer.param_groups:
            rests = not self.done and warmup_of(self._settings, group["part"], _TOTAL_STEPS)
            group["lr"] = 0.0 if rests else group["base_lr"] * group["lr_multiplier"]
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.done += 1

    def switch(self) -> None:
        """Look at the averages, as every save does."""
        with averaged_weights(self.optimizer):
            pass

    def packed(self) -> tuple[bytes, bytes]:
        """Return all that a state would have: tensors, and the rest as JSON."""
        kept = pack_optimizer(self.optimizer, self.optimizer.param_groups, self.weights)
        tensors = {f"lora/{name}": weight for name, weight in self.weights.items()} | kept.tensors
        if self._device.type == "cuda":
            tensors["rng/cuda"] = torch.cuda.get_rng_state(self._device)
        tensors["rng/cpu"] = torch.get_rng_state()
        copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        facts = [kept.weights, kept.groups, kept.attributes, kept.shared, self.done]
        return safetensors.torch.save(copies), json.dumps(facts).encode()

    def kept_bytes(self) -> MeasuredState:
        """Return what the optimizer keeps of weights of each shape."""
        tensors = pack_optimizer(self.optimizer, self.optimizer.param_groups, self.weights).tensors
        of_weights: dict[str, list[int]] = {name: [] for name in self.weights if _IDLE not in name}
        shared = 0
        for path, tensor in tensors.items():
            name = path.removeprefix(WEIGHTS).split("/")[0]
            if path.startswith(WEIGHTS) and name in of_weights:
                of_weights[name].append(tensor.nbytes)
            else:
                shared += tensor.nbytes
        sizes = {tuple(self.weights[name].shape): tuple(each) for name, each in of_weights.items()}
        return MeasuredState(sizes, shared / sum(weight.numel() for weight in self.weights.values()))

    def put_back(self, tensors: bytes, rest: bytes) -> None:
        """Be where another run was packed."""
        loaded = safetensors.torch.load(tensors)
        weights, groups, attributes, shared, self.done = json.loads(rest)
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(loaded[f"lora/{name}"])
        kept = OptimizerState(loaded, weights, groups, attributes, shared)
        everything = list(self.weights.values())
        unpack_optimizer(kept, self.optimizer, self.optimizer.param_groups, self.weights, everything)
        torch.set_rng_state(loaded["rng/cpu"])
        if "rng/cuda" in loaded:
            torch.cuda.set_rng_state(loaded["rng/cuda"], self._device)

    def same_bits(self, other: "_Run") -> bool:
        """Return whether another run came to the same weights, those to be used included."""
        return all(map(torch.equal, self._seen(), other._seen()))

    def _seen(self) -> list[Tensor]:
        found = [weight.detach().clone() for weight in self.weights.values()]
        with averaged_weights(self.optimizer):
            return found + [weight.detach().clone() for weight in self.weights.values()]


def _new_weights(
    group: ParamGroup, prefix: str, layers: Sequence[Layer], device: torch.device
) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the weights of a group with their names: lora_downs are random, lora_ups zero."""
    for index, (down, up) in enumerate(layers):
        if group.which != "up":
            yield f"{prefix}.{index}.down", nn.Parameter((torch.randn(down) * _START_DEVIATION).to(device))
        if group.which != "down":
            yield f"{prefix}.{index}.up", nn.Parameter(torch.zeros(up, device=device))


def _small(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers with small sides in the same order of size, so that none is equal that was not."""
    sides = sorted({side for layer in layers for shape in layer for side in shape})
    small = {side: min(side, _SMALL_SIDE + index) for index, side in enumerate(sides)}

    def shrunk(shape: Shape) -> Shape:
        return tuple(small[side] for side in shape)

    return [(shrunk(down), shrunk(up)) for down, up in layers]


def _shape_text(shape: Sequence[int]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"
