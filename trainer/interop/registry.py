"""Every format of other trainers that is read or written."""

from trainer.interop.record import TrainerFormat
from trainer.interop.trainers import picture_recipe, sd_scripts
from trainer.interop.trainers.easy_training_scripts import EASY_TRAINING_SCRIPTS
from trainer.interop.trainers.easy_training_scripts_2023 import EASY_TRAINING_SCRIPTS_2023
from trainer.interop.trainers.kohya_gui import KOHYA_GUI
from trainer.interop.trainers.kohya_gui_toml import KOHYA_GUI_DEFAULTS, KOHYA_GUI_WRITTEN

FORMATS: tuple[TrainerFormat, ...] = (
    picture_recipe.PICTURE,
    sd_scripts.COMMAND,
    sd_scripts.DATA_SET,
    KOHYA_GUI,
    KOHYA_GUI_WRITTEN,
    KOHYA_GUI_DEFAULTS,
    EASY_TRAINING_SCRIPTS,
    EASY_TRAINING_SCRIPTS_2023,
    sd_scripts.CONFIG,
)
"""The formats, the more particular ones first: the first that recognises a document reads it."""
