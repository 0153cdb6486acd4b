"""PyTorch's side of the tests of `deno task export` and `deno task import` (needs torch and safetensors).

    python3 tests/peers/torch_features.py FOLDER '[{"file": "e", "input": "i", "read": "x", "output": "o"}, …]'

One job after the other: `file` is loaded by the sjea_torch.py in FOLDER and applied to the tensor `read` of the file
`input`. What comes of it goes to the file `output`: `map` and `representation` of an encoder, `0.map`,
`0.representation`, `0.embedding`, `1.map`, … of a stack. With "make": [depth, width, stem, channels] a random
encoder and images are made and written first. Images and maps are [batch, channels, height, width].
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

import torch
import sjea_torch
from safetensors.torch import load_file, save_file
from torch import nn

try:
    import torchvision
except (ImportError, RuntimeError):  # RuntimeError: made for another version of torch
    torchvision = None


def random_encoder(depth, width, stem, channels):
    """torchvision's own ResNet where it is there and has that width; its batch norm is not the identity."""
    net = sjea_torch.ResNet(depth, width, stem, channels)
    if torchvision is not None and width == 64:
        own = getattr(torchvision.models, f"resnet{depth}")()
        own.conv1, own.maxpool, own.fc = net.conv1, net.maxpool, net.fc
        body, net = nn.Sequential(*list(own.children())[:-2]), own
        net.map = lambda x: body(x)
    for name, value in net.state_dict().items():
        if "running_var" in name:
            value.uniform_(0.5, 1.5)
        elif value.ndim == 1:
            value.normal_(1 if name.endswith("weight") else 0, 0.2)
        elif "num_batches" in name:
            value.fill_(7)
    return net.eval()


def do(job):
    if "make" in job:
        net = random_encoder(*job["make"])
        save_file(net.state_dict(), job["file"])
        save_file({"x": torch.randn(3, job["make"][3], 32, 32)}, job["input"])
    else:
        net = sjea_torch.load(job["file"])
    with torch.inference_mode():
        x = load_file(job["input"])[job["read"]]
        if isinstance(net, sjea_torch.Stack):
            levels = enumerate(net(x))
            found = {f"{at}.{name}": y for at, level in levels for name, y in level._asdict().items()}
        else:
            found = {"map": net.map(x), "representation": net(x)}
    save_file({name: y.clone(memory_format=torch.contiguous_format) for name, y in found.items()}, job["output"])


if __name__ == "__main__":
    torch.manual_seed(1)
    for job in json.loads(sys.argv[2]):
        do(job)
