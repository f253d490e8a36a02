"""Levers as settings: names of blocks, divided batches, what is put where."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_model import NAMES, request

from trainer.errors import SettingsError
from trainer.memory.estimates import blocks_to_checkpoint, max_held_bytes
from trainer.memory.levers import MemoryChoice, configurations, has_prefix, shortest_prefixes, single_levers
from trainer.memory.limit import limit_of
from trainer.memory.peak import BlockCost

GIB = 2**30


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (NAMES, ()),
        (NAMES[:4], ("down",)),
        (NAMES[:2], ("down.resnets",)),
        ((NAMES[0], NAMES[3]), ("down.resnets.0", "down.attentions.1")),
        ((*NAMES[2:4], *NAMES[4:]), ("down.attentions", "up")),
    ],
)
def test_names_become_common_prefixes(chosen: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert shortest_prefixes(chosen, NAMES) == expected


def test_a_prefix_ends_at_a_dot() -> None:
    names = ["text_encoder.layers.1", "text_encoder.layers.10", "text_encoder_2.layers.1"]
    assert shortest_prefixes(names[:1], names) == ("text_encoder.layers.1",)
    assert shortest_prefixes(names[:2], names) == ("text_encoder",)
    assert not has_prefix("text_encoder_2.layers.1", ["text_encoder"])


@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_prefixes_mean_the_same_blocks(chosen: list[str]) -> None:
    beginnings = shortest_prefixes([name for name in NAMES if name in chosen], NAMES)
    assert {name for name in NAMES if not beginnings or has_prefix(name, beginnings)} == set(chosen)


def test_a_batch_is_divided_as_equally_as_can_be() -> None:
    assert [choice.micro_batch for choice in configurations(request(train_batch_size=8), exact=True)] == [
        None,
        4,
        3,
        2,
        1,
    ]
    assert [choice.micro_batch for choice in configurations(request(train_batch_size=1), exact=True)] == [None]


def test_a_choice_is_read_from_the_settings_it_was_put_into() -> None:
    asked = request(train_batch_size=4)
    for choice in configurations(asked, exact=False):
        for blocks in (None, (), ("down.resnets", "up")):
            meant = replace(choice, checkpointed=blocks, swapped=5)
            assert MemoryChoice.of(asked.with_settings(meant.apply_to(asked.settings))) == meant


blocks = st.lists(st.tuples(st.integers(1, 100), st.floats(0.1, 9.0)), min_size=1, max_size=9).map(
    lambda found: [BlockCost(f"b.{index}", saved, 1, seconds) for index, (saved, seconds) in enumerate(found)]
)


@given(blocks, st.integers(0, 600))
def test_chosen_blocks_leave_no_more_than_the_room_and_none_is_needless(blocks: list[BlockCost], room: int) -> None:
    chosen = blocks_to_checkpoint(blocks, room)
    if chosen is None:
        assert max(block.saved for block in blocks) > room
        return
    assert max_held_bytes(blocks, chosen) <= room
    assert all(max_held_bytes(blocks, set(chosen) - {name}) > room for name in chosen)


@pytest.mark.parametrize(
    ("text", "gib"), [("8GB", 7.4), ("8", 7.4), (" 12 gb", 11.4), ("7.4GiB", 7.4), ("2048MiB", 2.0), ("6.5gib", 6.5)]
)
def test_a_card_leaves_room_for_context_and_desktop(text: str, gib: float) -> None:
    assert limit_of(text) == pytest.approx(gib * GIB, abs=2)


@pytest.mark.parametrize("text", ["", "8XB", "-3", "0", "0.5GB", "nan", "1e3", "99999GB", "\x1b[31m8", "8 GB GB"])
def test_a_wrong_size_is_one_clear_error(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        limit_of(text)
    assert raised.value.line().startswith("--fit: ") and "8GB" in raised.value.line()
    assert "\x1b" not in raised.value.line()


def test_a_base_that_computes_in_int8_is_read_from_the_settings_it_was_put_into() -> None:
    asked = request()
    for base in ("", "int8", "int8 matmul", "fp8"):
        meant = replace(MemoryChoice.of(asked), base=base)
        assert MemoryChoice.of(asked.with_settings(meant.apply_to(asked.settings))) == meant
    assert "int8 matmul" in [lever.name for lever, _ in single_levers(asked, 0)]
    assert "int8 matmul" not in [lever.name for lever, _ in single_levers(request(torch_compile=True), 0)]
