"""Hostile files and pastes: one clear line or a report, in little time and memory, with nothing run and nothing followed."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import script_sources as sources

from trainer.errors import ExitCode, LoraTuiError
from trainer.interop.documents import MAX_PLAIN, open_document, read_document
from trainer.interop.importer import Imported, import_documents
from trainer.interop.report import report_json, report_lines
from trainer.interop.syntax import shell, yaml_text

# Two seconds, less what the command's start takes.
SECONDS, MEMORY = 1.3, 300 * 2**20
# The interpreter with the libraries that `lora-tui import` loads.
_LOADED = 110 * 2**20

TEXT, YAML, SCRIPT = MAX_PLAIN - 1, yaml_text.MAX_CHARACTERS - 1, shell.MAX_CHARACTERS - 1
"""Characters just below what is read of a text, of YAML and of a script."""


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """Let the process take no more than what a command may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + MEMORY - _LOADED, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def imported(raw: bytes) -> Imported:
    return import_documents([read_document(raw, "given")], exists=lambda path: False)


def filled(start: str, piece: str, end: str = "", size: int = SCRIPT) -> bytes:
    return (start + piece * ((size - len(start) - len(end)) // len(piece)) + end).encode()


def numbered(start: str, piece: str, count: int, end: str = "") -> bytes:
    return (start + "".join(piece.replace("#", str(number)) for number in range(count)) + end).encode()


MARKS = '"training_method": "LORA", "model_type": "STABLE_DIFFUSION_15"'
RUN = "accelerate launch train_network.py "

HOSTILE = {
    "JSON in brackets": filled('{"a": ', "[", size=TEXT),
    "JSON in tables": filled("", '{"a":', size=TEXT),
    "JSON of many keys": numbered("{" + MARKS, ', "k#": 1', 30_000, "}"),
    "JSON of one key again and again": filled("{" + MARKS, ', "lora_rank": 1', "}", TEXT),
    "JSON with a long key": filled("{" + MARKS + ', "', "k", '": 1}', TEXT),
    "JSON with a long value": filled("{" + MARKS + ', "base_model_name": "', "v", '"}', TEXT),
    "JSON with a long path": filled("{" + MARKS + ', "output_model_destination": "', "/a", '"}', TEXT),
    "JSON with escapes": filled("{" + MARKS + ', "base_model_name": "', "\\u001b", '"}', TEXT),
    "JSON with a long number": filled("{" + MARKS + ', "lora_rank": ', "9", "}", 100_000),
    "JSON with a long number as text": filled("{" + MARKS + ', "lora_rank": "', "9", '"}', 100_000),
    "JSON with commas": filled("{" + MARKS, ",", "}", TEXT),
    "JSON with slashes": filled("{" + MARKS, "/", "}", TEXT),
    "JSON with open comments": filled("{" + MARKS, "/*", "}", TEXT),
    "JSON with quotes": filled('{"a": "', '\\"', size=TEXT),
    "JSON with many concepts": numbered("{" + MARKS + ', "concepts": [{}', ', {"path": "p#"}', 2_000, "]}"),
    "JSON with many processes": numbered('{"config": {"process": [{}', ', {"type": "#"}', 4_000, "]}}"),
    "JSON with many sizes": numbered('{"train": {}, "datasets": [{"resolution": [1', ", #", 40_000, "]}]}"),
    "JSON of comments alone": filled("", "// a\n", size=TEXT),
    "YAML in brackets": filled("network: ", "[", size=YAML),
    "YAML in tables": filled("network: ", "{a: ", size=YAML),
    "YAML deeper with each line": b"".join(b" " * at + b"a:\n" for at in range(700)),
    "YAML of many keys": numbered("network:\n", "  k#: 1\n", 15_000),
    "YAML with dashes": filled("train:\n  ", "- ", size=YAML),
    "YAML with colons": filled("train: ", ": ", size=YAML),
    "YAML with an open quote": filled('train: "', "a\n", size=YAML),
    "YAML in a long line": filled("network:\n  type: ", "x ", "\ntrain:\n  lr: 1\n", size=YAML),
    "YAML with blank lines": filled("network:\n", "\n", "train: {lr: 1}", size=YAML),
    "YAML with comments": filled("network: {rank: 1}\n", "# a\n", "train: {lr: 1}", size=YAML),
    "YAML with documents": filled("train: 1\n", "---\n", size=YAML),
    "YAML with anchors": b"network: &a [1]\ntrain: *a\n",
    "YAML with anchors in anchors": numbered("a0: &a0 [x]\n", "b#: &b# [*a0, *a0]\n", 300),
    "variables in many lines": numbered("", "$v# = 1\n", 20_000),
    "a variable that doubles": filled("$a = 'xxxxxxxxxx'\n", '$a = "$a$a"\n'),
    "a list that doubles": filled("$a = @('x')\n", "$a += $a\n"),
    "a list that grows": filled("$a = @('x')\n", "$a += 'x'\n"),
    "a text of variables": filled("$is_random_seed = 1\n$ckpt = '" + "x" * 900 + "'\n$vae_path = \"", "$ckpt", '"\n'),
    "a text of quotes": filled("$ckpt = ", '"'),
    "a text of both quotes": filled("$ckpt = ", "\"'"),
    "a text of escapes": filled('$ckpt = "', "`n", '"\n'),
    "a text of computed parts": filled('$ckpt = "', "$(", '"\n'),
    "a sum of texts": filled('$is_random_seed = 1\n$ckpt = "a"', ' + "b"'),
    "a line that goes on": filled("$ckpt = 1", " `\n"),
    "an open list": filled("$script_paths = @(\n", '"a",\n'),
    "a list in a line": filled("$script_paths = @(", '"a",', ")"),
    "open comments": filled("", "<#"),
    "comments": filled("", "<# a #>"),
    "blocks": filled("", "if (1) {\n"),
    "a line of signs": filled("$a ", "="),
    "a line of blanks": filled("$a", " ", "= 1"),
    "a line of backslashes": filled('$ckpt = "', "\\", '"'),
    "options in a line": filled(RUN, "--a "),
    "options in lines": filled(RUN + "`\n", "--a `\n"),
    "values of an option": filled(RUN + "--a ", "1 "),
    "values that are joined": filled(RUN + "--network_args ", "conv_dim=1 "),
    "options from a list": filled("$a = @(" + "'--x=1'," * 900 + "'y')\n" + RUN, "$a "),
    "options from a text": filled("$a = '" + "--x=1 " * 900 + "'\n" + RUN, "$a "),
    "a batch file that doubles": filled("@echo off\nset A=xxxxxxxxxxxxxxxx\n", "set A=%A%%A%\n", RUN + "--a=%A%\n"),
    "a bash script that doubles": filled("#!/bin/bash\nA=xxxxxxxxxxxxxxxx\n", 'A="$A$A"\n', RUN + "--a=$A\n"),
    "an option of dashes": filled(RUN + "--", "-"),
    "an option of points": filled(RUN + "--a", ".a"),
    "a number that never ends": filled("$is_random_seed = 1\n$lr = ", "0", "!"),
    "YAML with a number that never ends": filled("train:\n  lr: ", "0", "!\nmodel: {a: 1}\n", YAML),
    "a word of scripts' names": filled("", "train", "! --a"),
    "a word of scripts' names and networks'": filled("accelerate launch ", "trainlora", "! --a=1"),
    "a batch file's blanks": filled("@echo off\nset A=", " ", "x\n" + RUN + "--a=1\n"),
    "900 open comments": filled("$is_random_seed = 1\n" + "<#" * 900, "a "),
    "arguments without values": filled(RUN + '--optimizer_args "', ", ", '"'),
    "TOML in brackets": filled("network_dim = ", "[", size=TEXT),
    "TOML with dots": filled("", "a.", "b = 1", TEXT),
    "an infotext of brackets": filled("a\n", "(x:1", "\nSteps: 20, Sampler: Euler, Seed: 1\n"),
    "bytes": bytes(range(256)) * 2_000,
    "zeros": b"\0" * TEXT,
    "line breaks": b"\n" * TEXT,
    "UTF-16 without a mark": sources.ANON_NEW.decode().encode("utf-16-le"),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_takes_little_time_and_memory_and_ends_in_a_line_or_a_report(raw: bytes) -> None:
    started = time.process_time()
    try:
        made = imported(raw)
        assert made.settings is not None
        json.dumps(report_json(made.report))
        report_lines(made.report)
    except LoraTuiError as error:
        assert error.exit_code == ExitCode.USAGE
        assert "\n" not in str(error) and str(error).startswith("given")
    assert time.process_time() - started < SECONDS


def test_a_file_of_200_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    with path.open("wb") as file:
        file.write(b"{" + MARKS.encode() + b"}")
        file.truncate(200 * 10**6)
    started = time.process_time()
    with pytest.raises(LoraTuiError, match="at most") as caught:
        open_document(path)
    assert str(path) in str(caught.value) and time.process_time() - started < 0.5


TRUNCATED = {
    "anon-1337": sources.ANON_NEW,
    "legacy": sources.LEGACY,
    "dreambooth extension": sources.DREAMBOOTH_NEW,
    "OneTrainer": sources.ONETRAINER_NEW,
    "ai-toolkit, YAML": sources.AI_TOOLKIT_OLD,
    "ai-toolkit, JSON": sources.AI_TOOLKIT_NEW,
    "cloneofsimo": sources.PTI,
}


@pytest.mark.parametrize("raw", TRUNCATED.values(), ids=TRUNCATED)
def test_a_file_cut_anywhere_is_one_line_with_its_place_or_a_report(raw: bytes) -> None:
    for at in range(1, len(raw), max(1, len(raw) // 24)):
        try:
            made = imported(raw[:at])
        except LoraTuiError as error:
            assert "\n" not in str(error) and str(error).startswith("given"), at
            if raw.lstrip().startswith(b"{"):
                assert " line " in str(error) or "no trainer" in str(error), (at, str(error))
        else:
            assert made.settings is not None


PLACES = {
    "a tag": (b"network:\n  type: !!python/object/apply:os.getcwd []\ntrain: {lr: 1}\n", "given line 2: a tag"),
    "a tag of one's own": (b"train:\n  lr: 1\nmodel:\n  arch: !mine sd1\n", "given line 4: a tag"),
    "an anchor": (b"network:\n  rank: 1\ntrain: &a\n  lr: 1\n", "given line 3: an anchor"),
    "an alias": (b"network: {rank: 1}\ntrain: *a\n", "given line 2: an alias"),
    "an open quote in YAML": (b"network:\n  type: 'lora\ntrain:\n  lr: 1\n", "given line "),
    "a tab in YAML": (b"network:\n\ttype: lora\ntrain:\n  lr: 1\n", "given line 2: "),
    "a missing comma in JSON": (b'{\n"training_method": "LORA"\n"lora_rank": 4\n}', "given line 3: broken JSON"),
    "JSON cut off": (b'{\n"training_method": "LORA",\n"unet": {\n"train": tr', "given line 4: broken JSON"),
    "levels": (b'{"unet": ' + b'{"a": ' * 40 + b"1" + b"}" * 41, "given: more than 32 levels"),
}


@pytest.mark.parametrize(("raw", "said"), PLACES.values(), ids=PLACES)
def test_what_is_wrong_is_named_with_its_line(raw: bytes, said: str) -> None:
    with pytest.raises(LoraTuiError) as caught:
        imported(raw)
    assert str(caught.value).startswith(said)


CONTROL = "\x1b[31mred\x07\x08\r\nnetwork_dim = 999\n[network]\u2028\u202e\x00"

CONTROLLED = {
    "OneTrainer": json.dumps(
        {"training_method": "LORA", "model_type": CONTROL, "base_model_name": CONTROL, f"my {CONTROL}": CONTROL}
    ),
    "ai-toolkit": json.dumps(
        {"train": {"lr": CONTROL, "optimizer": CONTROL}, "model": {f"my {CONTROL}": CONTROL}, "datasets": []}
    ),
    "dreambooth extension": json.dumps(
        {"use_lora": True, "hflip": CONTROL, "lora_unet_rank": CONTROL, "stop_text_encoder": CONTROL, CONTROL: 1}
    ),
    "anon-1337": "$is_random_seed = 0\n$ckpt = \"\x1b[31m\x07\u202e\"\n$my_\u202enote = '\x1b]0;x\x07'\n$lr\x1b = 1\n",
    "a command": f'{RUN}--pretrained_model_name_or_path="\x1b[31m\u202e" --my_\x1b[2J="\x07" --network_dim=\x1b\n',
}


@pytest.mark.parametrize("text", CONTROLLED.values(), ids=CONTROLLED)
def test_control_characters_are_visible_everywhere_and_end_no_comment(text: str) -> None:
    made = imported(text.encode("utf-8", "surrogatepass"))
    lines = [*report_lines(made.report), *made.text.split("\n"), *made.data_set_text.split("\n")]
    for line in lines:
        assert line.isprintable() or not line, line
    # JSON has the values themselves, with every control character escaped.
    assert json.dumps(report_json(made.report)).isprintable()
    assert "network_dim" not in made.values or made.values["network_dim"] != 999
    assert made.settings.network_dim != 999


def test_a_comment_never_becomes_a_setting() -> None:
    for raw in (
        json.dumps({"training_method": "LORA", "model_type": "x", "note": 'a"\nnetwork_dim = 7\n#'}),
        json.dumps({"training_method": "LORA", "model_type": "x", 'k = 1\nnetwork_dim = 7 #"""': 1}),
        "$is_random_seed = 0\n$note = 'a`nnetwork_dim = 7'\n",
        'network: {type: lora}\ntrain: {lr: 1}\nnote: "x\\nnetwork_dim = 7"\n',
    ):
        made = imported(raw.encode())
        assert "network_dim" not in made.values
        assert made.settings.network_dim != 7


RUNS = {
    "anon-1337": '$is_random_seed = 0\n$ckpt = "$(touch {mark})"\n$vae_path = `touch {mark}`\n$seed = & touch {mark}\n',
    "legacy": "$a = $(New-Item {mark})\n"
    + RUN
    + "--network_dim=$(touch {mark}) --seed=`touch {mark}` ; touch {mark}\n",
    "bash": "#!/bin/bash\nA=$(touch {mark})\nlora_pti --lora_rank=$(touch {mark}) --instance_data_dir=`touch {mark}` "
    "--learning_rate_text=${{X:-$(touch {mark})}}\n",
    "batch": "@echo off\nfor /f %%i in ('copy nul {mark}') do set A=%%i\n" + RUN + "--seed=%A% & copy nul {mark}\n",
    "YAML": "network: !!python/object/apply:os.system ['touch {mark}']\ntrain: {{lr: 1}}\n",
    "YAML, new": "network: !!python/object/new:pathlib.Path ['{mark}']\ntrain: {{lr: 1}}\n",
    "JSON": '{{"training_method": "LORA", "model_type": "x", "lora_rank": "__import__(\'os\').system(\'touch {mark}\')", '
    '"custom_learning_rate_scheduler": "os.system", "scheduler_params": [{{"key": "a", "value": "open(\'{mark}\',\'w\')"}}]}}',
}


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS)
def test_nothing_in_a_file_is_run(text: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    try:
        imported(text.format(mark=mark).encode())
    except LoraTuiError as error:
        assert "\n" not in str(error)
    assert list(tmp_path.iterdir()) == []


class _Opened:
    """What the process opened, lists or starts while it is noted; an audit hook cannot be taken off again."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.on = False
        sys.addaudithook(self._note)

    def _note(self, event: str, args: tuple[object, ...]) -> None:
        if self.on and event in ("open", "os.listdir", "os.scandir", "socket.connect", "subprocess.Popen", "os.system"):
            self.noted.append(str(args[0]))


def test_nothing_that_a_file_names_is_opened(tmp_path: Path) -> None:
    there = tmp_path / "named"
    there.mkdir()
    for name in ("concepts.json", "base.safetensors", "next.ps1", "samples.json"):
        (there / name).write_text("{}")
    extension = {"use_lora": True, "hflip": True, "stop_text_encoder": 1, "use_concepts": True}
    texts: dict[str, dict[str, object]] = {
        "a.json": {
            "training_method": "LORA",
            "model_type": "x",
            "concept_file_name": f"{there}/concepts.json",
            "base_model_name": f"{there}/base.safetensors",
            "sample_definition_file_name": f"{there}/samples.json",
            "concepts": [{"path": str(there)}],
        },
        "b.json": extension | {"concepts_path": f"{there}/concepts.json", "src": f"{there}/base.safetensors"},
        "c.json": {
            "train": {},
            "model": {},
            "datasets": [{"folder_path": str(there), "random_triggers": f"{there}/samples.json"}],
        },
    }
    for name, values in texts.items():
        (tmp_path / name).write_text(json.dumps(values))
    script = f'$is_random_seed = 0\n$script_paths = @("{there}/next.ps1")\n$image_dir = "{there}"\n'
    (tmp_path / "d.ps1").write_text(script)
    opened = _Opened()
    for name in (*texts, "d.ps1"):
        opened.on = True
        import_documents([open_document(tmp_path / name)])
        opened.on = False
    assert {each for each in opened.noted if str(tmp_path) in each} == {
        str(tmp_path / name) for name in (*texts, "d.ps1")
    }


def test_names_like_those_of_python_s_own_objects_are_keys_like_others() -> None:
    text = {
        "training_method": "LORA",
        "model_type": "x",
        "__proto__": {"network_dim": 7},
        "__class__": "x",
        "constructor": {"prototype": 1},
        "unet.train": False,
        "unet": {"train": True, "__dict__": 1},
    }
    made = imported(json.dumps(text).encode())
    assert [key.key for key in made.report.of("unknown")] == [
        "__proto__.network_dim",
        "__class__",
        "constructor.prototype",
        "unet.__dict__",
    ]
    assert made.report.count_line().startswith("8 keys: ")
    assert "network_dim" not in made.values


def test_numbers_that_are_none_set_nothing() -> None:
    text = (
        "{"
        + MARKS
        + ', "lora_rank": NaN, "learning_rate": Infinity, "lora_alpha": -Infinity, "batch_size": 1e999, "epochs": 1e300,'
        ' "learning_rate_warmup_steps": NaN, "max_noising_strength": Infinity, "concepts": [{"path": "a", "balancing": NaN}],'
        ' "unet": {"stop_training_after": Infinity, "stop_training_after_unit": "STEP"}, "save_every": NaN, "save_every_unit": "STEP"}'
    )
    made = imported(text.encode())
    for name in (
        "network_dim",
        "learning_rate",
        "network_alpha",
        "train_batch_size",
        "unet_stop",
        "save_every_n_steps",
    ):
        assert name not in made.values, name
    assert made.settings is not None
