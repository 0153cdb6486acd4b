"""PyTorch's side of `deno task export` and `deno task import` (needs torch and safetensors).

    from torch_encoder import load, maps
    encoder = load("encoder.safetensors")   # torchvision's ResNet where it can be, in evaluation mode
    encoder(images)                         # representations
    maps(encoder, images)                   # the map before pooling, which the encoder on top of it sees

As a program, for tests:

    python3 tests/peers/torch_encoder.py '[{"encoder": "e", "input": "i", "read": "x", "output": "o"}, …]'

One job after the other: the encoder is applied to the tensor `read` of the file `input`; `map` and
`representation` go to the file `output`. With "make": [depth, width, channels, stem] a random encoder and images
`x` are made and written first. Images and maps are [batch, channels, height, width].
"""

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

try:
    import torchvision
except (ImportError, RuntimeError):  # RuntimeError: made for another version of torch
    torchvision = None

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class Block(nn.Module):
    """A basic block or a bottleneck, under torchvision's names."""

    def __init__(self, inputs, channels, stride, bottleneck):
        super().__init__()
        self.outputs = channels * (4 if bottleneck else 1)
        layers = [(channels, 3, stride), (channels, 3, 1)]
        if bottleneck:
            layers = [(channels, 1, 1), (channels, 3, stride), (self.outputs, 1, 1)]
        self.depth, before = len(layers), inputs
        for at, (after, kernel, by) in enumerate(layers, 1):
            setattr(self, f"conv{at}", nn.Conv2d(before, after, kernel, by, kernel // 2, bias=False))
            setattr(self, f"bn{at}", nn.BatchNorm2d(after))
            before = after
        self.downsample = None
        if stride > 1 or inputs != self.outputs:
            convolution = nn.Conv2d(inputs, self.outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(self.outputs))

    def forward(self, x):
        y = x
        for at in range(1, self.depth + 1):
            y = getattr(self, f"bn{at}")(getattr(self, f"conv{at}")(y))
            if at < self.depth:
                y = torch.relu(y)
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """torchvision's ResNet in any width."""

    def __init__(self, depth, width):
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Identity(), nn.BatchNorm2d(width), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = width
        for stage, count in enumerate(BLOCKS[depth]):
            blocks = nn.Sequential()
            for at in range(count):
                block = Block(channels, width << stage, 2 if stage > 0 and at == 0 else 1, depth == 50)
                blocks.append(block)
                channels = block.outputs
            setattr(self, f"layer{stage + 1}", blocks)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Identity()

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(maps(self, x)), 1))


def build(depth, width, channels, stem):
    """A ResNet without a head: torchvision's own at its width of 64, else the one above."""
    if torchvision is not None and width == 64:
        net = getattr(torchvision.models, f"resnet{depth}")()
    else:
        net = ResNet(depth, width)
    kernel, stride = (3, 1) if stem == "cifar" else (7, 2)
    net.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
    if stem == "cifar":
        net.maxpool = nn.Identity()
    net.fc = nn.Identity()
    return net


def maps(net, x):
    """The map before pooling, [batch, channels, height, width]."""
    for layer in list(net.children())[:-2]:
        x = layer(x)
    return x


def load(path):
    """The encoder in a file that `deno task export` wrote, in evaluation mode."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    net = build(int(about["depth"]), int(about["width"]), int(about["channels"]), about["stem"])
    net.load_state_dict(load_file(path), strict=True)
    return net.eval()


def randomise(net):
    """Batch norm that is not the identity: weights around 1, all else around 0, variances around 1."""
    for name, value in net.state_dict().items():
        if "running_var" in name:
            value.uniform_(0.5, 1.5)
        elif value.ndim == 1:
            value.normal_(1 if name.endswith("weight") else 0, 0.2)
        elif "num_batches" in name:
            value.fill_(7)
    return net.eval()


def make(job):
    """A random encoder and images for it, written as anybody would."""
    channels = job["make"][2]
    net = randomise(build(*job["make"]))
    save_file(net.state_dict(), job["encoder"])
    save_file({"x": torch.randn(3, channels, 32, 32)}, job["input"])
    return net


def do(job):
    net = make(job) if "make" in job else load(job["encoder"])
    with torch.inference_mode():
        x = load_file(job["input"])[job["read"]]
        save_file({"map": maps(net, x).contiguous(), "representation": net(x)}, job["output"])


if __name__ == "__main__":
    torch.manual_seed(1)
    for job in json.loads(sys.argv[1]):
        do(job)
