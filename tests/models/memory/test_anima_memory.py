"""Anima in its real sizes fits the cards that people have, as predicted on the program's own step without a number."""

from pathlib import Path

import pytest
from ready_steps import ENDLESS, planned_of
from run_engine import small_demo
from tiny_anima import hollow_files

from trainer.memory.fake_session import KeptBase
from trainer.memory.fit import fit
from trainer.memory.fit_result import Proposal
from trainer.memory.request import MemoryRequest, request_of
from trainer.memory.simulate import predict

GIB = 2**30
# A bake of 1024² pictures, one at a time, at rank 16, whose captions do not vary.
USUAL = (
    *("resolution=1024", "max_bucket_reso=1024", "min_bucket_reso=512", "bucket_reso_steps=64", "train_batch_size=1"),
    *("network_dim=16", "network_alpha=16", "mixed_precision=bf16", "no_half_vae=no", "vae_batch_size=1"),
    *("shuffle_caption=no", "sample_every_n_epochs=", "gradient_checkpointing=yes"),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_demo(tmp_path_factory.mktemp("anima-memory") / "demo").root


@pytest.fixture(scope="module")
def kept() -> KeptBase:
    return KeptBase()


def request(root: Path, *options: str, blocks: int = 28) -> MemoryRequest:
    base = f"pretrained_model_name_or_path={hollow_files(blocks)}"
    return request_of(planned_of(root, (*ENDLESS, base, *USUAL, *options)), "card")


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        # Of another program on a card: 4.84 GiB, whose attention keeps more.
        ((), 4.6, 4.9),
        (("int8_base=yes",), 2.8, 3.1),
        (("blocks_to_swap=20",), 2.3, 2.6),
        pytest.param(("blocks_to_swap=28",), 1.3, 1.5, marks=pytest.mark.long),
        pytest.param(("resolution=512", "train_batch_size=4"), 4.6, 4.95, marks=pytest.mark.long),
    ],
)
def test_a_step_takes_what_cards_have(
    root: Path, kept: KeptBase, options: tuple[str, ...], least: float, most: float
) -> None:
    prediction = predict(request(root, *options), kept)
    step, caching = prediction.of("step"), prediction.of("cache")
    assert step is not None and caching is not None
    assert least < step.bytes / GIB < most
    assert caching.bytes / GIB < 1.6


@pytest.mark.long
def test_more_blocks_take_more(root: Path) -> None:
    step = predict(request(root, blocks=40)).of("step")
    assert step is not None
    assert 6.4 < step.bytes / GIB < 6.8


def test_what_is_kept_of_a_block_is_less_than_diffusers_keeps(root: Path, kept: KeptBase) -> None:
    """478 MiB by diffusers' own attention, which keeps queries and keys in fp32."""
    costs = predict(request(root, "gradient_checkpointing=no"), kept).blocks
    assert [cost.name for cost in costs] == [f"blocks.{number}" for number in range(28)]
    assert all(330 < cost.saved / 2**20 < 390 for cost in costs)


@pytest.mark.parametrize("limit", [5.6, 3.6])
def test_what_fits_is_found_beginning_without_any_saving(root: Path, kept: KeptBase, limit: float) -> None:
    wasteful = request(root, "gradient_checkpointing=no", "vae_batch_size=8", "no_half_vae=yes")
    found = fit(wasteful, lambda asked: predict(asked, kept), int(limit * GIB))
    assert isinstance(found.best, Proposal), found.nearest
    assert found.best.bytes <= limit * GIB
    assert not found.best.changes_result
    assert found.best.changes["gradient_checkpointing"] is True
