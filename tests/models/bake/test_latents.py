import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import trainer.bake.latents
from trainer.bake.latents import encode_pictures
from trainer.dataset.pixels import load_pixels
from trainer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("nothing_kept")


def test_latents_come_by_bucket_whatever_the_batch(make_settings: Any, open_session: Callable[..., Any]) -> None:
    with open_session(make_settings()) as (session, planned):
        by_one = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 1))
        by_four = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))
    shapes = {planned.data.pictures[index].path.stem: tuple(one.latents.shape) for index, one in by_one.items()}
    # 64×96 pixels fall into the bucket 32×96 or 64×96, a quarter of it as latents; the bucket's width comes last.
    assert shapes["a"] == (4, 16, 16)
    assert shapes["d"][1] > shapes["d"][2]
    assert sorted(by_one) == [0, 1, 2, 3, 4]
    assert all(torch.allclose(by_one[index].latents, by_four[index].latents, atol=1e-5) for index in by_one)


def test_latents_that_are_not_finite_name_the_picture(
    make_settings: Any, open_session: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_session(make_settings()) as (session, planned):
        session.model.vae.quant_conv.bias.data[0] = float("nan")
        with pytest.raises(DatasetError, match=r"d\.png: the base's VAE encodes it to NaN or infinity"):
            list(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 2))


def test_a_picture_spoiled_after_the_scan_is_named(
    make_settings: Any, open_session: Callable[..., Any], tmp_path: Path, pictures: Path
) -> None:
    import shutil

    shutil.copytree(pictures / "train", tmp_path / "train")
    with open_session(make_settings(train_data_dir=str(tmp_path / "train"))) as (session, planned):
        (tmp_path / "train" / "2_red" / "b.png").write_bytes(b"no picture any more")
        with pytest.raises(DatasetError, match=r"b\.png: unreadable picture"):
            list(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))


def test_the_next_pictures_are_decoded_while_others_are_encoded(
    make_settings: Any, open_session: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, third = [], threading.Event()

    def read(picture: Any, placement: Any) -> Any:
        begun.append(picture.path)
        if len(begun) == 3:
            third.set()
        return load_pixels(picture, placement)

    monkeypatch.setattr(trainer.bake.latents, "load_pixels", read)
    with open_session(make_settings()) as (session, planned):
        encode, waited = session.model.encode_pictures, []

        def encoded(pixels: torch.Tensor) -> torch.Tensor:
            # The first one waits for the pictures behind it, which would never come if it held them up.
            waited.append(third.wait(30))
            return encode(pixels)

        monkeypatch.setattr(session.model, "encode_pictures", encoded)
        list(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 1))
    assert waited == [True] * 5
    assert len(begun) == 5


def test_who_asks_for_no_more_latents_has_no_more_pictures_decoded(
    make_settings: Any, open_session: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    monkeypatch.setattr(trainer.bake.latents, "load_pixels", lambda *each: begun.append(each) or load_pixels(*each))
    with open_session(make_settings()) as (session, planned):
        found = encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 1)
        next(found)
        found.close()
    assert len(begun) <= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pictures")]
