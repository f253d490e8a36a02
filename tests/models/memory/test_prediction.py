"""Is the prediction right? Against the CPU allocator's own events of a real step, which share no code with it."""

from pathlib import Path

import pytest
from measured_memory import measured_step
from ready_steps import ENDLESS, planned_of

from trainer.memory.peak import MemoryPrediction
from trainer.memory.request import request_of
from trainer.memory.simulate import predict

# What the steps of bakes differ in: batch, resolution, rank, checkpointing, encoder on and off, precision, optimizer.
COMBINATIONS = ("train_batch_size=4",)
MORE = (
    "train_batch_size=8 network_train_unet_only=yes shuffle_caption=no",
    "gradient_checkpointing=yes train_batch_size=8 mixed_precision=bf16",
    "train_batch_size=1",
    "train_batch_size=8",
    "resolution=128 max_bucket_reso=256",
    "network_dim=32",
    "network_dim=128 train_batch_size=2",
    "gradient_checkpointing=yes train_batch_size=8",
    "gradient_checkpointing=yes checkpointed_blocks=up_blocks.3,text_encoder train_batch_size=8",
    "network_train_unet_only=yes train_batch_size=8",
    "mixed_precision=bf16 train_batch_size=8",
    "conv_dim=8",
    "train_batch_size=6 micro_batch_size=2",
    "gradient_accumulation_steps=3 network_dim=64",
    "int8_base=yes mixed_precision=bf16",
    "fp8_base=yes",
    "network_dropout=0.2 rank_dropout=0.1 module_dropout=0.1",
    "optimizer_type=Lion network_dim=64 train_batch_size=1",
    "optimizer_type=SGDNesterov network_dim=64 train_batch_size=1",
    "sdpa=no",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trainer.demo.workspace import make_demo

    return make_demo(tmp_path_factory.mktemp("prediction") / "demo").root


@pytest.mark.parametrize("options", [*COMBINATIONS, *(pytest.param(each, marks=pytest.mark.long) for each in MORE)])
def test_the_predicted_peak_is_the_measured_one(root: Path, options: str) -> None:
    planned = planned_of(root, (*ENDLESS, *options.split()))
    peak = predict(request_of(planned, "cpu")).of("step")
    assert peak is not None
    measured = measured_step(planned)
    # Twice the most that was ever seen; a promise of 5 % would let a lot go unseen.
    assert peak.bytes == pytest.approx(measured.peak, rel=0.02)


def test_swapped_blocks_leave_the_predicted_peak_of_a_card_and_take_the_time_of_the_link(root: Path) -> None:
    plain, swapped = (_on_a_card(root, f"blocks_to_swap={count}") for count in (0, 12))
    weights = sorted((block.weights for block in plain.blocks), reverse=True)
    whole, left = (found.of("step") for found in (plain, swapped))
    assert whole is not None and left is not None
    freed = whole.parts["weights"] - left.parts["weights"]
    # In the buffers a block's tensors begin at multiples of 512 bytes.
    assert freed == pytest.approx(max(sum(weights[at : at + 12]) - 2 * weights[at] for at in range(8)), rel=0.05)
    assert left.parts["activations"] == whole.parts["activations"]
    assert swapped.seconds >= plain.seconds and swapped.flops == plain.flops


def _on_a_card(root: Path, *options: str) -> MemoryPrediction:
    return predict(request_of(planned_of(root, (*ENDLESS, "gradient_checkpointing=yes", *options)), "card"))


def test_the_optimizer_of_8_bits_takes_a_card_longer_for_each_tensor_that_trains(root: Path) -> None:
    asked = request_of(planned_of(root, ENDLESS), "card")
    # Its package need not be there for that.
    lean = predict(asked.with_settings(asked.settings.model_copy(update={"optimizer_type": "AdamW8bit"})))
    plain = predict(asked)
    assert plain.stepped == lean.stepped > 100
    # Fused AdamW moves more bytes, and so much that is counted.
    assert lean.seconds - plain.seconds == pytest.approx(lean.stepped * 0.308 / 560, rel=0.05)


def test_a_step_in_int8_is_predicted_with_all_of_its_products(root: Path) -> None:
    usual, ours = (_on_a_card(root, "int8_base=yes", f"int8_matmul={answer}") for answer in ("no", "yes"))
    assert ours.flops == usual.flops
    assert ours.seconds != usual.seconds
