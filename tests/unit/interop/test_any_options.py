"""Whatever values a file gives to sd-scripts' options, an import ends with settings that hold together and a fate for each key."""

import json

from hypothesis import given
from hypothesis import strategies as st

from trainer.interop.documents import read_document
from trainer.interop.importer import import_documents
from trainer.interop.option_list import OPTIONS
from trainer.interop.options import settings_from
from trainer.profiles.registry import OURS, PROFILES
from trainer.settings.describe import fields
from trainer.settings.model import Settings

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5000),
    st.sampled_from(["", "None", "0", "1e-4", "512,768", "50%", "fp16", "AdamW8bit", "a=1 b=2", "x", "true", "C:\\x"]),
    st.floats(-1, 2000),
    st.lists(st.sampled_from(["a=1", "conv_dim=4", 1e-4, 512, "x"]), max_size=3),
)
NAMES = st.sampled_from(sorted({*OPTIONS, *(info.name for info in fields())} - {"behave_like", "subject"}))


@given(st.dictionaries(NAMES, VALUES, max_size=12), st.sampled_from(sorted(PROFILES.keys() - {OURS})))
def test_settings_made_of_any_options_hold_together_under_every_profile(
    options: dict[str, object], profile: str
) -> None:
    made = settings_from(options, profile)
    Settings.model_validate({"behave_like": profile, **made.values})
    assert made.fates.keys() == options.keys()
    for name, fate in made.fates.items():
        assert bool(fate.values) == (fate.fate in ("taken", "translated")), (name, fate)
        assert fate.why or fate.fate in ("taken", "unknown"), (name, fate)
        assert fate.values.keys() <= made.values.keys(), (name, fate)


@given(st.dictionaries(st.one_of(NAMES, st.text('kqx.[]0 é"\\', max_size=8)), VALUES, min_size=1, max_size=12))
def test_any_config_is_imported_with_every_key_in_one_list(config: dict[str, object]) -> None:
    config = {"network_dim": 4, **config}
    made = import_documents([read_document(json.dumps(config).encode(), "any.json")], exists=lambda path: False)
    assert sorted(key.key for key in made.report.keys) == sorted(config)
    assert made.settings is not None
