import pytest

from trainer.machine.card_processes import CardProcess
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.memory.available import CONTEXT_BYTES, AvailableMemory, available_memory, fits
from trainer.memory.peak import MemoryPrediction, Peak, Policy
from trainer.memory.report import bytes_text, memory_section

GIB = 1024**3


def reading(*cards: CardReading, host: HostReading | None = None) -> MachineReading:
    return MachineReading(0.0, cards, "", host or HostReading())


def predicted(*, reserved: int = 5 * GIB, policy: Policy = "card", compiled: bool = False) -> MemoryPrediction:
    return MemoryPrediction(
        policy=policy,
        precision="bf16",
        bucket=(512, 768),
        batch=3,
        peaks=(
            Peak("cache", "decoder of the VAE", {"vae": GIB, "activations": GIB}),
            Peak("step", "backward of up_blocks.3", {"activations": 2 * GIB, "weights": 2 * GIB, "lora": 50 << 20}),
        ),
        reserved=reserved,
        flops=1,
        seconds=1.0,
        blocks=(),
        compiled=compiled,
        took=1.0,
    )


def test_what_others_hold_and_the_context_are_not_free_but_what_we_hold_is() -> None:
    room = available_memory(
        reading(CardReading(0, "RTX", memory_used=5 * GIB, memory_total=8 * GIB, memory_ours=4 * GIB))
    )
    assert room is not None
    assert (room.policy, room.others, room.free) == ("card", GIB, 7 * GIB - CONTEXT_BYTES)


def test_where_nobody_says_what_is_ours_it_counts_as_others() -> None:
    room = available_memory(reading(CardReading(0, "RTX", memory_used=5 * GIB, memory_total=8 * GIB)))
    assert room is not None and room.others == 5 * GIB


def test_without_a_card_the_computers_available_memory_is_the_room() -> None:
    room = available_memory(reading(host=HostReading(memory_used=6 * GIB, memory_total=24 * GIB)))
    assert room is not None and (room.policy, room.free) == ("cpu", 18 * GIB)


@pytest.mark.parametrize("unread", [None, reading(), reading(CardReading(0, "RTX", memory_total=8 * GIB))])
def test_what_is_not_read_is_no_room(unread: MachineReading | None) -> None:
    assert available_memory(unread) is None


def test_a_bake_fits_to_the_last_byte() -> None:
    room = AvailableMemory("card", total=5 * GIB, others=0)
    assert fits(predicted(reserved=5 * GIB), room)
    assert not fits(predicted(reserved=5 * GIB + 1), room)


def test_a_report_has_each_stage_its_moment_its_parts_and_who_holds_the_rest() -> None:
    room = AvailableMemory("card", 8 * GIB, GIB // 2, CONTEXT_BYTES)
    holders = (
        CardProcess(1, "python", 4 * GIB, ours=True),
        CardProcess(2, "Xorg", GIB // 4, ours=False),
        CardProcess(3, "firefox", None, ours=False),
    )
    section = memory_section(predicted(), room, holders)
    assert section.title == "memory on a GPU: 512 × 768, 3 at once, bf16"
    text = "\n".join(section.lines)
    for words in (
        "latents    2.00 GiB  decoder of the VAE",
        "step       4.05 GiB  backward of up_blocks.3",
        "weights 2.00 GiB · lora 50.0 MiB · activations 2.00 GiB",
        "at most    5.00 GiB",
        "context    0.44 GiB",
        "free now   7.06 GiB  of 8.00 GiB: fits, 2.06 GiB to spare",
        "others     0.50 GiB  Xorg 0.25 GiB, firefox",
    ):
        assert words in text
    assert "python" not in text


def test_too_much_is_reported_with_the_amount() -> None:
    section = memory_section(predicted(reserved=9 * GIB), AvailableMemory("card", 8 * GIB, 0))
    assert "1.00 GiB too much" in section.lines[-1]


def test_the_room_of_another_policy_is_left_out() -> None:
    lines = memory_section(predicted(policy="cpu"), AvailableMemory("card", 8 * GIB, 0)).lines
    assert not any("free now" in line for line in lines)


def test_a_compiled_step_has_the_figures_of_the_eager_one_and_says_so() -> None:
    assert any("torch_compile" in line for line in memory_section(predicted(compiled=True), None).lines)


@pytest.mark.parametrize(
    ("amount", "text"), [(5 * GIB, "5.00 GiB"), (GIB // 10 + 1, "0.10 GiB"), (48 << 20, "48.0 MiB")]
)
def test_bytes_are_read_in_the_unit_that_says_them(amount: int, text: str) -> None:
    assert bytes_text(amount) == text
