import pytest
import torch

from trainer.bake.loss import min_snr_weights, picture_losses


def test_a_pictures_loss_is_its_mean_squared_error() -> None:
    predicted = torch.tensor([[1.0, 3.0], [0.0, 2.0]]).view(2, 1, 1, 2)
    noise = torch.tensor([[0.0, 0.0], [0.0, 0.0]]).view(2, 1, 1, 2)
    assert picture_losses(predicted, noise).tolist() == [5.0, 2.0]


def test_the_loss_of_a_half_prediction_is_fp32() -> None:
    noise = torch.ones(1, 1, 1, 1)
    assert picture_losses(noise.bfloat16() * 300, noise).tolist() == [299.0**2]


@pytest.mark.parametrize(
    ("signal", "gamma", "weight"),
    [
        (0.5, 5.0, 1.0),  # SNR 1
        (0.9, 5.0, 5 / 9),  # SNR 9
        (0.9, 1.0, 1 / 9),
        (0.99, 5.0, 5 / 99),  # SNR 99
        (0.1, 0.05, 0.05 * 9),  # SNR 1/9
    ],
)
def test_min_snr_weighs_by_min_of_snr_and_gamma_over_snr(signal: float, gamma: float, weight: float) -> None:
    alphas_cumprod = torch.tensor([0.3, signal])
    found = min_snr_weights(alphas_cumprod, torch.tensor([1]), gamma)
    assert torch.is_tensor(found) and found.tolist() == pytest.approx([weight], rel=1e-5)


def test_without_gamma_every_picture_weighs_the_same() -> None:
    assert min_snr_weights(torch.tensor([0.9]), torch.tensor([0]), None) == 1.0
