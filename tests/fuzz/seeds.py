"""Write the corpus that the fuzzers begin with: ``python -m tests.fuzz.seeds``. Others stay."""

import gzip
import json
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from ava_np.data.formats import formats
from ava_np.specification import MODELS
from tests.data.picture_files import noise
from tests.fuzz.documents import BASES, base, files_of
from tests.idx_files import digits, idx_bytes

CORPUS = Path(__file__).parent / "corpus"
LAYERS: list[dict[str, Any]] = [
    {"layer": "convolution", "channels": 2, "kernel": 3, "stride": 2, "padding": 1},
    {"layer": "batch_norm"},
    {"layer": "activation", "function": "relu"},
    {
        "layer": "transposed_convolution",
        "channels": 2,
        "kernel": 3,
        "stride": 2,
        "padding": 1,
        "output_padding": [1, 0],
    },
    {"layer": "average_pooling", "factor": 2},
    {"layer": "upsampling", "factor": 2},
    {"layer": "flatten"},
    {"layer": "dropout", "rate": 0.5},
    {"layer": "maxout", "pieces": 2},
    {"layer": "minibatch_discrimination"},
    {"layer": "dense", "width": 60},
    {"layer": "reshape", "shape": [5, 4, 3]},
]
COMMANDS = {
    "pictures": "photos --size 64x48 --zoom 2 --limit 9 --validation 0.1 --test 0.2 --flip --shift 3 --strict",
    "model": "--model aae --prior swiss-roll --hidden 8,4 --latent 2 --likelihood bernoulli --stochastic",
    "training": "--optimiser sgd --lr 0.1 --schedule cosine --weight-decay 0.1 --clip 5 --reduction fan --seed 7",
    "saves": "--out run --checkpoint-every 10min --on-divergence rollback --batch-size 7 --epochs 3 --cache cache",
    "resume": "--resume --out run --epochs 9 --lr 1e-3",
}


def pictures() -> dict[str, bytes]:
    """Small pictures of every format that is read, of several modes, and idx files."""
    found, picture = {}, Image.fromarray(noise(6, 7))
    suffixes = {"JPEG2000": "jp2", "TIFF": "tif", "SUN": "ras"}
    for name in formats():
        if name in Image.SAVE:
            found[name.lower()] = _picture(picture, name, suffixes.get(name, name.lower()))
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        found[f"png-{mode.lower().replace(';', '-')}"] = _picture(picture.convert("L").convert(mode), "PNG", "png")
    exif = Image.Exif()
    exif[0x0112] = 6
    found["jpeg-turned"] = _picture(picture, "JPEG", "jpg", exif=exif)
    found["png-turned"] = _picture(picture, "PNG", "png", exif=exif)
    found["webp-lossless"] = _picture(picture, "WEBP", "webp", lossless=True)
    for compression in ("tiff_deflate", "tiff_lzw", "packbits", "jpeg"):
        name = f"tiff-{compression.removeprefix('tiff_')}"
        found[name] = _picture(picture, "TIFF", "tif", compression=compression)
    found["tiff-group4"] = _picture(picture.convert("1"), "TIFF", "tif", compression="group4")
    found["jpeg-cmyk"] = _picture(picture.convert("CMYK"), "JPEG", "jpg", progressive=True)
    found["mpo"] = _picture(picture, "MPO", "jpg", save_all=True, append_images=[picture.rotate(90)])
    found["psd"] = b"a.psd\n8BPS\0\1" + bytes(6) + b"\0\1\0\0\0\2\0\0\0\3\0\x08\0\1" + bytes(14) + bytes(range(6))
    found["sun"] = b"a\n" + struct.pack(">8I", 0x59A66A95, 2, 3, 8, 6, 1, 0, 0) + bytes(range(6))
    found["tiff-float"] = _picture(picture.convert("F").point(lambda value: value / 255 + 0), "TIFF", "tif")
    found["gif-animated"] = _picture(picture, "GIF", "gif", save_all=True, append_images=[picture.rotate(90)])
    found["ppm-text"] = b"a.ppm\nP3\n2 1 255\n1 2 3 4 5 6\n"
    found["text"] = b"notes.txt\nDear\n"
    found["idx"] = b"digits.idx\n" + idx_bytes(digits(2, 3, 4))
    found["idx-gz"] = b"train-images-idx3-ubyte.gz\n" + gzip.compress(idx_bytes(digits(2, 3, 4)), mtime=0)
    return found


def runs() -> dict[str, bytes]:
    """Runs without a change, with one in each file, and the bytes of each file."""
    found = {}
    for name in BASES:
        found[name] = json.dumps({"base": name}).encode()
        for file, content in files_of(base(name).document, base(name)).items():
            if file.endswith((".json", ".jsonl")) or name == "gan":
                found[f"{name}-{file.replace('.', '-')}"] = f"{name}/{file}\n".encode() + content
    model, training = "model.safetensors", "training.safetensors"
    changes: dict[str, Any] = {
        "unsaved": {model: "(removed)", training: "(removed)", "metrics.jsonl": "(removed)"},
        "epochs": {"config.json": {"training": {"epochs": 9}}},
        "step": {training: {"metadata": {"steps": 2, "seen": 0}}},
        "array": {model: {"arrays": {"encoder.dense1.b": {"dtype": "F64", "shape": [8], "fill": 1e30}}}},
    }
    return found | {name: json.dumps({"base": "ava5", **change}).encode() for name, change in changes.items()}


def specifications() -> dict[str, bytes]:
    """One of every model, layer and option."""
    config = base("ava5").document["config.json"]
    found = {"config": b"config\n" + json.dumps(config).encode()}
    for name in MODELS:
        model = {"name": name, "latent": 2, "hidden": [4, 3]}
        options = {"model": model, "epochs": 2, "optimiser": "sgd", "size": [8, 8]}
        found[f"options-{name}"] = b"options\n" + json.dumps(options).encode()
    for name in ("conv28", "conv64", "dcgan"):
        model = {"name": "vaegan", "architecture": name, "hidden": [2, 3]}
        found[f"options-{name}"] = b"options\n" + json.dumps({"model": model, "shape": [8, 8, 1]}).encode()
    for number in range(len(LAYERS)):
        layers = {"encoder": LAYERS[: number + 1], "code_discriminator": [{"layer": "dense", "width": 3}]}
        head = f"architecture {list(MODELS)[number]}\n".encode()
        found[f"architecture-{LAYERS[number]['layer']}"] = head + json.dumps(layers).encode()
    decoder = {"decoder": [LAYERS[-2], LAYERS[-1]], "discriminator": [{"layer": "minibatch_discrimination"}]}
    found["architecture-decoder"] = b"architecture ava5\n" + json.dumps(decoder).encode()
    return found | {
        f"command-{name}": b"command\n" + b"\n".join(text.encode().split()) for name, text in COMMANDS.items()
    }


def _picture(picture: Image.Image, kind: str, suffix: str, **options: Any) -> bytes:
    file = BytesIO()
    try:
        picture.save(file, kind, **options)
    except (OSError, ValueError, KeyError):  # not of this mode
        file = BytesIO()
        picture.convert("L").save(file, kind, **options)
    return f"a.{suffix}\n".encode() + file.getvalue()


if __name__ == "__main__":
    for make in (pictures, runs, specifications):
        folder = CORPUS / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in make().items():
            (folder / name).write_bytes(data)
