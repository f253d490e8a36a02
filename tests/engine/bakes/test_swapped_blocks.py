"""A bake whose blocks come from the computer's memory: the same bits through samples, a resume and a base that is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from one_way_transfers import NothingReadsTheHost, OneWayTransfers
from run_bakes import bits_of_lora

from trainer.lean.transfers import transfers_by


@pytest.fixture
def transfers() -> Iterator[OneWayTransfers]:
    made = OneWayTransfers()
    with transfers_by(lambda: made), NothingReadsTheHost(made):
        yield made


@pytest.fixture
def asked(make_settings: Any, tmp_path: Path) -> Any:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("1girl, red\n")
    return make_settings(
        validation_data_dir="",
        max_train_steps=4,
        save_state_every_n_steps=2,
        keep_states="9",
        sample_prompts=str(prompts),
        sample_steps=1,
        sample_every_n_steps=2,
        gradient_checkpointing=True,
        checkpointed_blocks="up_blocks",
    )


def pictures(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "samples").glob("*.png"))]


def test_samples_and_a_resume_leave_the_same_bits(runner: Any, asked: Any, transfers: OneWayTransfers) -> None:
    whole = runner.bake(asked)
    assert not transfers.copies
    swapped = asked.model_copy(update={"blocks_to_swap": 7})
    folder = runner.bake(swapped)
    assert bits_of_lora(folder) == bits_of_lora(whole)
    assert transfers.copies > 7 * 4 and not transfers.hosts
    assert len(pictures(folder)) == len(pictures(whole)) == 2
    runner.bake_again_from(2, swapped)
    assert bits_of_lora(folder) == bits_of_lora(whole)
    # The base was kept, and computes as one that no block ever left.
    again = runner.bake(asked)
    assert bits_of_lora(again) == bits_of_lora(whole)
