// What PyTorch, torchvision and scikit-learn say of the same mathematics: see fixtures/make_fixtures.py.
import assert from "node:assert/strict";
import { start } from "../lib/compute/backend.ts";
import { gradients } from "../lib/compute/ops.ts";
import { tf } from "../lib/compute/tf.ts";
import * as views from "../lib/data/views.ts";
import { knn } from "../lib/evaluation/knn.ts";
import { probe } from "../lib/evaluation/probe.ts";
import { vicreg } from "../lib/loss/vicreg.ts";
import { pass } from "../lib/model/layers.ts";
import { resnet, RESNET_18, type ResnetConfig } from "../lib/model/resnet.ts";
import { optimiser, type OptimiserConfig } from "../lib/training/optimiser.ts";
import { learningRate } from "../lib/training/schedule.ts";
import { below, deviation, facts, fixture, images, network, parameter, tensor } from "./fixtures/read.ts";

await start();

/** Relative tolerance. */
const CLOSE = 1e-4;
/** Where ReLU's kink is between two correct float32 backends. */
const KINKED = 1e-2;

const weights = { invariance: 25, variance: 25, covariance: 1 };

Deno.test("VICReg: terms and gradients", async (t) => {
  const found = await fixture("vicreg");
  for (const name of ["random", "two_rows", "one_feature", "constant", "nearly_collapsed", "spread"]) {
    await t.step(name, () =>
      tf.tidy(() => {
        const z = { z1: tensor(found[`${name}.z1`]), z2: tensor(found[`${name}.z2`]) };
        const { gradients: slopes, aside } = gradients(({ z1, z2 }) => {
          const { total, invariance, variance, covariance } = vicreg(
            z1 as tf.Tensor2D,
            z2 as tf.Tensor2D,
            weights,
          );
          return { loss: total, aside: { terms: tf.stack([invariance, variance, covariance, total]) } };
        }, z);
        assert.ok(deviation(aside.terms, tensor(found[`${name}.terms`])) < CLOSE);
        for (const [ours, theirs] of [["z1", "g1"], ["z2", "g2"]]) {
          assert.ok(deviation(slopes[ours], tensor(found[`${name}.${theirs}`])) < CLOSE, ours);
        }
      }));
  }
});

const encoder = (depth: 18 | 50, stem: "cifar" | "imagenet"): ResnetConfig => ({
  ...RESNET_18,
  depth,
  width: 4,
  stem,
  zeroInitResidual: false,
});

Deno.test("ResNet: forward in both modes, gradients, running statistics", async (t) => {
  const found = await fixture("resnet18");
  const cases = [["resnet18", encoder(18, "cifar")], ["imagenet", encoder(18, "imagenet")], [
    "resnet50",
    encoder(50, "cifar"),
  ]] as const;
  for (const [name, config] of cases) {
    await t.step(name, () =>
      tf.tidy(() => {
        const here = below(found, `${name}.`);
        const net = network(below(here, "state."), (key) => `encoder.${key}`);
        const x = images(here.x);
        const run = (training: boolean, { parameters, statistics } = net) => {
          const through = pass({ parameters, statistics }, training);
          return { ...resnet(through, "encoder", x, config), statistics: through.statistics };
        };
        assert.ok(deviation(run(false).representation, tensor(here.evaluation)) < CLOSE);
        const trained = run(true);
        // Fifty layers of batch norm over eight images: float32 itself is 1e-4 from float64 there.
        const close = name === "resnet50" ? 10 * CLOSE : CLOSE;
        assert.ok(deviation(trained.map, images(here.map)) < close);
        assert.ok(deviation(trained.representation, tensor(here.representation)) < close);
        if (name !== "resnet18") return;
        for (const [key, host] of Object.entries(below(here, "after."))) {
          assert.ok(deviation(trained.statistics[`encoder.${key}`], tensor(host)) < CLOSE, key);
        }
        const after = run(false, { ...net, statistics: trained.statistics });
        assert.ok(deviation(after.representation, tensor(here.evaluation_after)) < CLOSE);
        const { gradients: slopes } = gradients((parameters) => ({
          loss: run(true, { ...net, parameters }).map.mul(images(here.probe)).mean() as tf.Scalar,
          aside: {},
        }), net.parameters);
        for (const [key, host] of Object.entries(below(here, "gradient."))) {
          assert.ok(deviation(slopes[`encoder.${key}`], parameter(host)) < KINKED, key);
        }
      }));
  }
});

Deno.test("optimisers: five steps", async (t) => {
  const found = await fixture("optimisers");
  const cases: [string, OptimiserConfig, number][] = [
    ["adam", { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }, 1e-2],
    ["adam_decay", { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 1e-2 }, 1e-2],
    ["sgd", { name: "sgd", momentum: 0.9, nesterov: false, weightDecay: 1e-3, spare: false }, 1e-2],
    ["lars", {
      ...{ name: "lars", momentum: 0.9, eta: 1e-3, weightDecay: 1e-6 },
      ...{ slope: "decayed", clip: false, spare: true },
    }, 0.2],
  ];
  for (const [name, config, rate] of cases) {
    await t.step(name, () => {
      const all = (prefix: string) =>
        Object.fromEntries(Object.entries(below(found, prefix)).map(([key, host]) => [key, tensor(host)]));
      const { slots, update } = optimiser(config);
      let parameters = all("start."), memory = { ...slots(parameters) };
      for (let number = 0; number < 5; number++) {
        const updated = update(
          parameters,
          all(`gradient.${number}.`),
          memory,
          tf.scalar(rate),
          tf.scalar(number + 1),
        );
        [parameters, memory] = [{ ...updated.parameters }, { ...updated.slots }];
        for (const [key, expected] of Object.entries(all(`${name}.${number}.`))) {
          assert.ok(deviation(parameters[key], expected) < CLOSE, `${key}, step ${number}`);
        }
      }
    });
  }
});

Deno.test("schedules: every step", async () => {
  const { steps, released, vicreg } = await facts("schedules");
  for (let step = 0; step < steps; step++) {
    const ours = {
      released: learningRate({ name: "released", base: 1e-3, warmupEpochs: 1 }, step, steps, 10),
      vicreg: learningRate({ name: "vicreg", base: 0.2, warmupEpochs: 1 }, step, steps, 10),
    };
    assert.ok(Math.abs(ours.released - released[step]) < 1e-12, `released, step ${step}`);
    assert.ok(Math.abs(ours.vicreg - vicreg[step]) < 1e-12, `vicreg, step ${step}`);
  }
});

Deno.test("k-NN: every prediction; k as large as the bank and larger", async () => {
  const found = await fixture("evaluation"), scores = await facts("evaluation");
  const set = (name: string) => ({
    features: tensor(found[`${name}.features`]) as tf.Tensor2D,
    labels: found[`${name}.labels`].data as Uint8Array,
  });
  const results = await knn(set("train"), set("test"), {
    k: [20, 200, 400, 1000],
    temperature: 0.1,
    classes: 5,
  });
  for (const { k, accuracy, predictions } of results) {
    const expected = Math.min(k, 400);
    assert.deepEqual(predictions, found[`knn.${expected}`].data, `k = ${k}`);
    assert.equal(accuracy, scores[`knn.${expected}`]);
  }
});

Deno.test("linear probe: as good as a converged logistic regression", async () => {
  const found = await fixture("evaluation"), scores = await facts("evaluation");
  const [train, test] = ["train", "test"].map((name) => ({
    features: tensor(found[`${name}.features`]) as tf.Tensor2D,
    labels: found[`${name}.labels`].data as Uint8Array,
  }));
  const fit = () =>
    probe({ train, validation: train, test, classes: 5, epochs: 100, seed: 0, protocol: "standard" });
  const [one, two] = [await fit(), await fit()];
  assert.ok(Math.abs(one.top1 - scores["logistic regression"]) <= 0.0201, `${one.top1}`);
  assert.deepEqual(one, two);
});

Deno.test("views: every operation as torchvision's", async (t) => {
  const found = await fixture("views");
  const { boxes, wide, factors, deviations, kernels, thresholds } = await facts("views");
  const small = found.small.data as Uint8Array, large = found.large.data as Uint8Array;
  const compare = (name: string, actual: Float32Array, tolerance = 1e-5) =>
    t.step(name, () => {
      const expected = found[name].data as Float32Array;
      const worst = actual.reduce((worst, value, at) => Math.max(worst, Math.abs(value - expected[at])), 0);
      assert.ok(worst < tolerance, `off by ${worst}`);
    });
  const box = ([top, left, height, width]: number[]) => ({ top, left, height, width });
  const crop = (image: Uint8Array, size: number, from: number[], mirror = false) => {
    const view = new Float32Array(32 * 32 * 3);
    views.crop(image, size, box(from), mirror, 32, view);
    return view;
  };
  const changed = (...changes: ((view: Float32Array) => void)[]) => {
    const view = crop(small, 32, [0, 0, 32, 32]);
    changes.forEach((change) => change(view));
    return view;
  };
  for (const [at, from] of boxes.entries()) await compare(`crop.${at}`, crop(small, 32, from));
  for (const [at, from] of wide.entries()) await compare(`shrink.${at}`, crop(large, 96, from));
  await compare("mirror", crop(small, 32, [0, 0, 32, 32], true));
  for (const name of ["brightness", "contrast", "saturation", "hue"] as const) {
    for (const [at, factor] of factors[name].entries()) {
      await compare(`${name}.${at}`, changed((view) => views[name](view, factor)), 1e-4);
    }
  }
  await compare("greyscale", changed((view) => views.saturation(view, 0)));
  await compare("solarise", changed((view) => views.solarise(view, 0.5)));
  for (const [at, threshold] of thresholds.entries()) {
    await compare(`solarise.${at}`, changed((view) => views.solarise(view, threshold)));
  }
  for (const [at, sigma] of deviations.entries()) {
    await compare(`blur.${at}`, changed((view) => views.blur(view, 32, sigma, 3)));
  }
  for (const [at, [side, sigma]] of kernels.entries()) {
    await compare(`kernel.${at}`, changed((view) => views.blur(view, 32, sigma, side)));
  }
  const b = (view: Float32Array) => views.brightness(view, 1.4),
    c = (view: Float32Array) => views.contrast(view, 1.4);
  const s = (view: Float32Array) => views.saturation(view, 0.6),
    h = (view: Float32Array) => views.hue(view, 0.1);
  await compare("forward", changed(b, c, s, h), 1e-4);
  await compare("backward", changed(h, s, c, b), 1e-4);
});
