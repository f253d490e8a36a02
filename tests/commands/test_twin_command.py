"""`lora-tui twin` queues a bake with other random numbers, `floor` shows its noise, `diff` holds two bakes against it."""

import json
import re

from lora_of_numbers import Layer, write_lora_of_numbers
from made_twins import add_bake

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.settings.random_numbers import RandomSource
from trainer.settings.toml_file import parse_settings
from trainer.workspace import Workspace


def test_twins_are_queued_with_their_seeds_and_wait(lora_tui_here, demo: Workspace, short: list[str]) -> None:
    assert lora_tui_here("queue", "add", "hifumi.toml", *short, folder=demo.root).returncode == 0
    told = lora_tui_here("twin", "1", "--vary", "noise", "--count", "2", "--hold", folder=demo.root)
    assert told.returncode == 0, told.stderr
    first, second, engine = told.stdout.splitlines()
    assert re.fullmatch(r"queued bake 2 hifumi: twin of 1: other noise \(noise_seed \d+\)", first)
    assert second.startswith("queued bake 3 hifumi: twin of 1: other noise (noise_seed ")
    assert "nothing is processing this queue" in engine
    with Journal(demo.journal_path) as journal:
        twin = journal.bakes.read(2)
    assert (twin.parent, twin.held, twin.state) == (1, True, BakeState.QUEUED)
    assert f"noise_seed {parse_settings(twin.settings_toml, 'x').noise_seed})" in first
    repeat = lora_tui_here("twin", "1", "--vary", "none", folder=demo.root)
    assert "queued bake 4 hifumi: repeat of 1\n" in repeat.stdout
    refused = lora_tui_here("twin", "9", folder=demo.root)
    assert refused.returncode == 2 and "no bake 9" in refused.stderr
    many = lora_tui_here("twin", "1", "--count", "99", folder=demo.root)
    assert many.returncode == 2 and "from 1 to 20" in many.stderr


def test_noise_and_differences_are_told_in_words_and_as_json(lora_tui_here, demo: Workspace) -> None:
    with Journal(demo.journal_path) as journal:
        for seed, loss in enumerate((0.50, 0.51, 0.49)):
            add_bake(journal, losses={10: loss}, seed=seed)
        add_bake(journal, losses={10: 0.9}, network_dim=4)
    told = lora_tui_here("floor", "1", "--in", demo.root)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[:4] == [
        "noise of bake 1 after step 10",
        "twins: 2, 3",
        "  loss: 0.5",
        "    noise ±0.01 (3 bakes)",
    ]
    plain = json.loads(lora_tui_here("floor", "1", "--json", "--in", demo.root).stdout)
    assert plain["family"] == [1, 2, 3] and plain["values"][0]["floor"]["degrees"] == 2
    assert lora_tui_here("floor", "1", "--step", "900", "--in", demo.root).returncode == 2
    assert "  lowest validation loss against the base: " in lora_tui_here("show", "1", "--in", demo.root).stdout
    differ = lora_tui_here("diff", "1", "4", "--in", demo.root).stdout
    assert "  loss: 0.5 → 0.9, 6.6 times outside the noise" in differ
    assert "measures after step 10: of 3 values together, 3 are outside the noise" in differ
    twins = json.loads(lora_tui_here("diff", "1", "2", "--json", "--in", demo.root).stdout)
    assert {each["compared"]["standing"] for each in twins["measures"]["values"]} == {"inside the noise"}
    assert set(RandomSource) == {"init", "order", "noise"}


def test_a_cosine_between_bakes_stands_beside_that_of_twins_or_not_at_all(lora_tui_here, demo: Workspace) -> None:
    layers = {"lora_unet_down_blocks_0_attentions_0_proj_in": Layer(8, 6, 2)}
    with Journal(demo.journal_path) as journal:
        for seed, dim in ((1, 8), (1, 4), (2, 8), (3, 8)):
            number = add_bake(journal, losses={10: 0.5}, seed=seed, network_dim=dim)
            folder = demo.root / journal.bakes.read(number).folder
            folder.mkdir(parents=True)
            write_lora_of_numbers(folder / "x-10.safetensors", layers, near=0.1 * number)
            if number == 2:
                alone = lora_tui_here("diff", "1", "2", "--cosine", "--in", demo.root).stdout
    assert "cosine: not shown, neither has a twin" in alone
    found = json.loads(lora_tui_here("diff", "1", "2", "--cosine", "--json", "--in", demo.root).stdout)["cosine"]
    assert (len(found["twins"]), found["bakes"]) == (3, 3)
    assert all(0 < each < 1 for each in (found["between"], *found["twins"]))
    assert found["words"] in lora_tui_here("diff", "1", "2", "--cosine", "--in", demo.root).stdout
    (demo.root / "bakes" / "0003-x" / "x-10.safetensors").unlink()
    fewer = json.loads(lora_tui_here("diff", "1", "2", "--cosine", "--json", "--in", demo.root).stdout)["cosine"]
    assert (len(fewer["twins"]), fewer["bakes"]) == (1, 2)
