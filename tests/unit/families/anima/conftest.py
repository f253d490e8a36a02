from collections.abc import Iterator

import pytest

from trainer.families.anima.record import FAMILY
from trainer.families.registry import FAMILIES


@pytest.fixture(autouse=True)
def anima_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(FAMILIES, FAMILY.key, FAMILY)
    yield
