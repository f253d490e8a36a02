"""What is measured on pictures of a base whose weights are changed, on a family that only its file knows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import tiny_flow
import torch

from trainer.families.registry import FAMILIES
from trainer.grid.probe_pictures import ProbeSet, probe_set
from trainer.grid.recipe import ComputeSetup, fingerprint
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_pictures import AGAINST_TRAINING, OF_PICTURES, PICTURE_SET
from trainer.measures.registry import MEASURES
from trainer.models.engines import load_base
from trainer.models.identify import identify_base
from trainer.models.latent_files import LatentFiles
from trainer.probes.picture_probe import PictureProbe, ProbedModel
from trainer.settings.model import Settings
from trainer.settings.subject import Subject, save_subject

SETUP = ComputeSetup("cpu", "fp32")
SUBJECT = Subject(
    trigger="ruru",
    prompts={"a": "ruru, sea, boat", "b": "hill, tree"},
    outfits={"3_coat": "coat", "2_cape": "cape"},
    seeds=[5],
)


class Bench:
    """A tiny base whose body a test changes in place of a LoRA, and what is said and kept meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = identify_base(str(tiny_flow.write_base(folder / "flow.safetensors")))
        self.model = load_base(self.base, device="cpu", dtype=torch.float32)
        self.said: list[str] = []
        self.off = 0
        self._before = [weight.clone() for weight in self.model.body.parameters()]
        (folder / "subjects").mkdir()

    def change(self, by: float) -> None:
        """Let the body's weights be those of the base and so much of noise."""
        draws = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight, before in zip(self.model.body.parameters(), self._before, strict=True):
                weight.copy_(before + by * torch.randn(weight.shape, generator=draws))

    @contextmanager
    def without(self) -> Iterator[None]:
        self.off += 1
        changed = [weight.clone() for weight in self.model.body.parameters()]
        self.change(0.0)
        yield
        with torch.no_grad():
            for weight, value in zip(self.model.body.parameters(), changed, strict=True):
                weight.copy_(value)

    def wanted(self, subject: Subject = SUBJECT, folders: Sequence[str] = ("3_coat", "2_cape")) -> ProbeSet:
        save_subject(subject, self.folder / "subjects" / "who.toml")
        settings = Settings(
            subject="who", measure_pictures=True, pretrained_model_name_or_path=str(self.base.path), sample_steps=3
        )
        near = self.folder / "who.toml"
        return probe_set(settings, near, self.base, "flow", zero_terminal_snr=False, folders=folders)

    def probe(self, subject: Subject = SUBJECT) -> PictureProbe:
        draws = torch.Generator().manual_seed(1)
        training = {
            folder: [torch.randn((6, 16, 12), generator=draws) + place for _ in range(3)]
            for place, folder in enumerate(("3_coat", "2_cape"))
        }
        wanted = self.wanted(subject)
        marks = [fingerprint(picture.recipe, SETUP, lambda path: "0") for picture in wanted.pictures]
        kept = LatentFiles(self.folder / "kept", self.said.append)
        return PictureProbe(
            ProbedModel(self.model, self.without, SETUP), wanted, marks, kept, training, self.said.append
        )


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setitem(FAMILIES, tiny_flow.FAMILY.key, tiny_flow.FAMILY)
    return Bench(tmp_path)


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


never: Callable[[], bool] = partial(bool, 0)


def of_step(values: Sequence[MeasuredValue], step: int, scope: str = "") -> dict[str, MeasuredValue]:
    return {value.name: value for value in values if value.step == step and value.scope == scope}


def test_a_lora_that_changes_nothing_makes_the_bases_pictures(bench: Bench) -> None:
    values = bench.probe().measure(4, quiet, never)
    mine, base = of_step(values, 4), of_step(values, 0)
    for ending in ("", "_pixels"):
        assert (mine[f"drift{ending}"].value, mine[f"bleed{ending}"].value) == (0, 0)
        assert mine[f"token_effect{ending}"].value == base[f"token_effect{ending}"].value
        assert (mine[f"high_frequency{ending}"].value, mine[f"saturation{ending}"].value) == (1, 1)
    assert (mine["token_effect"].value or 0) > 0
    assert mine["static"].value == 0
    assert bench.said[-1].startswith("pictures after step 4: drift 0.00, token effect ")
    assert bench.said[-1].endswith("no static")


def test_a_change_is_seen_in_latents_and_pixels_with_an_interval_over_its_pictures(bench: Bench) -> None:
    probe = bench.probe()
    probe.measure(0, quiet, never)
    sizes: list[float] = []
    for step, by in ((1, 0.02), (2, 0.2)):
        bench.change(by)
        values = of_step(probe.measure(step, quiet, never), step)
        for name in ("drift", "drift_pixels", "bleed", "bleed_pixels", "token_effect", "outfit_seen"):
            value = values[name]
            assert value.value is not None and value.low is not None and value.high is not None
            assert value.low <= value.value <= value.high
        sizes.append(values["drift"].value or 0)
        # Two seeds of one prompt and of two outfits; of the prompt without the token and of the one for something else.
        assert (values["drift"].count, values["bleed"].count, values["token_effect"].count) == (6, 4, 2)
    assert 0 < 3 * sizes[0] < sizes[1]


def test_every_value_is_one_of_a_record_and_every_record_is_made(bench: Bench) -> None:
    values = bench.probe().measure(2, quiet, never)
    names = {record.key for record in OF_PICTURES}
    assert {value.name for value in values} == names | {PICTURE_SET}
    assert set(PictureProbe.names) == names
    for value in values:
        if value.name == PICTURE_SET:
            continue
        record = MEASURES[value.name]
        assert bool(record.scopes) or not value.scope, value
        assert not record.by_part and not value.part
    keys = [(value.step, value.name, value.part, value.scope) for value in values]
    assert len(set(keys)) == len(keys)
    matrix = [value.scope for value in values if value.name == "outfit_distance" and value.step == 2]
    assert matrix == ["3_coat × 3_coat", "3_coat × 2_cape", "2_cape × 3_coat", "2_cape × 2_cape"]
    assert of_step(values, 0, AGAINST_TRAINING)["outfit_seen"].count == 6


def test_without_a_token_and_outfits_nothing_is_said_of_them(bench: Bench) -> None:
    values = bench.probe(Subject(prompts={"a": "sea", "b": "hill"})).measure(2, quiet, never)
    names = {value.name.removesuffix("_pixels") for value in values}
    assert names == {"drift", "high_frequency", "saturation", "static", PICTURE_SET}
    assert bench.said[-1] == "pictures after step 2: drift 0.00, no static"


def test_the_bases_pictures_are_made_once_and_found_by_the_next_bake(bench: Bench) -> None:
    first = bench.probe().measure(3, quiet, never)
    bench.change(0.1)
    again = bench.probe().measure(3, quiet, never)
    assert bench.off == 1
    assert [line for line in bench.said if "of the base" in line] == [
        "10 pictures of the base to compare with: 10 made, 0 found",
        "10 pictures of the base to compare with: 0 made, 10 found",
    ]
    assert of_step(first, 0) == of_step(again, 0)
    assert (of_step(again, 3)["drift"].value or 0) > 0


def test_it_says_how_far_it_is_over_all_that_it_makes(bench: Bench) -> None:
    shown: list[tuple[int, int]] = []
    probe = bench.probe()
    for _ in range(2):
        probe.measure(3, lambda done, total: shown.append((done, total)), never)
    assert shown == [*((done, 20) for done in range(1, 21)), *((done, 10) for done in range(1, 11))]


def test_a_damaged_picture_of_the_base_is_made_again(bench: Bench) -> None:
    first = bench.probe().measure(3, quiet, never)
    files = sorted((bench.folder / "kept").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"\x07")
    files[1].write_bytes(b"")
    assert bench.probe().measure(3, quiet, never) == first
    assert any(line.startswith("2 damaged files in ") and line.endswith(": made again") for line in bench.said)
    assert bench.said[-2] == "10 pictures of the base to compare with: 2 made, 8 found"


@pytest.mark.parametrize("looks", [0, 6, 12])
def test_a_stop_ends_it_between_two_sampling_steps_and_leaves_no_value(bench: Bench, looks: int) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(len(asked) >= looks)
        return asked[-1]

    probe = bench.probe()
    assert probe.measure(3, quiet, stop) == ()
    # It is not asked again once it has said so but by those who pass it on.
    assert asked.count(True) <= 3
    assert of_step(probe.measure(3, quiet, never), 3)["drift"].value == 0


def test_another_set_of_pictures_has_another_number(bench: Bench) -> None:
    sets = [
        of_step(bench.probe(subject).measure(0, quiet, never), 0)[PICTURE_SET].value
        for subject in (SUBJECT, SUBJECT.model_copy(update={"seeds": [6]}), SUBJECT)
    ]
    assert sets[0] == sets[2] != sets[1]


def test_pictures_that_are_no_numbers_are_counted_and_have_no_values(bench: Bench) -> None:
    probe = bench.probe()
    probe.measure(0, quiet, never)
    bench.change(float("nan"))
    values = of_step(probe.measure(5, quiet, never), 5)
    assert (values["static"].value, values["static"].count) == (1, 10)
    assert values["drift"] == MeasuredValue(step=5, name="drift")
    assert bench.said[-1] == "pictures after step 5: static in 10 of 10 pictures"


def test_static_is_found_where_pictures_are_far_finer_than_any_that_are_known(bench: Bench) -> None:
    probe = bench.probe()
    probe.measure(0, quiet, never)
    bench.change(0.05)
    assert of_step(probe.measure(1, quiet, never), 1)["static"].value == 0
    with torch.no_grad():
        # What is predicted of each latent ten times over: the noise that it starts from is thrown far beyond the picture.
        for weight in bench.model.body.out.parameters():
            weight.mul_(-10)
    values = of_step(probe.measure(2, quiet, never), 2)
    assert (values["static"].value or 0) > 0.5
    assert (values["high_frequency"].value or 0) > 4 and (values["high_frequency_pixels"].value or 0) > 1


def test_a_value_depends_on_nothing_that_was_measured_before(bench: Bench) -> None:
    probe = bench.probe()
    probe.measure(1, quiet, never)
    bench.change(0.3)
    probe.measure(2, quiet, never)
    bench.change(0.1)
    later = of_step(probe.measure(3, quiet, never), 3)
    alone = of_step(bench.probe().measure(3, quiet, never), 3)
    assert later == alone
