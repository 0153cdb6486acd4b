"""ResNet and VICReg in PyTorch, for speed comparisons; without torchvision."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, channels, stride, expansion):
        super().__init__()
        outputs = channels * expansion
        sizes = [(inputs, channels, 3, stride), (channels, channels, 3, 1)]
        if expansion > 1:
            sizes = [(inputs, channels, 1, 1), (channels, channels, 3, stride), (channels, outputs, 1, 1)]
        layers = []
        for a, b, kernel, step in sizes:
            layers += [nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Sequential):
    def __init__(self, depth, width, channels):
        expansion, counts = (1, [2, 2, 2, 2]) if depth == 18 else (4, [3, 4, 6, 3])
        layers = [nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        inputs = width
        for stage, count in enumerate(counts):
            for at in range(count):
                layers.append(Block(inputs, width << stage, 2 if stage and not at else 1, expansion))
                inputs = (width << stage) * expansion
        super().__init__(*layers)
        self.features = inputs


def vicreg(z1, z2):
    batch, features = z1.shape
    loss = 25 * nn.functional.mse_loss(z1, z2)
    for z in (z1, z2):
        z = z - z.mean(0)
        loss = loss + 12.5 * torch.relu(1 - torch.sqrt(z.var(0) + 1e-4)).mean()
        covariance = z.T @ z / (batch - 1)
        loss = loss + (covariance.square().sum() - covariance.diagonal().square().sum()) / features
    return loss
