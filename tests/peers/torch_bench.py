"""PyTorch's side of `deno task bench`: the jobs of lib/experiments/bench.ts, as fast as PyTorch does them.

    echo | python3 tests/peers/torch_bench.py '{"load": {"kind": "step", …}, "mode": "compiled", "device": "cpu", "threads": 2, "seconds": 3}'

Answers one line of JSON when it is warm, then one for each line it reads.
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3)


class Residual(nn.Module):
    """A basic block or a bottleneck."""

    def __init__(self, inputs, channels, stride, bottleneck):
        super().__init__()
        outputs = channels * 4 if bottleneck else channels
        shapes = [(inputs, channels, 3, stride), (channels, channels, 3, 1)]
        if bottleneck:
            shapes = [(inputs, channels, 1, 1), (channels, channels, 3, stride), (channels, outputs, 1, 1)]
        layers = []
        for before, after, kernel, by in shapes:
            layers += [nn.Conv2d(before, after, kernel, by, kernel // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.branch = nn.Sequential(*layers[:-1])
        nn.init.zeros_(layers[-2].weight)
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def resnet(channels, depth, width):
    """A ResNet up to the map before pooling, and that map's channels."""
    layers = [nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    channels = width
    for stage, blocks in enumerate({18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}[depth]):
        for block in range(blocks):
            layers.append(Residual(channels, width << stage, 2 if stage > 0 and block == 0 else 1, depth == 50))
            channels = (width << stage) * (4 if depth == 50 else 1)
    return nn.Sequential(*layers), channels


class Stack(nn.Module):
    """S-JEA: the second encoder stands on the first one's map."""

    def __init__(self, load):
        super().__init__()
        width, channels = load["projector"], 3
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1))
        self.encoders, self.projectors = nn.ModuleList(), nn.ModuleList()
        for _ in range(2):
            encoder, channels = resnet(channels, load["depth"], load["width"])
            layers = [layer for inputs in (channels, width) for layer in (nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True))]
            self.encoders.append(encoder)
            self.projectors.append(nn.Sequential(*layers, nn.Linear(width, width)))

    def representations(self, x):
        x, found = (x - self.mean) / self.deviation, []
        for encoder in self.encoders:
            x = encoder(x)
            found.append(x.mean((2, 3)))
        return found

    def forward(self, x):
        return [projector(y) for projector, y in zip(self.projectors, self.representations(x))]


def vicreg(z1, z2):
    loss = 25 * F.mse_loss(z1, z2)
    for z in (z1, z2):
        z = z - z.mean(0)
        variance = z.square().sum(0) / (len(z) - 1)
        covariance = z.T @ z / (len(z) - 1)
        loss = loss + 25 * F.relu(1 - (variance + 1e-4).sqrt()).mean() / 2
        loss = loss + (covariance.square().sum() - variance.square().sum()) / z.shape[1]
    return loss


def step(load, device, compiled):
    model = Stack(load).to(device, memory_format=torch.channels_last)
    views = [torch.rand(load["batch"], 3, load["size"], load["size"], device=device).contiguous(memory_format=torch.channels_last) for _ in range(2)]
    if load["optimiser"] == "adam":
        optimiser = torch.optim.Adam(model.parameters(), 1e-4, fused=True)
    else:
        optimiser = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9, fused=True)

    @compiled
    def loss(first, second):
        with torch.autocast(device, torch.bfloat16, enabled=load["precision"] == "bfloat16"):
            return sum(vicreg(*level) for level in zip(model(first), model(second)))

    def run():
        for _ in range(load["images"] // load["batch"]):
            optimiser.zero_grad(set_to_none=True)
            total = loss(*views)
            total.backward()
            optimiser.step()
            total.item()

    return load["images"], run


def features(load, device, compiled):
    model = Stack(load).eval().to(device, memory_format=torch.channels_last)
    images = torch.randint(256, (load["images"], 3, 32, 32), dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    extract = compiled(lambda x: model.representations(x.float() / 255))

    def run():
        levels = zip(*(extract(batch.to(device)) for batch in images.split(load["batch"])))
        return [torch.cat(level).sum().item() for level in levels]

    return load["images"], run


def probe(load, device, compiled):
    count, classes, batch, rates = load["images"], load["classes"], 256, torch.tensor(RATES, device=device)
    sets = [torch.randn(size, load["features"], device=device) for size in (count, count // 9, count // 9)]
    labels = [torch.arange(len(x), device=device) % classes for x in sets]
    steps_per_epoch = count // batch
    steps = load["epochs"] * steps_per_epoch

    # Images along the last axis: PyTorch's softmax over ten neighbouring values takes as long as the product.
    @compiled
    def update(weight, momentum, x, target, rate):
        error = (weight @ x.T).view(-1, classes, batch).softmax(1) - target.T
        momentum.mul_(0.9).add_(error.view(-1, batch) @ x, alpha=1 / batch)
        weight.sub_(momentum * rate)

    def run():
        mean, deviation = sets[0].mean(0), sets[0].std(0, correction=0) + 1e-6
        x, held, test = (F.pad((x - mean) / deviation, (0, 1), value=1.0) for x in sets)
        target = F.one_hot(labels[0], classes).float()
        weight = torch.zeros(len(RATES) * classes, x.shape[1], device=device)
        momentum = torch.zeros_like(weight)
        for at in range(steps):
            start = at % steps_per_epoch * batch
            if start == 0:
                order = torch.randperm(count, device=device)
            chosen = order[start : start + batch]
            rate = (rates * (1 + math.cos(math.pi * at / steps)) / 2).repeat_interleave(classes)[:, None]
            update(weight, momentum, x.index_select(0, chosen), target.index_select(0, chosen), rate)
        scores = ((held @ weight.T).view(len(held), -1, classes).argmax(2) == labels[1][:, None]).sum(0)
        best = weight.view(-1, classes, x.shape[1])[scores.argmax()]
        return F.cross_entropy(x @ best.T, labels[0]).item(), ((test @ best.T).argmax(1) == labels[2]).sum().item()

    return count * load["epochs"], run


def knn(load, device, compiled):
    bank, queries = (torch.randn(load[size], load["features"], device=device) for size in ("images", "queries"))
    labels = torch.arange(len(bank), device=device) % load["classes"]

    @compiled
    def classify(directions, queries):
        similarity, index = (F.normalize(queries) @ directions.T).topk(load["k"])
        votes = torch.zeros(len(queries), load["classes"], device=device)
        return votes.scatter_add(1, labels[index], (similarity / 0.1).exp()).argmax(1)

    def run():
        directions = F.normalize(bank)
        return torch.cat([classify(directions, block) for block in queries.split(500)]).sum().item()

    return len(queries), run


def main():
    job = json.loads(sys.argv[1])
    load, device = job["load"], job["device"]
    torch.manual_seed(0)
    torch.set_num_threads(job["threads"])
    torch.set_flush_denormal(True)  # As TensorFlow does.
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # TensorFlow's default there.
    training = load["kind"] == "step"
    options = {"freezing": not training}  # Folds batch norm into convolutions.
    compiled = lambda f: torch.compile(f, dynamic=False, options=options) if job["mode"] == "compiled" else f

    def timed(runs):
        began = time.perf_counter()
        with torch.inference_mode(not training):
            for _ in range(runs):
                run()
        return time.perf_counter() - began

    try:
        with torch.inference_mode(not training):
            items, run = {"step": step, "features": features, "probe": probe, "knn": knn}[load["kind"]](load, device, compiled)
        timed(1)
    except Exception as error:  # torch.compile without a compiler, too little memory, …
        return print(json.dumps({"error": str(error).strip().split("\n")[0]}), flush=True)
    runs = max(1, round(job["seconds"] / timed(1)))
    print(json.dumps({"library": f"PyTorch {torch.__version__}", "device": device}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"rate": runs * items / timed(runs)}), flush=True)


main()
