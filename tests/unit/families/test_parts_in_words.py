"""What the program says of a base's parts is in the words of the base's family, wherever that is known."""

import ast
from collections.abc import Iterator
from dataclasses import fields as fields_of
from pathlib import Path

import pytest

import lora_tui
import trainer
from lora_tui.actions.bench_operations import operations_for
from lora_tui.forms.grid_fields import spec_fields
from lora_tui.keys.keymap import actions_for
from lora_tui.keys.places import PLACES
from lora_tui.screens.panes import PANES
from trainer.families.registry import FAMILIES, family_record, first_family
from trainer.grid import presets as grid_presets
from trainer.grid.axes import kinds_of
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.ladders.presets import presets_of
from trainer.settings import describe
from trainer.settings.parts import family_with, in_words_of, parts_of

ROOMS = [Path(place) for package in (trainer, lora_tui) for place in package.__path__]
USUAL = first_family().parts[0].label
OTHERS = [key for key, record in FAMILIES.items() if record.parts[0].label != USUAL]
# Texts that are about U-Nets and not about the part of a base that predicts: the records of families that have one, the files of such
# bases, what is known of other trainers and of their files, and sayings of others.
ABOUT_UNETS = (
    "trainer/families",
    "trainer/models/stable_diffusion",
    "trainer/models/unsupported.py",
    "trainer/models/lora_header.py",
    "trainer/interop/trainers",
    "trainer/profiles",
    "trainer/advice",
)
# conv_dim: ranks of 3×3 convolutions, which U-Nets alone have; it has no effect elsewhere and says so.
SETTINGS_OF_UNETS = {"conv_dim"}


def texts_for(family: str | None) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of everything that a screen says of the parts of a base of this family."""
    records: dict[str, object] = {}
    records |= {f"setting {each.name}": each for each in describe.fields(family=family)}
    records |= {f"action {each.id}": each for each in actions_for(family)}
    records |= {f"axis {each.key}": each for each in kinds_of(family).values()}
    records |= {f"ladder {each.key}": each for each in presets_of(family).values()}
    records |= {f"preset grid {each.key}": each for each in grid_presets.presets_of(family)}
    records |= {f"bench {each.key}": each for each in operations_for(family).values()}
    records |= {f"hint {each.key} {hint.key}": hint for each in operations_for(family).values() for hint in each.fields}
    records |= {f"field {each.name}": each for each in spec_fields(_spec(), family)}
    panes = {pane for place in PLACES for pane in PANES.get(place.scopes[-1], ())}
    for pane in panes:
        terms = getattr(pane, "TERMS", None)
        for place, term in enumerate(terms.in_words_of(family).terms if terms is not None else ()):
            records[f"term {pane.__name__} {place}"] = term
    for name, record in records.items():
        # A quote is somebody's own words.
        for field in fields_of(record):  # type: ignore[arg-type]
            value = getattr(record, field.name)
            if isinstance(value, str) and field.name not in ("quote", "heading"):
                yield name, value


def _spec() -> GridSpec:
    axes = {
        axis: AxisSpec(kind=kind, values="")
        for axis, kind in zip("xyz", ("weight", "unet_weight", "rank"), strict=True)
    }
    return GridSpec(**axes)


@pytest.mark.parametrize("family", OTHERS)
def test_no_screen_speaks_of_a_unet_where_a_family_has_none(family: str) -> None:
    allowed = {f"setting {name}" for name in SETTINGS_OF_UNETS}
    assert family_record(family).unused.keys() >= SETTINGS_OF_UNETS
    found = {name for name, text in texts_for(family) if USUAL.casefold() in text.casefold()}
    assert found - allowed == set()


@pytest.mark.parametrize("family", [None, *FAMILIES])
def test_every_text_is_filled_in(family: str | None) -> None:
    left = [name for name, text in texts_for(family) for word in ("body", "encoder", "grain") if f"{{{word}}}" in text]
    assert left == []


@pytest.mark.parametrize("family", OTHERS)
def test_each_record_has_the_familys_own_word(family: str) -> None:
    words = dict.fromkeys(
        ("setting unet_lr", "setting unet_stop", "setting network_train_unet_only", "action grid.unet")
    )
    words |= dict.fromkeys(("axis unet_weight", "ladder unet-rate", "preset grid unet-text-encoder", "bench mix"))
    label = family_record(family).parts[0].label
    for name in words:
        assert any(label in text.casefold() for known, text in texts_for(family) if known == name), name


def test_without_a_family_the_first_ones_words_hold() -> None:
    unknown, first = set(texts_for(None)), set(texts_for(first_family().key))
    # Of some fields it is known then that they have no effect.
    assert first <= unknown and {name for name, _ in unknown - first} == {"field shift"}
    assert in_words_of("of another version", "{body} rate") == f"{USUAL} rate"
    assert describe.field("unet_lr").label == "U-Net rate"


def test_a_text_with_braces_of_its_own_stays() -> None:
    assert in_words_of(None, "`{red|blue}` in a caption") == "`{red|blue}` in a caption"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_known_by_its_parts(family: str) -> None:
    known = family_with(parts_of(family))
    assert known is not None and set(parts_of(family)) <= set(parts_of(known))
    assert family_with(()) is None and family_with(("of another version",)) is None


def test_no_other_text_names_the_part() -> None:
    found = [place for room in ROOMS for path in room.rglob("*.py") for place in _spoken(path, room)]
    # That of conv_dim.
    assert found == ["trainer/settings/fields/network.py"]


def _spoken(path: Path, room: Path) -> Iterator[str]:
    """Yield where a text that is no docstring has the usual word for what predicts."""
    place, source = path.relative_to(room.parent), path.read_text("utf-8")
    if USUAL not in source or any(place.is_relative_to(other) for other in ABOUT_UNETS):
        return
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and USUAL in node.value
            and id(node) not in docs
        ):
            yield str(place)
