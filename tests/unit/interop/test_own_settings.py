"""Our own settings files, imported."""

from trainer.interop.documents import read_document
from trainer.interop.importer import import_documents
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml

MINE = Settings(network_dim=8, keep_states="3", text_encoder_stop="50%", max_train_epochs=None, unet_lr=None, seed=7)


def test_a_settings_file_comes_back_as_it_is_but_for_folders_of_another_computer() -> None:
    mine = MINE.model_copy(update={"train_data_dir": "/old/place/data", "behave_like": "sd-scripts 2023-01"})
    document = read_document(settings_toml(mine).encode(), "mine.toml")
    made = import_documents([document], path_map={"/old/place": "/new"}, exists=lambda path: False)
    assert made.settings == mine.model_copy(update={"train_data_dir": "/new/data"})
    assert made.report.title == "lora-tui's own settings" and made.report.profile == "sd-scripts 2023-01"


def test_a_settings_file_of_ours_is_like_no_other_trainer() -> None:
    made = import_documents([read_document(b"network_dim = 8\nkeep_states = 3\n", "mine.toml")])
    assert made.report.profile == "" and made.settings == Settings(network_dim=8, keep_states="3")
