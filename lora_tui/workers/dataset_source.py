"""Which data the Dataset screen shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.settings.model import Settings
    from trainer.settings.subject import Subject


@dataclass(frozen=True)
class DatasetSource:
    """The settings whose pictures are shown, and what is known of them already.

    Attributes:
        path: the settings file.
        settings: as they are being edited; blank paths are the subject's.
        epochs: of the bake that they describe, None where that is not known.
    """

    path: Path
    settings: "Settings"
    epochs: int | None = None

    def resolved(self) -> "Settings":
        """Return the settings with every path filled in; reads the subject's file.

        Raises:
            SettingsError: the subject cannot be read.
        """
        from trainer.settings.subject import resolve

        return resolve(self.settings, self.path)

    def subject(self) -> "Subject | None":
        """Return the subject of the settings, None where they name none that is there; reads its file.

        Raises:
            SettingsError: its file cannot be read.
        """
        from trainer.settings.subject import load_subject, subject_path

        path = subject_path(self.path, self.settings.subject) if self.settings.subject else None
        return None if path is None else load_subject(path)
