"""Settings of bakes as the journal has them, with the paths of now."""

from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.settings.kept import kept_settings
from trainer.settings.model import Settings


def settings_of(journal: Journal, bake: Bake) -> Settings:
    """Return the settings of a bake, every path absolute, as it is now.

    Raises:
        SettingsError: another version wrote them, or they are damaged.
    """
    return kept_settings(bake.settings_toml, f"bake {bake.number}", journal.paths)
