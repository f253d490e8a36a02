"""The LoRA that a bake is to start from, judged by its header before anything is loaded."""

from pathlib import Path

import numpy as np
import pytest
from lora_kinds import write_kinds
from lora_on_disk import write_lora, write_numbered_lora
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from trainer.errors import ModelError
from trainer.models.identify import identify_base, layers_of
from trainer.models.start_weights import check_start_weights
from trainer.settings.model import Settings

RANK = 4
BASE = identify_base("demo")


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A LoRA of zeros for the demo: every layer of rank 4, alpha 0 and so in force as 4."""
    return write_lora(tmp_path / "start.safetensors", BASE, rank=RANK)


def settings(path: Path, **others: object) -> Settings:
    return Settings(network_weights=str(path), network_dim=RANK, network_alpha=RANK, **others)  # type: ignore[arg-type]


def rewritten(path: Path, tensors: dict[str, NDArray[np.float16]]) -> Path:
    save_file(tensors, path)
    return path


def test_a_file_of_the_settings_ranks_and_alphas_passes(start: Path) -> None:
    check_start_weights(BASE, settings(start))
    check_start_weights(BASE, settings(start, dim_from_weights=True))


def test_layers_that_the_settings_do_not_train_are_no_matter(start: Path) -> None:
    check_start_weights(BASE, settings(start, network_train_unet_only=True))


@pytest.mark.parametrize(("others", "said"), [({"network_dim": 8}, "rank 8"), ({"network_alpha": 1}, "alpha 1")])
def test_other_ranks_or_alphas_are_refused_unless_taken_over(start: Path, others: dict[str, int], said: str) -> None:
    wanted = settings(start).model_copy(update=others)
    with pytest.raises(ModelError, match=rf"has rank 4 and alpha 4; .*{said}.*dim_from_weights"):
        check_start_weights(BASE, wanted)
    check_start_weights(BASE, wanted.model_copy(update={"dim_from_weights": True}))


def test_a_file_of_other_parts_than_are_trained_is_refused(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "te.safetensors", BASE, rank=RANK, parts=["text_encoder"])
    for others in ({}, {"dim_from_weights": True}):
        with pytest.raises(
            ModelError, match=r"12 of 12 modules do not belong to the network|no layer of the parts to train"
        ):
            check_start_weights(BASE, settings(path, network_train_unet_only=True, **others))


def test_a_file_for_another_base_is_refused(start: Path) -> None:
    tensors = {
        key.replace("lora_te_", "lora_te2_"): value for key, value in load_file(start).items() if "lora_te_" in key
    }
    path = rewritten(start, tensors)
    for others in ({}, {"dim_from_weights": True}):
        with pytest.raises(ModelError, match=r"12 of 12 modules do not belong to .*choose a base it was made for"):
            check_start_weights(BASE, settings(path, **others))


def test_infinity_is_refused_with_its_module(start: Path) -> None:
    tensors = load_file(start)
    key = "lora_te_text_model_encoder_layers_1_mlp_fc2.lora_down.weight"
    tensors[key][0, 0] = np.inf
    with pytest.raises(
        ModelError, match=r"holds infinity in module lora_te_text_model_encoder_layers_1_mlp_fc2 \(lora_down"
    ):
        check_start_weights(BASE, settings(rewritten(start, tensors)))


def test_an_alpha_that_is_no_number_is_refused(start: Path) -> None:
    tensors = load_file(start)
    tensors["lora_te_text_model_encoder_layers_1_mlp_fc2.alpha"] = np.array(np.nan, np.float16)
    with pytest.raises(ModelError, match=r"alpha of module lora_te_text_model_encoder_layers_1_mlp_fc2 is nan"):
        check_start_weights(BASE, settings(rewritten(start, tensors)))


def test_a_numbered_file_and_a_folder_of_peft_can_be_started_from(tmp_path: Path) -> None:
    folder = write_lora(tmp_path / "peft" / "adapter_model.safetensors", BASE, rank=RANK).parent
    for path in (folder, write_numbered_lora(tmp_path / "numbered.safetensors", rank=RANK)):
        check_start_weights(BASE, settings(path))
        check_start_weights(BASE, settings(path, dim_from_weights=True))
        with pytest.raises(ModelError, match="has rank 4 and alpha 4; expected rank 4 and alpha 1"):
            check_start_weights(BASE, settings(path).model_copy(update={"network_alpha": 1.0}))


@pytest.mark.parametrize(
    ("form", "dora", "title"), [("loha", "", "LoHa"), ("lokr whole", "", "LoKr"), ("lora", "inputs", "DoRA")]
)
@pytest.mark.parametrize("taken_over", [False, True])
def test_another_kind_is_refused_by_its_name_with_the_command_that_makes_a_plain_one(
    tmp_path: Path, form: str, dora: str, title: str, taken_over: bool
) -> None:
    path = write_kinds(tmp_path / "start.safetensors", BASE, [form], dora=dora, rank=RANK)
    with pytest.raises(ModelError, match=f"it is a {title}: .*lora-tui lora convert start.safetensors --to lora"):
        check_start_weights(BASE, settings(path, dim_from_weights=taken_over))
    with pytest.raises(ModelError, match=f"it is a {title}"):
        layers_of(BASE, settings(path, dim_from_weights=True))
