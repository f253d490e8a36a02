"""All scenes of the screens kept as text, in the groups that one app shows."""

import scenes_of_bakes
import scenes_of_pictures
import scenes_of_settings
import scenes_of_the_bake_screen

GROUPS = {
    "bake": scenes_of_the_bake_screen.SCENES,
    "bakes": scenes_of_bakes.SCENES,
    "pictures": scenes_of_pictures.SCENES,
    "settings": scenes_of_settings.SCENES,
}
"""By name; those of `bake` lie over the Bake screen, the others over an empty one."""

SCENES = tuple(scene for group in GROUPS.values() for scene in group)
"""All of them."""
