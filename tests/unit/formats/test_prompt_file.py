"""sd-scripts' prompt files: lines, TOML and JSON, and one clear line about what is wrong in them."""

from pathlib import Path

import pytest

from trainer.errors import SettingsError
from trainer.formats.prompt_file import FilePrompt, read_prompt_file

WHOLE = FilePrompt("a girl, smile", "blurry, bad", 512, 768, 7, 28, 7.5, "euler_a")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_line_has_its_words_and_sd_scripts_options(tmp_path: Path) -> None:
    line = "a girl, smile --n blurry, bad --w 512 --h 768 --d 7 --s 28 --l 7.5 --ss euler_a"
    assert read_prompt_file(write(tmp_path, "p.txt", line)) == (WHOLE,)


def test_the_shift_of_a_flow_is_an_option_too(tmp_path: Path) -> None:
    assert read_prompt_file(write(tmp_path, "p.txt", "a --fs 3"))[0].shift == 3
    table = write(tmp_path, "p.json", '[{"prompt": "a", "flow_shift": 3}]')
    assert read_prompt_file(table)[0].shift == 3


def test_comments_and_blank_lines_are_not_prompts(tmp_path: Path) -> None:
    path = write(tmp_path, "p.txt", "\ufeff# mine\n\n  a cat  \n   # another\na dog --d 1\n")
    assert read_prompt_file(path) == (FilePrompt("a cat"), FilePrompt("a dog", seed=1))


@pytest.mark.parametrize("name", ["p.txt", "p.json"])
def test_a_file_in_utf16_is_read_by_its_mark(tmp_path: Path, name: str) -> None:
    text = "a café --d 1" if name == "p.txt" else '[{"prompt": "a café", "seed": 1}]'
    (tmp_path / name).write_bytes(text.encode("utf-16"))
    assert read_prompt_file(tmp_path / name) == (FilePrompt("a café", seed=1),)


def test_words_with_dashes_of_their_own_stay_words(tmp_path: Path) -> None:
    path = write(tmp_path, "p.txt", "well-made, a -- b, x--y, 5 --4\n")
    assert read_prompt_file(path)[0].prompt == "well-made, a -- b, x--y, 5 --4"


def test_a_line_may_be_all_options(tmp_path: Path) -> None:
    assert read_prompt_file(write(tmp_path, "p.txt", "--n blurry --w 64")) == (FilePrompt("", "blurry", 64),)


def test_sides_are_cut_to_eights(tmp_path: Path) -> None:
    found = read_prompt_file(write(tmp_path, "p.txt", "a --w 515 --h 775"))[0]
    assert (found.width, found.height) == (512, 768)


def test_in_toml_every_subset_inherits_the_values_above(tmp_path: Path) -> None:
    text = """
        [prompt]
        negative_prompt = "blurry, bad"
        width = 512
        height = 768
        scale = 7.5
        sample_steps = 28
        sample_sampler = "euler_a"
        [[prompt.subset]]
        prompt = "a girl, smile"
        seed = 7
        [[prompt.subset]]
        prompt = "a boy"
        width = 640
    """
    first, second = read_prompt_file(write(tmp_path, "p.toml", text))
    assert first == WHOLE
    assert (second.prompt, second.width, second.height, second.seed) == ("a boy", 640, 768, None)


def test_a_toml_without_subsets_is_one_prompt(tmp_path: Path) -> None:
    assert read_prompt_file(write(tmp_path, "p.toml", '[prompt]\nprompt = "a"')) == (FilePrompt("a"),)


def test_json_holds_tables_or_lines(tmp_path: Path) -> None:
    text = '[{"prompt": "a girl", "seed": 3, "enum": 0}, "a cat --d 4"]'
    assert read_prompt_file(write(tmp_path, "p.json", text)) == (
        FilePrompt("a girl", seed=3),
        FilePrompt("a cat", seed=4),
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.txt", "a\nb --cn pose.png", r"p\.txt line 2: --cn: unknown option; expected --n, --w"),
        ("p.txt", "a --w wide", r"line 1: width: 'wide'; expected a number from 64 to 4096"),
        ("p.txt", "a --d 1.5", r"line 1: seed: 1\.5; expected a whole number"),
        ("p.txt", "a --d -1", r"seed: '-1'; expected a number from 0 to 4294967295"),
        ("p.txt", "a --s 9e9", "steps"),
        ("p.txt", "a --l nan", "cfg_scale: 'nan'"),
        ("p.txt", "a --fs 0", "shift: '0'; expected a number from 0.01 to 100"),
        ("p.txt", "# nothing\n", "no prompt"),
        ("p.toml", "prompt = ", "not valid TOML"),
        ("p.toml", "a = 1", r"no table \[prompt\]"),
        ("p.toml", "[prompt]\nprompt = 3", r"subset 1: no prompt"),
        ("p.toml", "[prompt]\nsubset = 3", "not a list of tables"),
        ("p.toml", '[prompt]\nprompt = "a"\nwdth = 3', r"wdth: unknown key"),
        ("p.toml", '[prompt]\nprompt = "a"\nwidth = true', r"width: True; expected a number"),
        ("p.json", "{}", "not a list"),
        ("p.json", "[3]", "prompt 1: 3; expected a table"),
        ("p.json", "[" * 100_000, "not valid JSON"),
        ("p.yaml", "a", r"\.yaml"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        read_prompt_file(write(tmp_path, name, text))
    assert "\n" not in raised.value.line()


def test_a_file_that_is_not_there_not_text_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_prompt_file(tmp_path / "none.txt")
    (tmp_path / "a.txt").write_bytes(b"gr\xfcn")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_prompt_file(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_bytes(b"a\n" * 2**20)
    with pytest.raises(SettingsError, match="more than 1 MiB"):
        read_prompt_file(tmp_path / "b.txt")
