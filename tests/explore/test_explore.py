"""``ava explore``: what the server answers, and to whom; the page that needs none; the command."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ava_np
from ava_np.explore.explorer import Explorer
from ava_np.explore.static import static_page
from ava_np.models import Model
from ava_np.run.folder import Run
from tests.command import ava, write_pictures
from tests.explore.requests import Answer, ask

pytest.importorskip("starlette", reason="Starlette is not installed: pip install 'ava-np[explore]'")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'ava-np[explore]'")

from ava_np.explore import server

TOKEN, PORT = "token", 8123
BASE = f"http://127.0.0.1:{PORT}/{TOKEN}/"
PICTURES = np.random.default_rng(0).random((20, 6, 5, 1))


def model(name: str = "vae", latent: int = 3) -> Model:
    """Return a model whose pictures depend on its codes, as those of a new decoder do not."""
    made = ava_np.build(name, (6, 5, 1), hidden=(7,), latent=latent)
    network = made.networks[made.decoder_name]
    network.theta += np.random.default_rng(0).normal(0, 0.5, len(network.theta))
    return made


def get(explorer: Explorer, path: str, base: str = BASE) -> Answer:
    """Ask the server for a file."""
    return ask(server.application(explorer, TOKEN, PORT), "GET", base + path)


def post(explorer: Explorer, path: str, body: Any, base: str = BASE) -> Answer:
    """Send the server bytes, or values as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(server.application(explorer, TOKEN, PORT), "POST", base + path, content)


def picture(content: bytes) -> np.ndarray:
    """Return a PNG file's values."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def test_pictures_are_those_that_the_model_decodes() -> None:
    explorer = Explorer(model(), PICTURES)
    codes = np.random.default_rng(1).normal(size=(4, 3))
    answer = post(explorer, "decode", {"codes": codes.tolist()})
    expected = np.rint(255 * explorer.model.decode(codes))[..., 0]
    assert np.array_equal(picture(answer.content), np.concatenate(list(expected), axis=1))


def test_samples_have_the_codes_that_the_model_draws() -> None:
    explorer = Explorer(model(), PICTURES)
    explorer.model.fit_codes(PICTURES)
    codes = post(explorer, "sample", {"count": 5, "seed": 7}).json()["codes"]
    expected = explorer.model.sample(5, np.random.default_rng((7, 4)))  # as ``ava sample --seed 7`` draws them
    np.testing.assert_allclose(explorer.model.decode(codes), expected, rtol=1e-5)


def test_nearest_pictures_begin_with_the_picture_itself() -> None:
    explorer = Explorer(model(), PICTURES)
    answer = post(explorer, "nearest", {"codes": [explorer.codes[11].tolist()]}).json()
    assert answer["indices"][0] == 11
    assert answer["distances"] == sorted(answer["distances"])
    shown = picture(post(explorer, "pictures", {"indices": [11, 0]}).content)
    assert np.array_equal(shown, np.concatenate(list(np.rint(255 * PICTURES[[11, 0], ..., 0])), axis=1))


def test_a_picture_file_is_prepared_as_those_of_the_run(tmp_path: Path) -> None:
    """Its code is that of the same picture in the run, whatever its size."""
    folder = write_pictures(tmp_path / "photos")
    assert ava("train", folder, "--hidden", "7", "--latent", "3", "--epochs", "1", "--out", tmp_path / "run").code == 0
    run = Run.open(tmp_path / "run")
    pictures = run.pictures()
    explorer = Explorer(run.model(), pictures.array, run)
    name = pictures.names[2]
    answer = post(explorer, "encode", (folder / name).read_bytes()).json()
    np.testing.assert_allclose(answer["code"], explorer.codes[2], atol=1e-6)
    assert answer["picture"].startswith("data:image/png;base64,")
    bad = post(explorer, "encode", b"no picture")
    assert bad.status_code == 400
    assert "picture" in bad.json()["error"]
    assert "/" not in bad.json()["error"]  # no folder of the server


def test_a_walk_is_a_gif_of_its_pictures() -> None:
    explorer = Explorer(model(), PICTURES)
    answer = post(explorer, "walk", {"codes": np.linspace([0, 0, 0], [3, 3, 3], 9).tolist()})
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, getattr(image, "n_frames", 1), image.size) == ("GIF", 9, (5 * 42, 6 * 42))


def test_only_its_own_address_is_answered() -> None:
    """The host as well as the token: a page from elsewhere cannot ask, whatever name it gives this machine."""
    explorer = Explorer(model(), PICTURES)
    assert get(explorer, "").status_code == 200
    assert get(explorer, "facts", BASE.replace("127.0.0.1", "localhost")).status_code == 200
    for base in (
        BASE.replace(TOKEN, "tokem"),
        BASE.replace(f"{TOKEN}/", ""),
        BASE.replace("127.0.0.1", "evil.example"),
        BASE.replace(str(PORT), "80"),
    ):
        assert get(explorer, "facts", base).status_code == 403
        assert post(explorer, "decode", {"codes": [[0, 0, 0]]}, base).status_code == 403


def test_nothing_comes_from_outside() -> None:
    explorer = Explorer(model(), PICTURES)
    for name in ("", "page.js", "page.css"):
        answer = get(explorer, name)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "//" not in answer.content.decode().replace("// ", "").replace("//127", "")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("decode", {"codes": [[0.0, 1.0]]}),
        ("decode", {"codes": []}),
        ("decode", {"codes": 513 * [[0, 0, 0]]}),
        ("decode", {"codes": [[0, 0, "x"]]}),
        ("decode", {"codes": [[0, 0, 1e300]]}),
        ("decode", {}),
        ("sample", {"count": 1_000_000, "seed": 0}),
        ("sample", {"count": 1, "seed": -1}),
        ("pictures", {"indices": [20]}),
        ("pictures", {"indices": [-1]}),
        ("pictures", {"indices": []}),
    ],
)
def test_requests_are_bounded_and_refused_in_one_line(path: str, body: Any) -> None:
    answer = post(Explorer(model(), PICTURES), path, body)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


def test_a_large_body_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY", 1000)
    assert post(Explorer(model(), PICTURES), "encode", b"x" * 2000).status_code == 413


@pytest.mark.parametrize("latent", [1, 2, 5])
def test_the_map_leads_back_to_the_codes(latent: int) -> None:
    """A plane of two numbers is the codes themselves; of others it keeps the distances along its directions."""
    explorer = Explorer(model(latent=latent), PICTURES)
    shown = explorer.map
    back = shown.centre + shown.points @ shown.axes
    if latent <= 2:
        np.testing.assert_allclose(back, explorer.codes, atol=1e-6)
        assert shown.share == pytest.approx(1)
    else:
        lost = ((explorer.codes - back) ** 2).sum() / ((explorer.codes - explorer.codes.mean(axis=0)) ** 2).sum()
        assert lost == pytest.approx(1 - shown.share, rel=1e-4)
        np.testing.assert_allclose(shown.axes @ shown.axes.T, np.eye(2), atol=1e-9)


def test_a_model_without_an_encoder_has_codes_that_are_drawn() -> None:
    explorer = Explorer(model("gan"), PICTURES)
    facts = get(explorer, "facts").json()
    assert (facts["encoder"], facts["pictures"]) == (False, 0)
    assert len(facts["map"]["points"]) > 100
    assert post(explorer, "nearest", {"codes": [[0, 0, 0]]}).json()["indices"] == []
    assert "no encoder" in post(explorer, "encode", b"").json()["error"]


@pytest.mark.parametrize(("latent", "count"), [(2, 15 * 15), (3, 3 * 11), (40, 24 * 11)])
def test_the_static_page_has_the_pictures_along_each_number(latent: int, count: int) -> None:
    explorer = Explorer(model(latent=latent), PICTURES)
    page = static_page(explorer)
    assert page == static_page(Explorer(model(latent=latent), PICTURES))  # the same bytes
    assert page.count(b'type="range"') == min(latent, 24)
    start = page.index(b"data:image/png;base64,") + len(b"data:image/png;base64,")
    sheet = picture(base64.b64decode(page[start : page.index(b'"', start)]))
    assert sheet.size == count * 6 * 5
    if latent == 2:  # the middle of the sheet is the mean code
        mean = np.rint(255 * explorer.model.decode(explorer.centre[None]))[0, ..., 0]
        assert np.array_equal(sheet[7 * 6 : 8 * 6, 7 * 5 : 8 * 5], mean)


def test_command_writes_a_static_page_and_never_over_a_file(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "photos")
    assert ava("train", folder, "--hidden", "7", "--latent", "3", "--epochs", "1", "--out", tmp_path / "run").code == 0
    page = tmp_path / "page.html"
    done = ava("explore", tmp_path / "run", "--static", page)
    assert (done.code, done.out.strip()) == (0, str(page))
    again = ava("explore", tmp_path / "run", "--static", page)
    assert again.code == 1
    assert "exists" in again.err
    points = tmp_path / "points"
    assert ava("train", "toy:ring", "--model", "gan", "--hidden", "4", "--epochs", "1", "--out", points).code == 0
    assert "points" in ava("explore", points).err


def test_a_number_that_the_encoder_does_not_use_has_the_range_of_the_samples() -> None:
    """The codes of pictures say nothing of it, but samples do: it has the prior's deviation."""
    unused = model()
    encoder = unused.networks["encoder"]
    encoder.parameters[-1]["W"][:] = 0  # μ and log Σ of every picture are 0
    encoder.parameters[-1]["b"][:] = 0
    unused.fit_codes(PICTURES)
    explorer = Explorer(unused, PICTURES)
    assert explorer.deviation.max() == 0
    np.testing.assert_allclose(explorer.reach, 1, atol=0.15)
