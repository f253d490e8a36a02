import pytest

from trainer.text import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (40.4, "40 s"), (89, "89 s"), (90, "2 min"), (1320, "22 min"), (11_100, "3 h 05 min")],
)
def test_a_span_of_time_has_the_unit_that_reads_best(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_hour_is_never_sixty_minutes() -> None:
    assert duration(3599) == "1 h 00 min"
