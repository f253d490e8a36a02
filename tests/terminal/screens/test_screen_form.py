"""The settings form by keys alone."""

import pytest
from textual import events

from lora_tui.widgets.field_list import FieldList
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.workers.planner import Planned
from trainer.errors import SettingsError
from trainer.journal.records import BakeState
from trainer.settings.toml_file import load_settings


@pytest.fixture
def form_of():
    """Return a function that waits until the settings are up, puts the cursor on a field and returns the form."""

    async def ready(runner, pilot, until, name: str) -> SettingsForm:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is not None)
        form = runner.app.bake_screen.query_one(SettingsForm)
        form.go_to(name)
        await pilot.pause()
        return form

    return ready


def now(runner) -> object:
    return runner.app.bake_screen.editor.draft.now


async def test_enter_edits_and_enter_keeps(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("enter", *"3e-4", "enter")
        await until(pilot, lambda: now(runner).unet_lr == 3e-4)
        assert form.editing == ""


async def test_the_plan_follows_an_edit(runner, until, form_of, seen) -> None:
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "max_train_epochs")
        await pilot.press("enter", "9", "enter")
        await until(pilot, lambda: "40 steps × 9 = 360" in seen(runner.app))


async def test_minutes_are_typed_and_the_plan_says_what_they_come_to(runner, until, form_of, seen) -> None:
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "train_minutes")
        await pilot.press("enter", *"2.5", "enter")
        await until(
            pilot, lambda: "2.5 min → steps from a measurement at the start" in " ".join(seen(runner.app).split())
        )
        assert now(runner).train_minutes == 2.5


async def test_a_wrong_value_is_shown_under_the_field_and_stays_to_be_fixed(runner, until, form_of, seen) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("enter", "7", "enter")
        await until(pilot, lambda: "a number from 0 to 1" in seen(runner.app))
        lines = seen(runner.app).splitlines()
        field = next(number for number, line in enumerate(lines) if "U-Net rate" in line)
        assert any('✗ "7"' in line for line in lines[field + 1 : field + 3])
        assert form.editing == "unet_lr"
        assert now(runner).unet_lr == 2e-3


async def test_escape_leaves_the_field_as_it_was(runner, until, form_of, seen) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("enter", "7", "enter")
        await until(pilot, lambda: "✗" in seen(runner.app))
        await pilot.press("escape")
        await until(pilot, lambda: form.editing == "")
        assert now(runner).unet_lr == 2e-3
        assert "✗" not in seen(runner.app)


async def test_tab_keeps_what_was_typed(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "network_dim")
        await pilot.press("enter", "1", "6", "tab")
        await until(pilot, lambda: now(runner).network_dim == 16)


async def test_a_blank_means_none_where_that_is_allowed(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("enter", "backspace", "enter")
        await until(pilot, lambda: now(runner).unet_lr is None)


async def test_arrows_turn_a_choice_both_ways(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "lr_scheduler")
        await pilot.press("right")
        await until(pilot, lambda: now(runner).lr_scheduler == "linear")
        await pilot.press("left")
        await until(pilot, lambda: now(runner).lr_scheduler == "constant_with_warmup")


async def test_enter_flips_a_switch_and_backspace_puts_the_file_s_value_back(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "gradient_checkpointing")
        await pilot.press("enter")
        await until(pilot, lambda: now(runner).gradient_checkpointing)
        assert form.editing == ""
        await pilot.press("backspace")
        await until(pilot, lambda: not now(runner).gradient_checkpointing)


async def test_an_edit_is_marked_until_it_is_saved(runner, until, form_of, seen) -> None:
    def line() -> str:
        return next(line for line in seen(runner.app).splitlines() if "dim (rank)" in line)[:42]

    async with runner.run((120, 36)) as pilot:
        await form_of(runner, pilot, until, "network_dim")
        await pilot.press("enter", "1", "6", "enter")
        await until(pilot, lambda: "*" in line())
        assert "hifumi.toml *" in seen(runner.app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "*" not in line())
    assert load_settings(runner.workspace.root / "hifumi.toml").network_dim == 16


async def test_what_differs_from_the_last_bake_is_marked_and_blank_paths_are_not(runner, until, form_of, seen) -> None:
    from trainer.jobs.bakes import check, queue_bake

    path = runner.workspace.root / "hifumi.toml"
    with runner.journal() as journal:
        queue_bake(journal, runner.workspace, check(load_settings(path), path), why="", engine=runner.engine.key)
    for state in (BakeState.STARTING, BakeState.BAKING, BakeState.DONE):
        runner.set_state(state)
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("enter", *"1e-3", "enter")
        await until(pilot, lambda: seen(runner.app).count("•") == 1)
        assert "•" in next(line for line in seen(runner.app).splitlines() if "U-Net rate" in line)


async def test_keys_of_the_screen_are_letters_inside_an_editor(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "training_comment")
        await pilot.press("enter", "b", "space", "x", "j", "question_mark", "t", "enter")
        await until(pilot, lambda: now(runner).training_comment == "b xj?t")
        assert form.editing == ""
    assert runner.bakes() == []


async def test_a_dialog_over_the_editor_does_not_end_the_edit(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("enter", "0", "ctrl+p")
        await until(pilot, lambda: len(runner.app.screen_stack) == 2)
        await pilot.press("escape")
        await until(pilot, lambda: len(runner.app.screen_stack) == 1)
        assert form.editing == "unet_lr"
        assert now(runner).unet_lr == 2e-3


async def test_arrows_home_and_end_move_between_fields_and_pass_over_heads(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "train_batch_size")
        seen = []
        for key in ("down", "up", "end", "home"):
            await pilot.press(key)
            seen.append(form.focused_info.name)
    assert seen == ["num_processes", "train_batch_size", "on_trouble", "subject"]


async def test_brackets_go_from_section_to_section(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "network_alpha")
        seen = []
        for key in ("]", "]", "[", "[", "[", "[", "[", "["):
            await pilot.press({"]": "right_square_bracket", "[": "left_square_bracket"}[key])
            seen.append(form.focused_info.name)
    assert seen == [
        "learning_rate",
        "train_minutes",
        "learning_rate",
        "network_dim",
        "pretrained_model_name_or_path",
        "subject",
        "subject",
        "subject",
    ]


async def test_behind_the_last_section_is_the_last_field(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "max_bad_steps")
        await pilot.press("right_square_bracket")
        assert form.focused_info.name == "on_trouble"


async def test_a_choice_that_may_be_blank_is_blank_between_its_last_and_its_first(runner, until, form_of) -> None:
    def schedule() -> object:
        return now(runner).text_encoder_lr_scheduler

    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "text_encoder_lr_scheduler")
        assert schedule() is None
        await pilot.press("right")
        await until(pilot, lambda: schedule() == "constant")
        await pilot.press("left")
        await until(pilot, lambda: schedule() is None)
        await pilot.press("left")
        await until(pilot, lambda: schedule() == "rex")
        await pilot.press("enter")
        await until(pilot, lambda: schedule() is None)


async def test_every_setting_has_a_line_that_fits_and_a_note(runner, until, form_of) -> None:
    async with runner.run((160, 40)) as pilot:
        form = await form_of(runner, pilot, until, "subject")
        for info in form._infos.values():
            form.go_to(info.name)
            assert form._fields.value_region(info.name) is not None, info.name
            assert form._note.lines(40), info.name


async def test_the_option_s_name_of_the_field_under_the_cursor_is_in_the_list_at_every_width(
    runner, until, form_of, seen
) -> None:
    def listed() -> list[str]:
        region = form._fields.region
        return [line[region.x : region.right] for line in seen(runner.app).splitlines()[region.y : region.bottom]]

    async with runner.run((80, 24)) as pilot:
        form = await form_of(runner, pilot, until, "subject")
        # The longest label, the longest name, a path and a number with its unit.
        names = (
            "reg_data_dir",
            "scale_v_pred_loss_like_noise_pred",
            "pretrained_model_name_or_path",
            "max_train_steps",
        )
        for width in range(80, 141):
            await pilot.resize_terminal(width, 24)
            form.go_to(names[width % len(names)])
            await until(pilot, lambda: form.focused_info.name in " ".join(listed()).split())
            assert any(line.startswith(f"  {form.focused_info.label} ") for line in listed()), width


async def test_what_a_search_finds_in_a_narrow_list_has_its_option_s_name(runner, until, form_of, seen) -> None:
    async with runner.run((100, 30)) as pilot:
        await form_of(runner, pilot, until, "subject")
        assert "text_encoder_stop" not in seen(runner.app)
        await pilot.press("slash", *"stop")
        await until(pilot, lambda: all(name in seen(runner.app) for name in ("text_encoder_stop2", "unet_stop")))


async def test_slash_finds_by_name_or_label_and_enter_goes_there(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "subject")
        await pilot.press("slash", *"warm")
        await until(pilot, lambda: form.focused_info.name == "lr_warmup_steps")
        runner.app.focused.value = "tex_lr"
        await until(pilot, lambda: form.focused_info.name == "text_encoder_lr")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.focused, FieldList))
        assert form.focused_info.name == "text_encoder_lr"


async def test_a_search_without_a_hit_says_so(runner, until, form_of, seen) -> None:
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("slash", *"zzzz")
        await until(pilot, lambda: "nothing found" in seen(runner.app))


@pytest.mark.parametrize("width", [80, 200])
async def test_option_names_stand_beside_the_labels_where_there_is_room(runner, until, form_of, seen, width) -> None:
    async with runner.run(size=(width, 40)) as pilot:
        form = await form_of(runner, pilot, until, "network_dim")
        # The plan comes behind the form, and takes lines of it.
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None and "dim (rank)" in seen(runner.app))
        row = next(line for line in seen(runner.app).splitlines() if "dim (rank)" in line)
        named = "network_dim" in row
        # Elsewhere the note under the list names the field of the cursor.
        assert named == (form._fields.size.width >= 55)
        assert "network_dim · Network" in seen(runner.app)


async def test_escape_from_finding_goes_back(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("slash", *"seed", "escape")
        await until(pilot, lambda: form.focused_info.name == "unet_lr" and not form.has_class("-finding"))


@pytest.mark.parametrize(("columns", "name"), [(70, "dataset_repeats"), (80, "validation_seed")])
async def test_a_click_moves_and_a_second_click_edits(runner, until, form_of, columns, name) -> None:
    async with runner.run((columns, 24)) as pilot:
        # The plan and the memory come behind the form, and take lines of it.
        editor = runner.app.bake_screen.editor
        await until(pilot, lambda: editor.view is not None and not editor.peak.pending)
        form = await form_of(runner, pilot, until, "subject")
        await pilot.click(FieldList, offset=(6, 10))
        assert form.focused_info.name == name
        await pilot.click(FieldList, offset=(6, 10))
        await until(pilot, lambda: form.editing == name)


async def test_ctrl_s_keeps_an_open_edit_and_saves_it(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "network_dim")
        await pilot.press("enter", "1", "6", "ctrl+s")
        await until(pilot, lambda: load_settings(runner.workspace.root / "hifumi.toml").network_dim == 16)
        assert form.editing == ""


async def test_ctrl_s_saves_nothing_while_an_open_edit_is_wrong(runner, until, form_of, seen) -> None:
    before = (runner.workspace.root / "hifumi.toml").read_bytes()
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "network_dim")
        await pilot.press("enter", "0", "ctrl+s")
        await until(pilot, lambda: "✗" in seen(runner.app))
        assert form.editing == "network_dim"
    assert (runner.workspace.root / "hifumi.toml").read_bytes() == before


async def test_codes_in_a_value_are_visible_in_the_editor_and_stay_unless_edited(runner, until, form_of, seen) -> None:
    path = runner.workspace.root / "hifumi.toml"
    path.write_text(path.read_text().replace('training_comment = ""', 'training_comment = "a\\u001b[31mb"'))
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "training_comment")
        assert now(runner).training_comment == "a\x1b[31mb"
        await pilot.press("enter")
        await until(pilot, lambda: form.editing)
        assert "a\\x1b[31mb" in seen(runner.app)
        assert "\x1b" not in seen(runner.app)
        await pilot.press("enter")
        await until(pilot, lambda: form.editing == "")
        assert now(runner).training_comment == "a\x1b[31mb"


async def test_a_terminal_that_loses_the_focus_does_not_end_the_edit(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "unet_lr")
        await pilot.press("enter", "0")
        runner.app.post_message(events.AppBlur())
        await until(pilot, lambda: not runner.app.app_focus)
        runner.app.post_message(events.AppFocus())
        await until(pilot, lambda: runner.app.app_focus)
        assert form.pending == ("unet_lr", "0")
        await pilot.press("escape")
        await until(pilot, lambda: form.editing == "")


async def test_an_answer_to_an_older_question_is_dropped(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        await form_of(runner, pilot, until, "unet_lr")
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.post_message(Planned(0, None, SettingsError("unet_lr", found="of long ago")))
        await pilot.pause()
        assert runner.app.bake_screen.editor.error is None


async def test_keys_of_one_read_act_in_the_order_they_were_typed(runner, until, form_of) -> None:
    async with runner.run() as pilot:
        form = await form_of(runner, pilot, until, "max_train_epochs")
        await pilot.press("enter")
        await until(pilot, lambda: form.editing == "max_train_epochs" and runner.app.focused.id == "editor")
        # As a terminal's read hands them over: all at once, none waiting for the one before.
        for key in ("backspace", "7", "5", "backspace", "left", "1", "ctrl+e", "2"):
            runner.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: form.pending == ("max_train_epochs", "172"))
        runner.app.post_message(events.Key("enter", "\r"))
        await until(pilot, lambda: now(runner).max_train_epochs == 172)


async def test_a_long_row_of_choices_is_a_list_and_defaults_follow_what_is_taken(runner, until, form_of, seen) -> None:
    async with runner.run(size=(120, 36)) as pilot:
        form = await form_of(runner, pilot, until, "behave_like")
        assert "enter lists them" in seen(runner.app)
        await pilot.press("enter")
        await until(pilot, lambda: "anon-1337 script 1.13, 2023-01-24, on sd-scripts 0.4.0" in seen(runner.app))
        await pilot.press("6")
        await until(pilot, lambda: now(runner).behave_like == "anon-1337 2023-02")
        # The demo's file sets the dim itself; the power stood at our default, which is the script's too.
        assert now(runner).network_dim == 8
        await until(pilot, lambda: "like anon-1337 2023-02 · " in seen(runner.app))
        form.go_to("network_alpha")
        await until(pilot, lambda: "default: 1 (of" in seen(runner.app))
