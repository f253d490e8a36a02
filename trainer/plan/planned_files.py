"""How many LoRAs was a bake of the journal to save?"""

from trainer.errors import SettingsError
from trainer.journal.records import Bake
from trainer.plan.saves import save_points
from trainer.settings.toml_file import parse_settings


def planned_files(bake: Bake) -> int | None:
    """Return how many LoRA files the plan of `bake` has, None where its settings cannot be read any more."""
    try:
        settings = parse_settings(bake.settings_toml, f"bake {bake.number}")
        # The last epoch may be a part of one.
        epochs = -(-bake.total_steps // max(1, bake.steps_per_epoch))
        saves = save_points(settings, steps_per_epoch=bake.steps_per_epoch, epochs=epochs, total_steps=bake.total_steps)
    except SettingsError:
        return None
    return len(saves)
