"""The actions that keys of a replay give, over those of the Bake screen that only look."""

from lora_tui.keys.action import Action

_REPLAY = ("replay",)

# fmt: off
REPLAY_ACTIONS: tuple[Action, ...] = (
    # Before the screen's own key, which pauses a bake.
    Action("replay.pause", "space", "toggle_replay", "pause", "let the replay stand still, or run again", _REPLAY, "Pause the replay", first=True),
    Action("replay.next", "right_square_bracket", "jump_replay(1)", "next epoch", "go to the next saved LoRA", _REPLAY, "Next epoch of the replay", "]"),
    Action("replay.previous", "left_square_bracket", "jump_replay(-1)", "epoch before", "go back to the LoRA saved before", _REPLAY, "Epoch before in the replay", "["),
    Action("replay.faster", "greater_than_sign", "speed_replay(1)", "faster", "replay faster", _REPLAY, "Replay faster", ">"),
    Action("replay.slower", "less_than_sign", "speed_replay(-1)", "slower", "replay more slowly", _REPLAY, "Replay more slowly", "<"),
)
# fmt: on
"""In the order of the help."""
