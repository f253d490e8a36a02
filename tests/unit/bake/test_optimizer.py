"""The optimizers: what they are told, what a bad gradient does to them, and what is refused before anything is loaded."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainer.bake.lion import Lion
from trainer.bake.optimizer import make_optimizer, skip_unless_finite
from trainer.bake.optimizer_trial import try_optimizer
from trainer.errors import SettingsError
from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.optimizers import OPTIMIZERS, OptimizerSpec, class_record
from trainer.plan import optimizer_installed
from trainer.settings.model import Settings

CPU = torch.device("cpu")
SHAPES = [(2, 3), (4, 2), (2, 3, 3, 3), (4, 2, 1, 1)]
CLASS_OF_OURS = f"{Lion.__module__}.{Lion.__qualname__}"
ALL = [*OPTIMIZERS, "torch.optim.NAdam", "torch.optim.Adam"]


def settings_of(optimizer: str, *arguments: str, **values: Any) -> Settings:
    if (spec := class_record(optimizer)) is not None and spec.package:
        pytest.importorskip(spec.package)
    chosen = {"optimizer_type": optimizer, "optimizer_args": list(arguments), "unet_lr": 1, "text_encoder_lr": 1}
    return Settings.model_validate({**chosen, **values})


@pytest.fixture
def network() -> LoraNetwork:
    """A layer on a Linear of the U-Net and one on a convolution of the text encoder."""
    torch.manual_seed(0)
    layers = {
        "unet": [LoraLayer("u", nn.Linear(3, 4), 2, 1)],
        "text_encoder": [LoraLayer("t", nn.Conv2d(3, 4, 1), 2, 1)],
    }
    network = LoraNetwork("sd1", layers)
    for weight in network.parameters():
        nn.init.normal_(weight)
    return network


def step(optimizer: torch.optim.Optimizer, network: LoraNetwork, *, bad: bool = False, seed: int = 0) -> None:
    """Take one step with random gradients, one number of which may be none."""
    generator = torch.Generator().manual_seed(seed)
    weights = network.parameters()
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator)
    if bad:
        weights[1].grad[0, 0] = float("nan")
    norm = torch.stack([weight.grad.norm() for weight in weights]).norm()
    skip_unless_finite(optimizer, None, norm)
    optimizer.step()


def kept(optimizer: torch.optim.Optimizer, network: LoraNetwork) -> dict[tuple[int, str], Any]:
    """Return what the optimizer keeps of each weight, and the groups' numbers."""
    found: dict[tuple[int, str], Any] = {}
    for index, weight in enumerate(network.parameters()):
        for key, value in optimizer.state.get(weight, {}).items():
            found[index, key] = value.clone() if isinstance(value, Tensor) else value
    for index, group in enumerate(optimizer.param_groups):
        found |= {(-1 - index, key): value for key, value in group.items() if key != "params"}
    return found


def same(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, Tensor) else one == other


@pytest.mark.parametrize("name", ALL)
def test_a_gradient_that_is_no_number_changes_nothing_moments_included(name: str, network: LoraNetwork) -> None:
    optimizer = make_optimizer(network, settings_of(name), "sd1")
    for seed in (1, 2):
        step(optimizer, network, seed=seed)
    weights, moments = [weight.clone() for weight in network.parameters()], kept(optimizer, network)
    step(optimizer, network, bad=True, seed=3)
    assert all(map(torch.equal, network.parameters(), weights))
    after = kept(optimizer, network)
    assert moments.keys() == after.keys()
    assert all(same(moments[key], after[key]) for key in moments)


@pytest.mark.parametrize("name", ALL)
def test_a_bake_that_started_with_such_a_gradient_continues_as_if_it_had_not(name: str, network: LoraNetwork) -> None:
    start = [weight.detach().clone() for weight in network.parameters()]
    ends = []
    for bad_first in (False, True):
        with torch.no_grad():
            for weight, value in zip(network.parameters(), start, strict=True):
                weight.copy_(value)
        optimizer = make_optimizer(network, settings_of(name), "sd1")
        if bad_first:
            step(optimizer, network, bad=True)
        for seed in (1, 2, 3):
            step(optimizer, network, seed=seed)
        ends.append([weight.detach().clone() for weight in network.parameters()])
    assert all(map(torch.equal, *ends))
    assert not any(map(torch.equal, ends[0], start))


@pytest.mark.parametrize("name", ["AdamW", "Lion"])
def test_adamw_and_lion_do_not_wait_to_learn_whether_a_gradient_is_finite(name: str, network: LoraNetwork) -> None:
    # A tensor on meta has no value: whoever asks for it fails.
    skip_unless_finite(make_optimizer(network, settings_of(name), "sd1"), None, torch.empty((), device="meta"))
    with pytest.raises(Exception, match="meta"):
        skip_unless_finite(
            make_optimizer(network, settings_of("SGDNesterov"), "sd1"), None, torch.empty((), device="meta")
        )


def test_arguments_reach_the_optimizer(network: LoraNetwork) -> None:
    settings = settings_of("AdamW", "weight_decay=0.3", "betas=0.8:0.95", "eps=1e-6")
    group = make_optimizer(network, settings, "sd1").param_groups[1]
    assert (group["weight_decay"], group["betas"], group["eps"]) == (0.3, (0.8, 0.95), 1e-6)


def test_without_arguments_adamw_has_torchs_defaults(network: LoraNetwork) -> None:
    group = make_optimizer(network, settings_of("AdamW"), "sd1").param_groups[0]
    plain = torch.optim.AdamW([nn.Parameter(torch.zeros(1))]).param_groups[0]
    assert all(group[key] == plain[key] for key in ("weight_decay", "betas", "eps", "amsgrad"))


def test_adafactor_keeps_to_the_rates_that_are_set(network: LoraNetwork) -> None:
    group = make_optimizer(network, settings_of("Adafactor", "clip_threshold=2"), "sd1").param_groups[0]
    assert (group["relative_step"], group["scale_parameter"], group["clip_threshold"]) == (False, False, 2)


def test_sgd_has_nesterovs_momentum(network: LoraNetwork) -> None:
    group = make_optimizer(network, settings_of("SGDNesterov"), "sd1").param_groups[0]
    assert (group["nesterov"], group["momentum"]) == (True, 0.9)


def test_a_class_by_its_path_gets_its_arguments(network: LoraNetwork) -> None:
    optimizer = make_optimizer(network, settings_of("torch.optim.RAdam", "weight_decay=0.1"), "sd1")
    assert type(optimizer) is torch.optim.RAdam
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.1]


@pytest.mark.parametrize(("arguments", "least", "most"), [([], 0.0, 0.01), (["eps=None:1"], 0.1, 1.1)])
def test_an_eps_of_1_lets_torchs_adafactor_move_a_lora_up_by_the_rate(
    network: LoraNetwork, arguments: list[str], least: float, most: float
) -> None:
    """By default it moves a weight of zeros by a thousandth of the rate (findings/torch_adafactor_lora_up.sh)."""
    settings = settings_of("torch.optim.Adafactor", *arguments, "weight_decay=0", unet_lr=1e-3, text_encoder_lr=1e-3)
    ups = [*network.ups("unet"), *network.ups("text_encoder")]
    for up in ups:
        nn.init.zeros_(up)
    step(make_optimizer(network, settings, "sd1"), network)
    assert all(least * 1e-3 < up.abs().mean() < most * 1e-3 for up in ups)


@pytest.mark.parametrize("name", ["Prodigy", "prodigyopt.Prodigy", "prodigyopt.prodigy.Prodigy"])
def test_prodigy_takes_unequal_rates_and_finds_a_step_size_for_each_group(name: str, network: LoraNetwork) -> None:
    settings = settings_of(name, text_encoder_lr=0.5, loraplus_unet_lr_ratio=2)
    optimizer = make_optimizer(network, settings, "sd1")
    for _ in range(10):
        # A gradient that stays the same: the step size may grow.
        step(optimizer, network)
    found = [group["d"] for group in optimizer.param_groups]
    assert len(set(found)) == 3
    assert min(found) > 1e-6


@pytest.mark.parametrize(
    "spec", [spec for spec in OPTIMIZERS.values() if spec.class_path != CLASS_OF_OURS], ids=lambda spec: spec.name
)
def test_a_class_by_its_path_steps_as_its_short_name_with_unequal_rates(
    spec: OptimizerSpec, network: LoraNetwork
) -> None:
    """Given the arguments that the short name adds to the class."""
    start = [weight.detach().clone() for weight in network.parameters()]
    ended: list[list[Tensor]] = []
    for name, arguments in ((spec.name, {}), (spec.class_path, spec.defaults), (spec.metadata_name, spec.defaults)):
        for weight, value in zip(network.parameters(), start, strict=True):
            weight.data.copy_(value)
        listed = [f"{key}={value}" for key, value in arguments.items()]
        optimizer = make_optimizer(network, settings_of(name, *listed, text_encoder_lr=0.5), "sd1")
        for seed in (1, 2):
            step(optimizer, network, seed=seed)
        ended.append([weight.detach().clone() for weight in network.parameters()])
    assert all(torch.equal(one, other) for way in ended[1:] for one, other in zip(ended[0], way, strict=True))
    assert not torch.equal(ended[0][0], start[0])


@pytest.mark.parametrize("name", ["Prodigy", "prodigyopt.Prodigy"])
def test_prodigy_with_weight_decay_prints_nothing(
    name: str, network: LoraNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    optimizer = make_optimizer(network, settings_of(name, "weight_decay=0.1"), "sd1")
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.1]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ALL)
def test_a_part_at_rate_0_stays_where_it_is_while_the_other_learns(name: str, network: LoraNetwork) -> None:
    """Prodigy's own class lets it go on with the momentum that it has (findings/prodigy_rate_0.sh)."""
    optimizer = make_optimizer(network, settings_of(name, "weight_decay=0.1"), "sd1")
    for seed in (1, 2, 3):
        step(optimizer, network, seed=seed)
    before = [weight.clone() for weight in network.parameters()]
    for group in optimizer.param_groups:
        if group["part"] == "text_encoder":
            group["lr"] = 0.0
    for seed in (4, 5, 6):
        step(optimizer, network, seed=seed)
    stayed = [torch.equal(weight, old) for weight, old in zip(network.parameters(), before, strict=True)]
    resting = {id(weight) for weight in network.parameters("text_encoder")}
    assert stayed == [id(weight) in resting for weight in network.parameters()]


def by_hand(weight: Tensor, grads: list[Tensor], lr: float, betas: tuple[float, float], decay: float) -> Tensor:
    """Return Lion's weight after these gradients, as algorithm 2 of the paper has it."""
    moment = torch.zeros_like(weight)
    for grad in grads:
        direction = torch.sign(betas[0] * moment + (1 - betas[0]) * grad)
        weight = weight - lr * (direction + decay * weight)
        moment = betas[1] * moment + (1 - betas[1]) * grad
    return weight


def test_lion_steps_as_its_paper_says() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(5, 7, dtype=torch.float64))
    grads = [torch.randn(5, 7, dtype=torch.float64) for _ in range(8)]
    expected = by_hand(weight.detach(), grads, 0.01, (0.8, 0.95), 0.1)
    optimizer = Lion([weight], lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)
    for grad in grads:
        weight.grad = grad.clone()
        optimizer.step()
        assert torch.equal(weight.grad, grad)
    assert torch.allclose(weight, expected, atol=1e-12)


def test_lion_leaves_scaling_and_skipping_to_fp16s_scaler() -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer, scaler = Lion([weight], lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
    for factor in (2.0, float("inf")):
        scaler.scale((weight * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    assert torch.allclose(weight, torch.full((3,), 0.9))
    assert torch.allclose(optimizer.state[weight]["exp_avg"], torch.full((3,), 0.02))
    assert scaler.get_scale() == 512.0


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A module that lies beside the settings, and extras that are not installed."""
    (tmp_path / "beside_it.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "prodigyopt", None)
    yield


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("AdamW8bit", [], "bitsandbytes is not installed; pip install 'lora-tui[8bit]', or set optimizer_type = AdamW"),
        ("Prodigy", [], "prodigyopt is not installed; pip install 'lora-tui[prodigy]'"),
        ("nowhere.Optimizer", [], "nowhere.Optimizer, but no installed package is called nowhere"),
        ("beside_it.Optimizer", [], "no installed package is called beside_it"),
        ("torch.nowhere.Adam", [], "needs torch.nowhere, which cannot be imported"),
        ("torch.optim.Adamm", [], "Adamm is not in torch.optim"),
        ("torch.nn.Linear", [], "Linear is not an optimizer"),
        ("torch.optim.Optimizer", [], "Optimizer is not an optimizer"),
        (
            "torch.optim.RAdam",
            ["d_coef=1"],
            "d_coef, which torch.optim.RAdam does not take; expected one of betas, eps,",
        ),
        ("torch.optim.RAdam", ["betas=2:3"], "could not be created (Invalid beta parameter at index 0: 2.0)"),
        (
            "torch.optim.LBFGS",
            [],
            "torch.optim.LBFGS could not be created (LBFGS doesn't support per-parameter options",
        ),
        ("torch.optim.SparseAdam", [], "cannot take a step on cpu (SparseAdam does not support dense gradients"),
    ],
)
def test_an_optimizer_that_cannot_be_used_is_refused_in_one_line(
    foreign: None, name: str, arguments: list[str], said: str
) -> None:
    settings = Settings(optimizer_type=name, optimizer_args=arguments)
    with pytest.raises(SettingsError) as caught:
        try_optimizer(settings, "sd1", SHAPES, CPU)
    assert said in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_package_in_the_way_of_an_installed_one_is_not_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tomlkit.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tomlkit")
    with pytest.raises(SettingsError, match="which would be read from"):
        try_optimizer(Settings(optimizer_type="tomlkit.Optimizer"), "sd1", SHAPES, CPU)


@pytest.mark.parametrize(("editable", "taken"), [(True, True), (False, False)])
def test_a_package_installed_from_its_sources_to_be_edited_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, editable: bool, taken: bool
) -> None:
    source, facts = tmp_path / "my source" / "own_optimizers.py", tmp_path / "site" / "own_optimizers-1.0.dist-info"
    for folder in (source.parent, facts):
        folder.mkdir(parents=True)
        monkeypatch.syspath_prepend(folder if folder == source.parent else folder.parent)
    source.write_text("import torch\n\n\nclass Mine(torch.optim.SGD):\n    pass\n")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: own-optimizers\nVersion: 1.0\n")
    (facts / "top_level.txt").write_text("own_optimizers\n")
    told = {"url": source.parent.as_uri(), "dir_info": {"editable": editable}}
    (facts / "direct_url.json").write_text(json.dumps(told))
    optimizer_installed.distributions.cache_clear()
    try:
        if taken:
            try_optimizer(Settings(optimizer_type="own_optimizers.Mine", unet_lr=0.1), "sd1", SHAPES, CPU)
        else:
            with pytest.raises(SettingsError, match="which would be read from"):
                try_optimizer(Settings(optimizer_type="own_optimizers.Mine"), "sd1", SHAPES, CPU)
    finally:
        optimizer_installed.distributions.cache_clear()
        sys.modules.pop("own_optimizers", None)
