"""The page of settings says what their declarations say."""

from pathlib import Path

from settings_page import page

from trainer.settings.describe import fields

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_the_one_the_settings_make() -> None:
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == page(), "run `make docs`"


def test_every_setting_is_on_the_page() -> None:
    text = page()
    for info in fields():
        assert f"### `{info.name}`" in text and info.label in text
