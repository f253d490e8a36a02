"""Every family's record fits together: unique keys, names that lead back to their part, samplers that exist."""

import pytest
import tiny_flow

from trainer.families import registry
from trainer.families.record import FamilyRecord
from trainer.families.registry import FAMILIES, add_family, family_record, known_parts, part_record, titles
from trainer.grid.samplers import sampler_named
from trainer.models.kohya_names import kohya_name, part_of
from trainer.settings.model import Settings
from trainer.settings.parts import body_of, is_encoder, parts_of

# Of parts whose names begin as another family's do, and go on as theirs alone.
_PATHS = {"body": "transformer_blocks.0.attn1.to_q", "conditioner": "conditioner.blocks.0.mlp.0"}

each_family = pytest.mark.parametrize("record", FAMILIES.values(), ids=lambda record: record.key)


@each_family
def test_a_record_stands_under_its_own_key(record: FamilyRecord) -> None:
    assert family_record(record.key) is record


@each_family
def test_the_predicting_part_comes_first_and_alone(record: FamilyRecord) -> None:
    assert [part.is_encoder for part in record.parts] == [False, *[True] * (len(record.parts) - 1)]
    assert body_of(record.key) == parts_of(record.key)[0]


@each_family
def test_a_modules_name_leads_back_to_its_part(record: FamilyRecord) -> None:
    for part in record.parts:
        path = _PATHS.get(part.key, "encoder.layers.0.linear")
        assert part_of(kohya_name(part.key, path, record.key)) == part.key


@each_family
def test_settings_named_in_a_record_are_there(record: FamilyRecord) -> None:
    assert set(record.unused) | set(record.first_settings) <= set(Settings.model_fields)
    Settings.model_validate(record.first_settings)


@each_family
def test_the_default_sampler_is_one_that_fits(record: FamilyRecord) -> None:
    sampling = record.sampling
    assert sampler_named(sampling.sampler).name == sampling.sampler
    assert sampling.sampler in sampling.samplers
    assert [sampler_named(name).name for name in sampling.samplers] == list(sampling.samplers)
    assert sampling.side % sampling.grain == 0


def test_a_part_of_one_key_is_alike_in_all_families() -> None:
    for key in known_parts():
        for record in FAMILIES.values():
            for part in record.parts:
                if part.key == key:
                    assert (part.follows, part.label) == (part_record(key).follows, part_record(key).label)
                    assert part.is_encoder is is_encoder(key)


def test_the_module_of_a_record_makes_its_family_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its module is all that another process is told; a record that is known already stays."""
    known, here = dict(FAMILIES), dict[str, FamilyRecord]()
    monkeypatch.setattr(registry, "FAMILIES", here)
    for record in known.values():
        add_family(record.module)
    assert here == known
    here["sd1"] = known["sdxl"]
    add_family(known["sd1"].module)
    assert here["sd1"] is known["sdxl"]


def test_families_are_listed_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert titles() == "SD1.x, SDXL or Anima"
    monkeypatch.setitem(FAMILIES, tiny_flow.FAMILY.key, tiny_flow.FAMILY)
    assert titles() == "SD1.x, SDXL, Anima or Tiny Flow"


def test_an_unknown_family_is_an_error() -> None:
    with pytest.raises(KeyError, match="sd9"):
        family_record("sd9")
    with pytest.raises(KeyError, match="antenna"):
        part_record("antenna")
