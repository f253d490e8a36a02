"""What is known of all families that predict a flow, and what of every family has no effect."""

import pytest
import tiny_flow

from trainer.families.flow_matching import SAMPLERS, UNUSED
from trainer.families.record import FamilyRecord
from trainer.families.registry import FAMILIES
from trainer.grid.samplers import sampler_named
from trainer.models.flow_samplers import flow_sampler, flow_sigmas
from trainer.settings.describe import is_setting
from trainer.settings.in_effect import settings_in_effect
from trainer.settings.model import Settings


def test_every_sampler_of_flows_is_one_of_all_and_can_be_made() -> None:
    for name in SAMPLERS:
        assert sampler_named(name).name == name
        flow_sampler(name, flow_sigmas(3, 1))
    assert not [name for name in SAMPLERS if "Karras" in name]


@pytest.mark.parametrize("family", [*FAMILIES.values(), tiny_flow.FAMILY], ids=lambda record: record.key)
def test_what_has_no_effect_on_a_family_is_a_setting_with_a_default(family: FamilyRecord) -> None:
    for name, why in family.unused.items():
        assert is_setting(name) and why
        assert not Settings.model_fields[name].is_required()


def test_what_has_no_effect_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, tiny_flow.FAMILY.key, tiny_flow.FAMILY)
    settings = Settings(noise_offset=0.1, multires_noise_iterations=6, min_snr_gamma=5, ip_noise_gamma=0.1)
    found = settings_in_effect(settings, tiny_flow.FAMILY.key)
    assert found == Settings(ip_noise_gamma=0.1)
    assert {"noise_offset", "multires_noise_iterations", "min_snr_gamma"} <= UNUSED.keys()
    assert settings_in_effect(settings, "sd1") == settings
