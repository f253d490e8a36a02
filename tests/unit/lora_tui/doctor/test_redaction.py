"""Texts without what is private, still worth reading."""

import pytest

from lora_tui.doctor.redaction import Redaction

SECRETS = [
    ("user", "frank"), ("host", "kiln.example.org"), ("path", "/home/frank"), ("tag", "school uniform"), ("tag", "zelda"),
    ("name", "zelda-v2"), ("file", "IMG_2231"), ("caption", "zelda, school uniform, holding a red lantern"), ("tag", "a"), ("tag", "12"),
]  # fmt: skip


@pytest.fixture
def redaction() -> Redaction:
    return Redaction(SECRETS, ["NVIDIA GeForce RTX 3070 Ti"])


@pytest.mark.parametrize(
    "line",
    [
        "saved /home/frank/lora/bakes/0001-zelda/zelda-000003.safetensors",
        "tag `school uniform` is in 63 captions",
        "frank@kiln.example.org: D:\\lora\\frank\\IMG_2231.png cannot be read",
        "picture IMG_2231.png has no caption; “holding a red lantern” is used",
        "~/pictures/zelda/3_Zelda/IMG_2231.txt: not UTF-8",
        "prompt: zelda standing by xyzzyplover, ZELDA",
        "xyzzyplover",
        "3_xyzzyplover: 12 pictures",
        'output_name = "xyzzyplover-v3"',
        "IMG_9931.png and img9932.jpg are no pictures",
    ],
)
def test_nothing_private_is_left(redaction: Redaction, line: str) -> None:
    text = redaction.text(line).lower()
    for secret in ("frank", "kiln", "zelda", "uniform", "lantern", "img_", "img9", "xyzzyplover", "/home", "d:\\"):
        assert secret not in text, text


def test_one_text_has_one_placeholder_wherever_it_stands(redaction: Redaction) -> None:
    first, second = redaction.text("read /data/one/a.png"), redaction.text("wrote /data/one/a.png, then /data/two")
    assert first == "read <path-1>"
    assert second == "wrote <path-1>, then <path-2>"
    assert redaction.path("/data/one/a.png") == "<path-1>"


@pytest.mark.parametrize(
    "line",
    [
        "epoch 3/8  step 734/1616  45 %  1.21 it/s",
        "loss 0.0941, validation 1.2e-4",
        "the bake continues without a screen (pid 4711)",
        "unet_lr 1e-4 and network_dim 64",
        "NVIDIA GeForce RTX 3070 Ti",
        "run `lora-tui resume 3`",
        "Traceback (most recent call last):",
    ],
)
def test_what_the_program_says_itself_stays(redaction: Redaction, line: str) -> None:
    assert redaction.text(line) == line


def test_a_traceback_keeps_what_is_a_librarys_and_loses_what_is_the_users(redaction: Redaction) -> None:
    import click

    place = click.__file__
    with open(place, encoding="utf-8") as file:
        number, line = next((at, text) for at, text in enumerate(file, 1) if text.startswith("from "))
    trace = "\n".join(
        [
            "Traceback (most recent call last):",
            f'  File "{place}", line {number}, in load',
            f"    {line.strip()}",
            '  File "/home/frank/scripts/plovercode.py", line 3, in plover',
            "    open_plover(lantern)",
            "ValueError: no lantern in /home/frank/x",
        ]
    )
    shown = redaction.text(trace).splitlines()
    assert shown[1] == f'  File "<site-packages>/click/__init__.py", line {number}, in load'
    assert shown[2] == f"    {line.strip()}"
    assert shown[3].startswith('  File "<path-')
    assert "plover" not in "\n".join(shown) and "lantern" not in "\n".join(shown)
    assert shown[5].startswith("ValueError: no <")
