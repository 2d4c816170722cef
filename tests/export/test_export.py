"""Exported models compute what the engine computes: every model, architecture and layer, in onnxruntime and PyTorch."""

import importlib.util
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import ava_np
from ava_np.export import entrance as role
from ava_np.export.torch import to_torch
from ava_np.layers import AnyLayer
from ava_np.models import Model
from ava_np.network import Network
from ava_np.specification import MODELS
from tests.command import SMALL, ava, tree, write_pictures

SIZE = {"mlp": (6, 5, 1), "conv28": (12, 10, 3), "conv64": (16, 16, 1), "dcgan": (12, 10, 3)}
EVERY_LAYER = {
    "encoder": (
        {"layer": "average_pooling", "factor": 2},
        {"layer": "reshape", "shape": (2, 6, 1)},
        {"layer": "convolution", "channels": 3, "kernel": 3, "padding": 1},
        {"layer": "activation", "function": "elu"},
        {"layer": "dropout", "rate": 0.3},
        {"layer": "maxout", "pieces": 3},
        {"layer": "flatten"},
        {"layer": "dense", "width": 14},
        {"layer": "maxout"},
        {"layer": "batch_norm"},
        {"layer": "activation", "function": "softplus"},
    ),
    "decoder": (
        {"layer": "dense", "width": 24},
        {"layer": "activation", "function": "tanh"},
        {"layer": "reshape", "shape": (4, 3, 2)},
        {"layer": "upsampling", "factor": 2},
        {"layer": "transposed_convolution", "channels": 1, "kernel": 4, "stride": 2, "padding": 1},
        {"layer": "average_pooling", "factor": 2},
        {"layer": "activation", "function": "exp"},
    ),
    "discriminator": (
        {"layer": "flatten"},
        {"layer": "dense", "width": 5},
        {"layer": "minibatch_discrimination", "features": 3, "width": 2},
        {"layer": "dense", "width": 4},
        {"layer": "activation", "function": "relu"},
    ),
}


def models() -> dict[str, Model]:
    """Return one of every model, of every architecture, and one with every layer, a little trained."""
    found = {name: ava_np.build(name, SIZE["mlp"], hidden=(7,), latent=3) for name in MODELS if name != "cascade"}
    for architecture, shape in SIZE.items():
        hidden = (4, 3) if architecture == "mlp" else (4, 6)
        for name in ("vae", "vaegan", "gan"):
            found[f"{name}-{architecture}"] = ava_np.build(
                name, shape, architecture=architecture, hidden=hidden, latent=3, seed=1
            )
    found["every layer"] = ava_np.build("vaegan", (8, 6, 1), architecture=EVERY_LAYER, latent=3, output="linear")
    found["codes as long as pictures"] = ava_np.build("gan", (1, 2, 1), hidden=(7,), latent=2, output="linear")
    found["bigan, codes as long as pictures"] = ava_np.build("bigan", (1, 3, 1), hidden=(7,), latent=3)
    found["similar"] = ava_np.build("gan", SIZE["mlp"], hidden=(7,), latent=3, minibatch_discrimination=True)
    return found


TRAINED = models()


def test_every_kind_of_layer_is_exported() -> None:
    used = {type(layer) for network in TRAINED["every layer"].networks.values() for layer in network.layers}
    assert used == set(get_args(AnyLayer))


@pytest.fixture(autouse=True, scope="module")
def _trained() -> None:
    """Move the weights and the running statistics away from where they begin."""
    for model in TRAINED.values():
        x = np.random.default_rng(0).random((12, *model.shape), np.float32)
        ava_np.fit(model, x, epochs=2, batch_size=6)
    TRAINED["cascade"] = ava_np.build("cascade", SIZE["mlp"], hidden=(7,), vae=TRAINED["vae"])


def entrance(model: Model, network: Network) -> np.ndarray:
    """Return inputs of a network: pictures, or rows."""
    (name,) = (name for name, other in model.networks.items() if other is network)
    shape = model.shape if role(model, name) == "pictures" else network.input_shape
    return np.random.default_rng(1).random((5, *shape), np.float32)


def expected(network: Network, x: np.ndarray) -> np.ndarray:
    """Return what the engine computes."""
    return network.forward(network.buffers(len(x), "evaluation"), x.reshape(len(x), -1)).copy()


@pytest.mark.parametrize("name", [*TRAINED, "cascade"])
def test_onnxruntime_computes_the_same(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from ava_np.export.onnx import to_onnx

    model = TRAINED[name]
    files = to_onnx(model)
    assert list(files) == list(model.networks)
    for part, network in model.networks.items():
        session = onnxruntime.InferenceSession(files[part], providers=["CPUExecutionProvider"])
        x = entrance(model, network)
        (put,) = (one.name for one in session.get_inputs())
        found = np.concatenate([one.reshape(5, -1) for one in session.run(None, {put: x})], axis=1)
        np.testing.assert_allclose(found, expected(network, x), rtol=1e-5, atol=1e-5)
        names = [one.name for one in session.get_outputs()]
        if part == model.decoder_name:
            assert (put, names) == ("codes", ["pictures"])
        if part == "discriminator" and put == "pictures":
            assert names == ["logit"]
        if part == "encoder" and name in ("vae", "ava5"):
            assert (put, names) == ("pictures", ["mean", "log_variance"])


def module(files: dict[str, bytes], folder: Path) -> Any:
    """Write the files, and return the loaded module's model."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    specification = importlib.util.spec_from_file_location("exported", folder / "model.py")
    assert specification is not None
    assert specification.loader is not None
    exported = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(exported)
    return exported.Model.load(folder / "model.safetensors")


@pytest.mark.parametrize("name", [*TRAINED, "cascade"])
def test_pytorch_computes_the_same(name: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = TRAINED[name]
    exported = module(to_torch(model), tmp_path)
    for part, network in model.networks.items():
        x = entrance(model, network).reshape(5, -1)
        found = getattr(exported, part)(torch.from_numpy(x)).detach().reshape(5, -1).numpy()
        np.testing.assert_allclose(found, expected(network, x).reshape(5, -1), rtol=1e-5, atol=1e-5)
    codes = np.random.default_rng(2).standard_normal((4, model.latent)).astype(np.float32)
    np.testing.assert_allclose(
        exported.decode(torch.from_numpy(codes)).detach().numpy(), model.decode(codes), rtol=1e-5, atol=1e-5
    )
    if hasattr(exported, "encode"):
        x = np.random.default_rng(3).random((4, *model.shape), np.float32)
        found = exported.encode(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(found, model.encode(x), rtol=1e-5, atol=1e-5)


def test_the_command_writes_into_the_run_or_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    assert ava("train", write_pictures(tmp_path / "pictures"), "--model", "vae", *SMALL, "--out", run).code == 0
    done = ava("export", run, "--format", "torch")
    assert done.code == 0, done.err
    assert done.out.split() == [str(run / "torch" / name) for name in ("model.py", "model.safetensors")]
    assert ava("info", run).code == 0
    assert ava("export", run, "--format", "torch", "--out", tmp_path / "other").code == 0
    for name in ("model.py", "model.safetensors"):
        assert (tmp_path / "other" / name).read_bytes() == (run / "torch" / name).read_bytes()
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "ava_np.export.onnx", raising=False)
    assert "pip install 'ava-np[export]'" in ava("export", run, "--format", "onnx").err
    assert "onnx" in ava("export", run, "--format", "onn").err  # what was probably meant
    before = tree(run)
    for used in (run, run / "torch" / "model.py"):
        assert ava("export", run, "--format", "torch", "--out", used).code == 1
    assert tree(run) == before


def test_a_run_exports_to_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    run = tmp_path / "run"
    assert ava("train", write_pictures(tmp_path / "pictures"), "--model", "gan", *SMALL, "--out", run).code == 0
    done = ava("export", run, "--format", "onnx")
    assert done.out.split() == [str(run / "onnx" / f"{name}.onnx") for name in ("generator", "discriminator")]
