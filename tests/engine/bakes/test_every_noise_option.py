from typing import Any

import pytest

from trainer.network.lora_content import load_lora

EVERY_OPTION = {
    "timestep_sampling": "laplace",
    "min_timestep": 10,
    "max_timestep": 990,
    "noise_offset": 0.05,
    "noise_offset_random_strength": True,
    "adaptive_noise_scale": 0.01,
    "multires_noise_iterations": 4,
    "ip_noise_gamma": 0.1,
    "ip_noise_gamma_random_strength": True,
    "min_snr_gamma": 5,
    "debiased_estimation_loss": True,
    "v_pred_like_loss": 0.1,
}


@pytest.mark.parametrize("loss_type", ["l1", "huber", "smooth_l1"])
def test_every_option_of_noise_and_loss_bakes_and_the_file_names_it(
    runner: Any, make_settings: Any, loss_type: str
) -> None:
    chosen = EVERY_OPTION | {"loss_type": loss_type, "max_train_steps": 2, "validation_data_dir": ""}
    file = load_lora(runner.bake(make_settings(**chosen)) / "x.safetensors")
    assert all(tensor.isfinite().all() for tensor in file.tensors.values())
    assert any(tensor.any() for name, tensor in file.tensors.items() if name.endswith("lora_up.weight"))
    told = {"ss_timestep_sampling": "laplace", "ss_multires_noise_iterations": "4", "ss_loss_type": loss_type}
    assert {key: file.metadata[key] for key in told} == told
