"""What `deno task export` wrote, in PyTorch (needs torch and safetensors).

    from sjea_torch import load
    stack = load("encoders.safetensors")
    representations = stack(images)[1].representation  # of stack 1; images [N, 3, height, width] in 0..1

A file of one encoder gives a `ResNet` or a `ViT`; what it takes stands in the file's metadata, as `input`.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class Block(nn.Module):
    """A basic block or a bottleneck, under torchvision's names."""

    def __init__(self, inputs: int, channels: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        layers = [(channels, 3, stride), (channels, 3, 1)]
        if bottleneck:
            layers = [(channels, 1, 1), (channels, 3, stride), (4 * channels, 1, 1)]
        self.depth, before = len(layers), inputs
        for at, (after, kernel, by) in enumerate(layers, 1):
            setattr(self, f"conv{at}", nn.Conv2d(before, after, kernel, by, kernel // 2, bias=False))
            setattr(self, f"bn{at}", nn.BatchNorm2d(after))
            before = after
        self.downsample = None
        if stride > 1 or inputs != before:
            convolution = nn.Conv2d(inputs, before, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(before))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for at in range(1, self.depth + 1):
            y = getattr(self, f"bn{at}")(getattr(self, f"conv{at}")(y))
            if at < self.depth:
                y = torch.relu(y)
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """torchvision's ResNet, of any width and without a head, for inputs of any number of channels."""

    def __init__(self, depth: int, width: int, stem: str, channels: int, strides=(1, 2, 2, 2)) -> None:
        super().__init__()
        kernel, stride = (3, 1) if stem == "cifar" else (7, 2)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(width), nn.ReLU()
        self.maxpool = nn.Identity() if stem == "cifar" else nn.MaxPool2d(3, 2, 1)
        expansion, inputs = 4 if depth == 50 else 1, width
        self.channels = [width, *((width << stage) * expansion for stage in range(4))]
        for stage, count in enumerate(BLOCKS[depth]):
            blocks = nn.Sequential()
            for at in range(count):
                blocks.append(Block(inputs, width << stage, strides[stage] if at == 0 else 1, depth == 50))
                inputs = (width << stage) * expansion
            setattr(self, f"layer{stage + 1}", blocks)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Identity()
        self.features = inputs

    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps after the stem and each stage, [N, channels of the stage, height, width]."""
        maps = [self.maxpool(self.relu(self.bn1(self.conv1(x))))]
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(layer(maps[-1]))
        return maps

    def map(self, x: Tensor) -> Tensor:
        """The map before pooling, [N, features, height, width]."""
        return self.stages(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Representations, [N, features]."""
        return self.fc(torch.flatten(self.avgpool(self.map(x)), 1))


class Attention(nn.Module):
    """Attention of tokens [N, tokens, width] to each other, under timm's names."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class ViTBlock(nn.Module):
    """Attention and a perceptron, each behind a norm, under timm's names."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.attn, self.mlp = Attention(width, heads), nn.Sequential()
        self.mlp.add_module("fc1", nn.Linear(width, ratio * width))
        self.mlp.add_module("act", nn.GELU("tanh"))
        self.mlp.add_module("fc2", nn.Linear(ratio * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """The plain ViT of Beyer et al. 2022, without a head, for inputs of any number of channels."""

    def __init__(self, patch: int, width: int, depth: int, heads: int, ratio: int, channels: int) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, patch, patch)})
        self.blocks = nn.Sequential(*(ViTBlock(width, heads, ratio) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, 1e-6)
        self.features, self.channels = width, (1 + depth) * [width]

    def positions(self, x: Tensor) -> Tensor:
        """Sines and cosines of columns and rows, [width, height, width in patches], for a map like x."""
        quarter = self.features // 4
        frequencies = 10_000 ** (-torch.arange(quarter, dtype=torch.float64) / (quarter - 1))
        rows, columns = (torch.arange(side) * frequencies[:, None] for side in x.shape[2:])
        across = torch.cat([columns.sin(), columns.cos()])[:, None].expand(-1, rows.shape[1], -1)
        down = torch.cat([rows.sin(), rows.cos()])[:, :, None].expand(-1, -1, columns.shape[1])
        return torch.cat([across, down]).to(x)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Tokens as maps, [N, features, height, width]: patches', each block's, the last block's after the norm."""
        x = self.patch_embed["proj"](x)
        tokens = [(x + self.positions(x)).flatten(2).transpose(1, 2)]
        for block in self.blocks:
            tokens.append(block(tokens[-1]))
        tokens[-1] = self.norm(tokens[-1])
        return [each.transpose(1, 2).unflatten(2, x.shape[2:]) for each in tokens]

    def map(self, x: Tensor) -> Tensor:
        """The tokens after the last norm as a map, [N, features, height, width]."""
        return self.stages(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Representations, [N, features]."""
        return self.map(x).mean((2, 3))


def encoder_of(about: dict, channels: int) -> ResNet | ViT:
    """An encoder by its kind and options; one without a kind is a ResNet."""
    if about.get("kind", "resnet") == "vit":
        return ViT(*(int(about[name]) for name in ("patch", "width", "depth", "heads", "ratio")), channels)
    return ResNet(int(about["depth"]), int(about["width"]), about["stem"], channels, about["strides"])


def projector(features: int, widths: list[int]) -> nn.Sequential:
    """Linear layers, each but the last with batch norm and ReLU; of no widths, the identity."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU()]
        features = width
    return nn.Sequential(*layers[:-2])


def as_image(embedding: Tensor) -> Tensor:
    """Embeddings as images of one channel, as square as powers of two allow: 256 as 16x16, 512 as 16x32."""
    features = embedding.shape[1]
    height = 1 << (features.bit_length() - 1) // 2
    while features % height > 0:
        height //= 2
    return embedding.reshape(len(embedding), 1, height, features // height)


class Level(NamedTuple):
    """What one level of a stack makes of a batch."""

    map: Tensor  # before pooling, [N, channels, height, width]
    representation: Tensor  # the map's mean, [N, channels]
    embedding: Tensor  # [N, last width of the projector]


class Stack(nn.Module):
    """Encoders on top of each other, each with its projector; gradients reach all levels below."""

    def __init__(self, config: dict, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.prepool = config["wiring"] == "prepool"
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1), persistent=False)
        self.encoders, self.projectors = nn.ModuleList(), nn.ModuleList()
        # The stage of the encoder below that feeds each one.
        self.inputs = [level.get("input", -1) for level in config["levels"]]
        for level, stage in zip(config["levels"], self.inputs):
            channels = len(mean)
            if self.encoders:
                channels = self.encoders[-1].channels[stage] if self.prepool else 1
            encoder = encoder_of(level["encoder"], channels)
            self.encoders.append(encoder)
            self.projectors.append(projector(encoder.features, level["projector"]))

    def forward(self, images: Tensor) -> list[Level]:
        """One entry a level, lowest first, of images [N, 3, height, width] in 0..1."""
        levels, maps, x = [], [], (images - self.mean) / self.std
        for encoder, project, stage in zip(self.encoders, self.projectors, self.inputs):
            if levels:
                x = maps[stage] if self.prepool else as_image(levels[-1].embedding)
            maps = encoder.stages(x)
            representation = maps[-1].mean((2, 3))
            levels.append(Level(maps[-1], representation, project(representation)))
        return levels


def load(path: str | os.PathLike[str]) -> Stack | ResNet | ViT:
    """The stack, or the one encoder, in a file of `deno task export`, in evaluation mode."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata() or {}
    if "config" in about:
        mean, std = ([float(value) for value in about[name].split()] for name in ("mean", "std"))
        net = Stack(json.loads(about["config"]), mean, std)
    elif "depth" in about:
        strides = [int(stride) for stride in about.get("strides", "1 2 2 2").split()]
        net = encoder_of({**about, "strides": strides}, int(about["channels"]))
    else:
        raise ValueError(f"{path} does not say which network it is of: write it with deno task export.")
    net.load_state_dict(load_file(path))
    return net.eval()
