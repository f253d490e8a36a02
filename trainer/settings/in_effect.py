"""Settings as a family of bases takes them: what has no effect on it stands at its default."""

from trainer.families.registry import family_record
from trainer.settings.model import Settings
from trainer.settings.parts import Family


def settings_in_effect(settings: Settings, family: Family) -> Settings:
    """Return `settings` with those at their defaults that the family's record says have no effect (`FamilyRecord.unused`).

    What draws noise takes them, so that what was said to have no effect has none.
    """
    idle = family_record(family).unused
    return settings.model_copy(update={name: type(settings).model_fields[name].default for name in idle})
