"""PyTorch's side of `deno task bench --against torch`: the same work, as fast as PyTorch does it.

Reads one case a line from standard input (JSON) and answers with one line (JSON): images a second, eager and
compiled, and the peak memory of this process in bytes. Whatever a case needs is kept for its next round.
"""

import json
import os
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch_model import ResNet, vicreg

torch.set_num_threads(os.cpu_count())


def projector(features, width):
    layers = []
    for _ in range(2):
        layers += [nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, width))


class Stack(nn.Module):
    def __init__(self, depth, width, project):
        super().__init__()
        first = ResNet(depth, width, 3)
        self.encoders = nn.ModuleList([first, ResNet(depth, width, first.features)])
        self.projectors = nn.ModuleList([projector(e.features, project) for e in self.encoders])

    def forward(self, x):
        embeddings = []
        for encoder, project in zip(self.encoders, self.projectors):
            x = encoder(x)
            embeddings.append(project(x.mean((2, 3))))
        return embeddings


def autocast(precision):
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


def make_step(case, compiled):
    model = Stack(case["depth"], case["width"], case["projector"]).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    views = [torch.randn(case["batch"], 3, 32, 32).contiguous(memory_format=torch.channels_last) for _ in range(2)]

    def loss(one, two):
        with autocast(case["precision"]):
            return sum(vicreg(a.float(), b.float()) for a, b in zip(model(one), model(two)))

    function = torch.compile(loss) if compiled else loss

    def step():
        optimiser.zero_grad(set_to_none=True)
        function(*views).backward()
        optimiser.step()

    return step


def make_features(case, compiled):
    model = ResNet(18, case["width"], 3).eval().to(memory_format=torch.channels_last)
    x = torch.randn(case["batch"], 3, 32, 32).contiguous(memory_format=torch.channels_last)
    function = torch.compile(model) if compiled else model

    def run():
        with torch.inference_mode(), autocast(case["precision"]):
            function(x).mean((2, 3))

    return run


def make_knn(case, compiled):
    bank = nn.functional.normalize(torch.randn(case["bank"], case["features"]))
    labels = torch.randint(10, (case["bank"],))
    queries = torch.randn(case["batch"], case["features"])

    def run():
        with torch.inference_mode():
            for block in queries.split(case["block"]):
                similarity, index = (nn.functional.normalize(block) @ bank.T).topk(case["k"])
                votes = torch.zeros(len(block), 10)
                votes.scatter_add_(1, labels[index], (similarity / 0.1).exp()).argmax(1)

    return None if compiled else run


MAKE = {"step": make_step, "features": make_features, "knn": make_knn}
kept = {}

for line in sys.stdin:
    case = json.loads(line)
    answer = {}
    for mode in ("eager",) if case["eager"] else ("eager", "compiled"):
        key = (case["name"], mode)
        try:
            if key not in kept:
                kept[key] = MAKE[case["kind"]](case, mode == "compiled")
                for _ in range(case["warmup"] if kept[key] else 0):
                    kept[key]()
            if kept[key] is None:
                continue
            times = []
            for _ in range(case["repeats"]):
                began = time.perf_counter()
                kept[key]()
                times.append(time.perf_counter() - began)
            answer[mode] = case["batch"] / statistics.median(times)
        except Exception as error:  # no compiler, no memory: the other mode still counts
            kept[key] = None
            answer[f"{mode} failed"] = str(error).splitlines()[0]
    answer["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(answer), flush=True)
