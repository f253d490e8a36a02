"""Every format of other trainers that is read or written."""

from trainer.interop.record import TrainerFormat
from trainer.interop.trainers import picture_recipe, sd_scripts
from trainer.interop.trainers.ai_toolkit import AI_TOOLKIT
from trainer.interop.trainers.anon_1337 import ANON_1337
from trainer.interop.trainers.cloneofsimo import CLONEOFSIMO
from trainer.interop.trainers.diffusion_pipe import DIFFUSION_PIPE
from trainer.interop.trainers.dreambooth_extension import DREAMBOOTH_EXTENSION
from trainer.interop.trainers.easy_training_scripts import EASY_TRAINING_SCRIPTS
from trainer.interop.trainers.easy_training_scripts_2023 import EASY_TRAINING_SCRIPTS_2023
from trainer.interop.trainers.kohya_gui import KOHYA_GUI
from trainer.interop.trainers.kohya_gui_toml import KOHYA_GUI_DEFAULTS, KOHYA_GUI_WRITTEN
from trainer.interop.trainers.lora_metadata import METADATA
from trainer.interop.trainers.onetrainer import ONETRAINER
from trainer.interop.trainers.own_settings import OWN_SETTINGS
from trainer.interop.trainers.peft_config import PEFT
from trainer.interop.trainers.powershell_scripts import LEGACY_SCRIPT, VARIABLES

FORMATS: tuple[TrainerFormat, ...] = (
    METADATA,
    PEFT,
    picture_recipe.PICTURE,
    CLONEOFSIMO,
    LEGACY_SCRIPT,
    sd_scripts.COMMAND,
    sd_scripts.DATA_SET,
    ANON_1337,
    AI_TOOLKIT,
    ONETRAINER,
    DIFFUSION_PIPE,
    DREAMBOOTH_EXTENSION,
    KOHYA_GUI,
    KOHYA_GUI_WRITTEN,
    KOHYA_GUI_DEFAULTS,
    EASY_TRAINING_SCRIPTS,
    EASY_TRAINING_SCRIPTS_2023,
    OWN_SETTINGS,
    VARIABLES,
    sd_scripts.CONFIG,
)
"""The formats, the more particular ones first: the first that recognises a document reads it."""
