"""Names and arguments of optimizers."""

import pytest

from trainer.errors import SettingsError
from trainer.settings.optimizers import (
    arguments_of,
    check_argument,
    check_arguments,
    check_optimizer,
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("adamw", "AdamW"),
        (" ADAMW8BIT ", "AdamW8bit"),
        ("sgdnesterov", "SGDNesterov"),
        ("torch.optim.NAdam", "torch.optim.NAdam"),
        ("pkg.sub.Class", "pkg.sub.Class"),
        ("radamschedulefree", "schedulefree.RAdamScheduleFree"),
        ("DAdaptation", "dadaptation.experimental.DAdaptAdamPreprint"),
        ("PagedAdamW8bit", "bitsandbytes.optim.PagedAdamW8bit"),
    ],
)
def test_an_optimizer_is_a_known_name_in_any_case_or_a_dotted_path(text: str, plain: str) -> None:
    assert check_optimizer(text) == plain


@pytest.mark.parametrize("text", ["", "Adam", "torch", "torch..optim", "os.system('x')", "a/b.C", ".x.Y"])
def test_an_unknown_optimizer_is_refused_with_the_known_names(text: str) -> None:
    with pytest.raises(ValueError, match="one of AdamW, Adafactor, Lion"):
        check_optimizer(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("weight_decay=0.01", "weight_decay=0.01"),
        (" eps = 1e-8 ", "eps=1e-8"),
        ("betas=0.9:0.999", "betas=0.9:0.999"),
        ("betas=0.9,0.999", "betas=0.9:0.999"),
        ("betas=(0.9, 0.999)", "betas=0.9:0.999"),
        ("scale_parameter=False", "scale_parameter=False"),
    ],
)
def test_an_argument_has_one_plain_form(text: str, plain: str) -> None:
    assert check_argument(text) == plain


@pytest.mark.parametrize("text", ["weight_decay", "weight_decay=", "=1", "two words=1"])
def test_a_malformed_argument_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"weight_decay=0\.01"):
        check_argument(text)


@pytest.mark.parametrize("text", ["lr=1", "params=1"])
def test_the_rates_cannot_be_arguments(text: str) -> None:
    with pytest.raises(ValueError, match="unet_lr, text_encoder_lr and learning_rate set the rates"):
        check_argument(text)


def test_arguments_come_as_a_class_takes_them() -> None:
    assert arguments_of(
        ["weight_decay=0.1", "betas=0.9:0.99", "eps=None:1", "amsgrad=True", "slice_p=11", "beta3=None", "kind=huge"]
    ) == {
        "weight_decay": 0.1,
        "betas": (0.9, 0.99),
        "eps": (None, 1.0),
        "amsgrad": True,
        "slice_p": 11,
        "beta3": None,
        "kind": "huge",
    }


@pytest.mark.parametrize(
    ("name", "argument", "said"),
    [
        ("AdamW", "d_coef=2", "d_coef, which AdamW does not take; expected one of weight_decay, betas, eps, amsgrad"),
        ("AdamW", "weight_decay=1:2", "weight_decay=1.0:2.0; expected a number from 0"),
        ("AdamW", "betas=0.9", "betas=0.9; expected two numbers"),
        ("AdamW", "betas=0.9:1", "below 1"),
        ("AdamW", "betas=0.9:None", "betas=0.9:None; expected two numbers"),
        ("AdamW", "eps=-1", "eps=-1; expected a number from 0"),
        ("AdamW", "weight_decay=nan", "weight_decay=nan"),
        ("AdamW", "weight_decay=True", "weight_decay=True"),
        ("Lion", "eps=1e-8", "eps, which Lion does not take"),
        ("SGDNesterov", "momentum=0", "momentum=0; expected a number"),
        ("Adafactor", "relative_step=True", "expected False: the size of a step comes from the rates and the schedule"),
        ("Adafactor", "warmup_init=True", "expected False"),
        ("Adafactor", "decay_rate=0.8", "decay_rate=0.8"),
        ("Prodigy", "slice_p=1.5", "expected a whole number from 1"),
        ("Prodigy", "growth_rate=0.9", "expected a number from 1"),
        ("AdamW8bit", "amsgrad=True", "amsgrad, which AdamW8bit does not take"),
    ],
)
def test_a_known_optimizer_refuses_what_it_cannot_take(name: str, argument: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_arguments(name, arguments_of([check_argument(argument)]))
    assert said in caught.value.line()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("AdamW", ["weight_decay=0", "betas=0.9,0.99", "eps=1e-6", "amsgrad=True"]),
        ("Lion", ["betas=0.95:0.98", "weight_decay=0.1"]),
        (
            "Adafactor",
            ["scale_parameter=True", "relative_step=False", "eps=1e-30:1e-3", "decay_rate=-0.8", "beta1=0.9"],
        ),
        ("Prodigy", ["d_coef=2", "weight_decay=0.01", "safeguard_warmup=True", "growth_rate=1.02", "slice_p=11"]),
        ("torch.optim.NAdam", ["whatever=1"]),
    ],
)
def test_what_an_optimizer_takes_passes(name: str, arguments: list[str]) -> None:
    check_arguments(name, arguments_of([check_argument(argument) for argument in arguments]))
