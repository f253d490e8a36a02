"""The demo baked on a base of 8 bits: how near to the whole base the validation loss comes."""

import pytest

SIXTY = ("max_train_epochs=", "max_train_steps=60", "save_every_n_epochs=")


@pytest.mark.long
@pytest.mark.parametrize(("kind", "near"), [("int8_base", 0.01), ("fp8_base", 0.03)])
def test_a_base_of_8_bits_learns_as_far_as_the_whole_one(learned, kind: str, near: float) -> None:
    whole, found = learned(*SIXTY), learned(*SIXTY, f"{kind}=true")
    assert found.last < 0.9 * found.base
    assert found.base == pytest.approx(whole.base, rel=near)
    assert found.last == pytest.approx(whole.last, rel=near)


@pytest.mark.long
def test_products_in_int8_learn_as_far_as_the_whole_base(learned) -> None:
    whole = learned(*SIXTY)
    try:
        found = learned(*SIXTY, "int8_base=true", "int8_matmul=true")
    except AssertionError as error:
        if "times as long in int8" not in str(error):
            raise
        pytest.skip("products in int8 are slower on this machine, and refused")
    assert found.last < 0.9 * found.base
    assert found.base == pytest.approx(whole.base, rel=0.01)
    assert found.last == pytest.approx(whole.last, rel=0.01)
