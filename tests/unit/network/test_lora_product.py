"""The lean products against the formula in torch's own operations: values, gradients, and what is kept for them."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from trainer.lean.eight_bit import make_eight_bit
from trainer.network.dropout import Dropouts
from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.network.lora_product import LoraChange, lean_product, plain_product

INPUTS, OUTPUTS = 48, 40
KINDS = {
    "linear": lambda: nn.Linear(INPUTS, OUTPUTS),
    "point": lambda: nn.Conv2d(INPUTS, OUTPUTS, 1, bias=False),
    "wide": lambda: nn.Conv2d(INPUTS, OUTPUTS, 3, padding=1),
    "strided": lambda: nn.Conv2d(INPUTS, OUTPUTS, 3, stride=2, padding=1),
}
BOTH_LAYOUTS = [
    ("linear", torch.contiguous_format),
    *(
        (kind, layout)
        for kind in ("point", "wide", "strided")
        for layout in (torch.contiguous_format, torch.channels_last)
    ),
]


def layer_on(target: nn.Linear | nn.Conv2d, dropouts: Dropouts | None = None) -> LoraLayer:
    target.requires_grad_(False)
    layer = LoraLayer("x", target, 4, 2, dropouts)
    layer.init_weights(0)
    with torch.no_grad():
        layer.up.normal_(generator=torch.Generator().manual_seed(1))
    return layer


def input_for(
    kind: str, dtype: torch.dtype = torch.float32, layout: torch.memory_format = torch.contiguous_format
) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    if kind == "linear":
        return torch.randn(3, 7, INPUTS, generator=generator).to(dtype).requires_grad_()
    return torch.randn(3, INPUTS, 6, 5, generator=generator).to(dtype).to(memory_format=layout).requires_grad_()


def run(layer: LoraLayer, x: Tensor, change: LoraChange, *, lean: bool) -> list[Tensor]:
    """Return the output and the gradients of x, down and up, all for the same gradient of the output."""
    x = x.detach().requires_grad_(x.requires_grad)
    layer.zero_grad()
    target = change.target
    weights = x, layer.down, layer.up
    out = lean_product(target.forward, *weights, change) if lean else plain_product(target(x), *weights, change)
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(3)).to(out.dtype))
    found = [out.detach(), x.grad, layer.down.grad, layer.up.grad]
    assert all(isinstance(each, Tensor) for each in found)
    return found


@pytest.mark.parametrize(("kind", "layout"), BOTH_LAYOUTS)
@pytest.mark.parametrize("drops", [False, True])
def test_values_and_gradients_are_those_of_the_formula(kind: str, layout: torch.memory_format, drops: bool) -> None:
    dropouts = Dropouts(0.3, 0.3, 0.0)
    dropouts.start_pass(5, 1, 0, ["x"])
    target = KINDS[kind]().to(memory_format=layout)
    layer = layer_on(target)
    x = input_for(kind, layout=layout)
    # What is dropped of a 1x1 convolution depends on its input's layout, and the plain product is blind to that.
    blind = kind == "point" and layout is torch.channels_last
    change = LoraChange(target, 1.7, dropouts.of("x") if drops and not blind else None)
    for lean, plain in zip(run(layer, x, change, lean=True), run(layer, x, change, lean=False), strict=True):
        assert lean.shape == plain.shape and lean.dtype == plain.dtype
        assert float((lean - plain).norm()) < 1e-6 * float(plain.norm())


@pytest.mark.parametrize("kind", KINDS)
def test_in_bf16_nothing_is_further_from_the_truth_than_by_torchs_own_operations(kind: str) -> None:
    # The truth is of the very numbers that bf16 sees.
    target = KINDS[kind]().to(torch.bfloat16).float()
    layer, half = layer_on(target), layer_on(copy.deepcopy(target).to(torch.bfloat16))
    for weight in (*layer.parameters(), *half.parameters()):
        weight.data.copy_(weight.data.to(torch.bfloat16))
    exact = run(layer, input_for(kind, torch.bfloat16).float(), LoraChange(target, 0.3, None), lean=False)
    x = input_for(kind, torch.bfloat16)
    errors = [
        [float((each.float() - truth).norm() / truth.norm()) for each, truth in zip(found, exact, strict=True)]
        for found in (run(half, x, LoraChange(half._target[0], 0.3, None), lean=lean) for lean in (True, False))
    ]
    for lean, plain in zip(*errors, strict=True):
        assert lean <= 1.05 * plain
        assert 0 < plain < 0.02


def test_of_three_layers_with_one_input_nothing_but_the_input_is_kept() -> None:
    base = nn.ModuleList(nn.Linear(INPUTS, OUTPUTS) for _ in range(3)).to(torch.bfloat16)
    layers = [layer_on(target) for target in base]
    for layer in layers:
        layer.attach()
    x = input_for("linear", torch.bfloat16)
    kept = kept_beside(
        lambda: [target(x) for target in base], [weight for layer in layers for weight in layer.parameters()]
    )
    assert kept - {weight.untyped_storage().data_ptr() for weight in base.parameters()} == {
        x.untyped_storage().data_ptr()
    }


@pytest.mark.parametrize("kind", ["point", "wide"])
def test_of_a_convolution_nothing_but_the_input_is_kept(kind: str) -> None:
    target = KINDS[kind]()
    layer = layer_on(target)
    layer.attach()
    x = input_for(kind)
    kept = kept_beside(lambda: target(x), [*layer.parameters(), *target.parameters()])
    assert kept == {x.untyped_storage().data_ptr()}


def test_a_frozen_layer_keeps_nothing_of_its_input_and_passes_gradients_on() -> None:
    target = KINDS["linear"]()
    layer = layer_on(target)
    layer.attach()
    x = input_for("linear")
    training = torch.autograd.grad(target(x).square().sum(), x)[0]
    layer.requires_grad_(False)
    assert not kept_beside(lambda: target(x), [*layer.parameters(), *target.parameters()])
    assert torch.allclose(torch.autograd.grad(target(x).square().sum(), x)[0], training)


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_without_gradient_costs_no_product(kind: str) -> None:
    target = KINDS[kind]()
    layer = layer_on(target)
    layer.attach()
    counts = []
    for wanted in (True, False):
        out = target(input_for(kind).detach().requires_grad_(wanted))
        with FlopCounterMode(display=False) as counter:
            out.sum().backward()
        counts.append(counter.get_total_flops())
    assert counts[1] < 0.75 * counts[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_added_product_is_counted_among_a_steps_operations(kind: str) -> None:
    target = KINDS[kind]()
    layer = layer_on(target)
    x = input_for(kind)
    counts = []
    for product in (
        target,
        lambda x: lean_product(target.forward, x, layer.down, layer.up, LoraChange(target, 1, None)),
    ):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            out = product(x)
        counts.append(counter.get_total_flops())
    places = out.numel() // OUTPUTS
    assert counts[1] - counts[0] == 2 * places * (layer.down.numel() + layer.up.numel())


@pytest.mark.parametrize("kind", KINDS)
def test_a_base_of_8_bits_is_led_back_through(kind: str) -> None:
    holder = nn.ModuleDict({"mid_block": nn.ModuleDict({"x": KINDS[kind]()})}).requires_grad_(False)
    make_eight_bit(holder, "unet", "int8")
    target = holder["mid_block"]["x"]
    layer = layer_on(target)
    x = input_for(kind)
    change = LoraChange(target, 1.7, None)
    for lean, plain in zip(run(layer, x, change, lean=True), run(layer, x, change, lean=False), strict=True):
        assert float((lean - plain).norm()) < 1e-6 * float(plain.norm())
    layer.attach()
    kept = kept_beside(lambda: target(x), [*layer.parameters(), *target.parameters()])
    assert kept == {x.untyped_storage().data_ptr()}


def test_beside_another_librarys_forward_its_output_stays_as_it_is() -> None:
    target = nn.Linear(3, 3).requires_grad_(False)
    given = torch.ones(2, 3)
    target.__dict__["forward"] = lambda x: given
    layer = LoraLayer("x", target, 1, 1)
    layer.down.data.fill_(1)
    layer.up.data.fill_(1)
    layer.attach()
    assert torch.equal(target(torch.ones(2, 3)), torch.full((2, 3), 4.0))
    assert torch.equal(given, torch.ones(2, 3))


def test_a_copy_of_the_base_computes_with_its_own_layers() -> None:
    base = nn.Sequential(nn.Linear(3, 3)).requires_grad_(False)
    layer = layer_on(base[0])
    layer.attach()
    x = torch.ones(1, 3)
    before = base(x).detach()
    twin = copy.deepcopy(base)
    layer.up.data.zero_()
    base[0].weight.data.zero_()
    assert torch.equal(twin(x), before)
    assert not torch.equal(base(x), before)


def test_computed_again_a_block_has_the_same_gradients_with_dropouts() -> None:
    grads = []
    for again in (False, True):
        torch.manual_seed(0)
        base = nn.Sequential(nn.Linear(12, 12), nn.SiLU(), nn.Linear(12, 12)).requires_grad_(False)
        dropouts = Dropouts(0.3, 0.3, 0.0)
        layers = [layer_on(base[0], dropouts), layer_on(base[2], dropouts)]
        network = LoraNetwork("sd1", {"unet": layers}, dropouts)
        network.start_pass(0, 1, 0)
        x = torch.ones(4, 12)
        (checkpoint(base, x, use_reentrant=False) if again else base(x)).square().sum().backward()
        grads.append([weight.grad for weight in network.parameters()])
    assert all(torch.allclose(*pair, rtol=1e-6) for pair in zip(*grads, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_it_works_on_tensors_without_numbers(kind: str) -> None:
    with FakeTensorMode():
        target = KINDS[kind]()
        dropouts = Dropouts(0.1, 0.1, 0.0)
        target.requires_grad_(False)
        layer = LoraLayer("x", target, 4, 2, dropouts)
        network = LoraNetwork("sd1", {"unet": [layer]}, dropouts)
        network.start_pass(0, 1, 0)
        x = torch.empty((3, 7, INPUTS) if kind == "linear" else (3, INPUTS, 6, 5), requires_grad=True)
        target(x).sum().backward()
        assert layer.up.grad is not None and layer.up.grad.shape == layer.up.shape
        assert x.grad is not None and x.grad.shape == x.shape


@pytest.mark.long
@pytest.mark.parametrize("kind", ["linear", "wide"])
def test_compiled_it_gives_the_same(kind: str) -> None:
    target = KINDS[kind]()
    layer = layer_on(target)
    layer.attach()
    x = input_for(kind)
    eager = torch.autograd.grad(target(x).square().sum(), [x, layer.down, layer.up])

    @torch.compile(backend="aot_eager", fullgraph=True)
    def compiled(x: Tensor) -> Tensor:
        return target(x)

    found = torch.autograd.grad(compiled(x).square().sum(), [x, layer.down, layer.up])
    assert all(torch.allclose(*pair, rtol=1e-4, atol=1e-4) for pair in zip(eager, found, strict=True))


def kept_beside(forward: object, weights: list[Tensor]) -> set[int]:
    """Return the storages kept for the backward pass, those of `weights` aside."""
    known = {weight.untyped_storage().data_ptr() for weight in weights}
    kept: set[int] = set()
    # Held until the end, so that no storage's place is taken by another.
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        alive.append(tensor)
        kept.add(tensor.untyped_storage().data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alive.append(forward())  # type: ignore[operator, arg-type]
    return kept - known
