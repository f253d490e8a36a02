"""Actions whose keys need more than a screen that stands still, and the test in tests/terminal/screens that shows each."""

from collections.abc import Mapping
from types import MappingProxyType

SHOWN_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "test_screen_bake.py::test_space_pauses_and_space_continues": ("bake.pause",),
        "test_screen_bake.py::test_s_saves_now": ("bake.save",),
        "test_screen_orders.py::test_a_key_gives_its_order[keys0-stop at epoch]": ("bake.stop-at-epoch",),
        "test_screen_orders.py::test_a_key_gives_its_order[keys3-free the GPU]": ("bake.free",),
        "test_every_action.py::test_r_queues_the_bake_again_that_ended_early": ("bake.resume",),
        "test_screen_report.py::test_r_writes_the_report_of_the_bake_shown_and_copies_the_command_that_fetches_it": (
            "bake.report",
        ),
        "test_screen_shown_bake.py::test_comma_and_period_walk_through_the_bakes_and_back": (
            "bake.previous",
            "bake.next",
        ),
        "test_screen_form.py::test_an_edit_is_marked_until_it_is_saved": ("settings.save",),
        "test_screen_ladder.py::test_what_failed_is_queued_again": ("ladder.continue",),
        "test_screen_replay.py::test_space_lets_it_run_and_the_speed_is_changed_by_keys": (
            "replay.pause",
            "replay.faster",
            "replay.slower",
        ),
        "test_screen_replay.py::test_the_title_says_that_it_is_a_replay_and_epochs_come_with_the_keys[size0]": (
            "replay.next",
            "replay.previous",
        ),
        "test_screen_dataset_edits.py::test_the_whole_caption_is_edited_in_the_users_editor": ("dataset.editor",),
        "test_screen_tagger.py::test_it_goes_on_behind_the_screen_and_is_never_started_twice": ("tagger.behind",),
        "test_screen_dataset.py::test_masks_are_shown_by_a_key": ("dataset.mask",),
        "test_every_action.py::test_a_new_picture_is_found_by_looking_again": ("dataset.look",),
        "test_every_action.py::test_more_buckets_than_there_is_room_for_are_scrolled": ("buckets.down", "buckets.up"),
        "test_screen_aim.py::test_an_offered_ladder_says_what_it_takes_and_is_queued[h-True]": ("offer.held",),
        "test_screen_aim.py::test_an_offered_ladder_says_what_it_takes_and_is_queued[b-False]": ("offer.run",),
        "test_screen_aim.py::test_the_aim_shows_its_model_and_queues_variants_held": ("aim.variants",),
        "test_screen_import.py::test_a_report_that_was_closed_is_opened_again": ("source.again",),
        "test_screen_checks.py::test_c_lists_the_findings_and_a_accepts_with_a_reason": ("checks.withdraw",),
        "test_screen_judgement.py::test_verdicts_become_a_direction_and_held_drafts_that_can_be_changed": (
            "judgement.propose",
        ),
        "test_screen_judgement.py::test_a_ladder_around_what_was_judged_is_offered_and_the_advice_is_on_that_bake": (
            "judgement.ladder",
        ),
        "test_screen_queue.py::test_keys_put_the_bakes_in_another_order": ("queue.later", "queue.sooner"),
        "test_screen_queue.py::test_what_is_left_as_it_is_can_be_taken_over_from_the_list": ("queue.take-over",),
        "test_screen_grid.py::test_earlier_grids_are_opened_and_gone_on_with": ("grids.resume",),
    }
)
"""The test that presses the keys -> the actions; `conftest.py` there sees to it that it does press them."""
