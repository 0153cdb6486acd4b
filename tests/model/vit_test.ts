import assert from "node:assert/strict";
import { join } from "@std/path";
import { UsageError } from "../../lib/base/errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  openSafetensors,
} from "../../lib/base/safetensors.ts";
import { start } from "../../lib/compute/backend.ts";
import { compile, dispose } from "../../lib/compute/compile.ts";
import { exact, gradients, layerNorm } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { DEVIATION, MEAN, normalise } from "../../lib/data/normalise.ts";
import {
  encode,
  type EncoderConfig,
  ENCODERS,
  encoderTitle,
  torchOptions,
} from "../../lib/model/encoders.ts";
import { initialise, type Network, pass } from "../../lib/model/layers.ts";
import { RESNET_18 } from "../../lib/model/resnet.ts";
import {
  countEncoders,
  countParameters,
  initialiseStack,
  stack,
  type StackConfig,
} from "../../lib/model/stack.ts";
import { fromStateDict, toStateDict } from "../../lib/model/state_dict.ts";
import { countVit, vit, type VitConfig } from "../../lib/model/vit.ts";
import { readCheckpoint, saveCheckpoint } from "../../lib/training/checkpoint.ts";
import { optimiser } from "../../lib/training/optimiser.ts";
import {
  initialState,
  readTerms,
  type StepConfig,
  type TrainingState,
  trainingStep,
} from "../../lib/training/step.ts";
import { onTensorFlow } from "../engine.ts";
import { below, deviation, facts, fixture, images, network, parameter, tensor } from "../fixtures/read.ts";
import { channelsFirst, hasTorch, torchFeatures } from "../peers/torch.ts";

await start();

const small: VitConfig = { patch: 4, width: 24, depth: 2, heads: 3, ratio: 4 };

const made = (config: VitConfig, seed = 0, channels = 3): Network =>
  initialise(seed, (pass) => void vit(pass, "e", tf.zeros([1, 32, 32, channels]), config));

const noise = (seed: number, ...shape: [number, number, number, number]) =>
  tf.randomNormal(shape, 0, 1, "float32", seed) as tf.Tensor4D;

const found = await fixture("vit");
for (const [name, config] of Object.entries<VitConfig>(await facts("vit"))) {
  Deno.test(`map, representation and all gradients are PyTorch's: ${name}`, async () => {
    const here = below(found, `${name}.`);
    const net = network(below(here, "state."), (key) => `e.${key}`), probe = images(here.probe);
    const step = compile((parameters: Record<string, tf.Tensor>, x: tf.Tensor4D, probe: tf.Tensor4D) => {
      const { gradients: slopes, aside } = gradients(({ x, ...parameters }) => {
        const encoded = vit(pass({ parameters, statistics: {} }, true), "e", x as tf.Tensor4D, config);
        return { loss: encoded.map.mul(probe).mean() as tf.Scalar, aside: encoded };
      }, { ...parameters, x });
      return { slopes, ...aside };
    });
    const { slopes: { x, ...slopes }, map, representation } = await step(
      net.parameters,
      images(here.x),
      probe,
    );
    assert.ok(deviation(map, images(here.map)) < 1e-4);
    assert.ok(deviation(representation, tensor(here.representation)) < 1e-4);
    assert.ok(deviation(x, images(here["gradient.x"])) < 1e-4);
    assert.deepEqual(
      Object.keys(slopes).sort(),
      Object.keys(below(here, "state.")).map((key) => `e.${key}`).sort(),
    );
    for (const [key, slope] of Object.entries(slopes)) {
      const off = deviation(slope, parameter(here[key.replace("e.", "gradient.")]));
      assert.ok(off < 1e-4, `${key}: ${off}`);
    }
    step.dispose();
  });
}

const lower = { ...RESNET_18, width: 4 }, alone = { kind: "vit", ...small } as const;
const onMap = { ...alone, patch: 1, width: 16, heads: 2 } as const;

/** Two encoders on top of each other. */
const two = (encoders: readonly EncoderConfig[], projector = [8]): StackConfig => ({
  levels: encoders.map((encoder) => ({ encoder, projector })),
  wiring: "prepool",
  stopGradient: false,
});
/** The upper one of two encoders reads an earlier stage. */
function onStage(input: number, encoders: EncoderConfig[]): StackConfig {
  const { levels: [below, above], ...others } = two(encoders);
  return { levels: [below, { ...above, input }], ...others };
}

const STACKS: Readonly<Record<string, StackConfig>> = {
  "alone": two([alone]),
  "on a ResNet's map of 4×4": two([lower, onMap]),
  "under a ResNet": two([alone, lower]),
  "on a ViT's map, of one token": two([alone, { ...onMap, patch: 8 }]),
  "on a ResNet's stage 2": onStage(2, [lower, { ...onMap, patch: 4 }]),
  "under a ResNet that stands on its block 1": onStage(1, [alone, lower]),
  "on an embedding of 8×8": { ...two([alone, alone], [64]), wiring: "embedding" },
};

/** Of a tensor's largest slope, what is rounding and no slope. */
const ROUNDING = 1e-5, DRAWS = 6;

for (const [name, config] of Object.entries(STACKS)) {
  Deno.test(`counts are those of the parameters, and of those that a gradient reaches: a ViT ${name}`, () => {
    countEncoders(config, 32, 32).forEach(({ parameters, live, map }, level) => {
      const prefix = `encoders.${level}.`, { encoder } = config.levels[level];
      if (encoder.kind !== "vit") return;
      const reached: Record<string, Uint8Array> = {};
      for (let seed = 0; seed < DRAWS; seed++) {
        const whole = initialiseStack(config, seed);
        assert.equal(countParameters(whole, prefix), parameters);
        const own = Object.fromEntries(
          Object.entries(whole.parameters).filter(([name]) => name.startsWith(prefix)),
        );
        const { gradients: slopes, aside } = gradients((inner) => {
          const through = pass({ ...whole, parameters: { ...whole.parameters, ...inner } }, true);
          const { representation } = stack(through, noise(seed, 8, 32, 32, 3), config)[level];
          const probe = tf.randomNormal(representation.shape, 0, 1, "float32", seed);
          return { loss: representation.mul(probe).sum() as tf.Scalar, aside: { representation } };
        }, own);
        assert.deepEqual(aside.representation.shape, [8, map[2]]);
        for (const [key, slope] of Object.entries(slopes)) {
          const values = slope.dataSync<"float32">().map(Math.abs),
            seen = reached[key] ??= new Uint8Array(slope.size);
          const least = ROUNDING * values.reduce((most, value) => Math.max(most, value));
          values.forEach((value, at) => seen[at] ||= Number(value > least));
        }
        dispose([whole, slopes, aside]);
      }
      const keys = Object.values(reached).reduce((sum, seen) => sum + seen.reduce((a, b) => a + b), 0);
      assert.equal(keys, live);
    });
  });

  Deno.test(`three steps of training: all is finite, moves, and comes back from a checkpoint: a ViT ${name}`, async () => {
    const loss = { name: "vicreg", invariance: 25, variance: 25, covariance: 1 } as const;
    const levels = config.levels.map((level) => ({ ...level, loss, weight: 1 }));
    const training: StepConfig = { ...config, levels, precision: "float32" };
    const adam = optimiser({ name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
    const step = trainingStep(training, adam), first = initialState(training, adam, 0);
    let state: TrainingState = first;
    const views = [1, 2].map((seed) => tf.randomUniform([16, 32, 32, 3], 0, 1, "float32", seed));
    const totals: number[] = [];
    for (const number of [1, 2, 3]) {
      const [one, other] = views as tf.Tensor4D[];
      const result = await step(state, [one, other], tf.scalar(1e-3), tf.scalar(number));
      totals.push(readTerms(result.terms).reduce((sum, { total }) => sum + total, 0));
      state = result.state;
    }
    assert.ok(totals[2] < totals[0], `${totals}`);
    for (const [name, parameter] of Object.entries(state.parameters)) {
      const moved = parameter.sub(first.parameters[name]).abs();
      assert.ok(moved.isFinite().all().dataSync()[0] && moved.max().dataSync()[0] > 0, name);
    }
    const folder = await Deno.makeTempDir();
    await saveCheckpoint(folder, state, { step: 3, seconds: 1 });
    const { state: back } = (await readCheckpoint(folder))!;
    for (const [name, parameter] of Object.entries(state.parameters)) {
      assert.deepEqual(back.parameters[name].dataSync(), parameter.dataSync(), name);
    }
    await Deno.remove(folder, { recursive: true });
    step.dispose();
  });
}

Deno.test("multiplications are those of all weights for each token, and of attention's two products", () => {
  const tokens = 8 * 8, { multiplications, parameters } = countVit(small, [32, 32, 3]);
  const sizes = Object.values(made(small).parameters).map(({ rank, size }) => [rank, size]);
  const weights = sizes.reduce((sum, [rank, size]) => rank > 1 ? sum + size : sum, 0);
  assert.equal(multiplications, tokens * weights + small.depth * 2 * tokens * tokens * small.width);
  assert.equal(parameters, sizes.reduce((sum, [, size]) => sum + size, 0));
});

Deno.test("parameters start as big_vision's, by seed and name alone, for inputs of any size", () => {
  const config = { ...small, width: 96, patch: 5 };
  const { parameters, statistics } = made(config, 1);
  assert.deepEqual(statistics, {});
  const values = (name: string) => parameters[`e.${name}`].dataSync<"float32">();
  const largest = (name: string) => values(name).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const spread = (name: string) => Math.sqrt(parameters[`e.${name}`].square().mean().dataSync()[0]);
  const near = (value: number, expected: number, by: number, name: string) =>
    assert.ok(Math.abs(value / expected - 1) < by, `${name}: ${value}, not ${expected}`);
  for (
    const [name, from, to] of [["attn.qkv", 96, 96], ["attn.proj", 96, 96], ["mlp.fc1", 96, 384], [
      "mlp.fc2",
      384,
      96,
    ]] as const
  ) {
    const bound = Math.sqrt(6 / (from + to)), weight = `blocks.1.${name}.weight`;
    assert.ok(largest(weight) <= bound);
    near(largest(weight), bound, 0.01, weight);
    near(spread(weight), bound / Math.sqrt(3), 0.02, weight);
  }
  const deviation = Math.sqrt(1 / 75);
  near(spread("patch_embed.proj.weight"), deviation, 0.05, "patches");
  near(largest("patch_embed.proj.weight"), 2 * deviation / 0.87962566, 0.01, "patches");
  near(spread("blocks.0.mlp.fc1.bias"), 1e-6, 0.2, "fc1");
  for (const [name, parameter] of Object.entries(parameters)) {
    if (parameter.rank > 1 || /mlp/.test(name)) continue;
    const value = Number(/norm\d?\.weight/.test(name));
    assert.ok(parameter.dataSync().every((x) => x === value), name);
  }
  const other = initialise(1, (pass) => void vit(pass, "e", tf.zeros([2, 10, 15, 3]), config)).parameters;
  for (const [name, parameter] of Object.entries(other)) {
    assert.deepEqual(parameter.dataSync(), parameters[name].dataSync(), name);
  }
  assert.notDeepEqual(
    made(config, 2).parameters["e.blocks.0.attn.qkv.weight"].dataSync(),
    values("blocks.0.attn.qkv.weight"),
  );
  assert.notDeepEqual(values("blocks.1.attn.qkv.weight"), values("blocks.0.attn.qkv.weight"));
});

Deno.test("options and inputs that do not fit are refused, before training and in it", () => {
  for (
    const [config, message] of [
      [
        { ...small, heads: 5 },
        "A ViT of width 24 cannot have 5 heads, each with an equal part of it. " +
        "Choose a width that is a multiple of 5, or other heads.",
      ],
      [
        { ...small, width: 18 },
        "A ViT of width 18 has no positions: they are sines and cosines along two axes. " +
        "Choose a width that is a multiple of 4, from 8 on.",
      ],
      [
        { ...small, width: 4, heads: 1 },
        "A ViT of width 4 has no positions: they are sines and cosines along two axes. " +
        "Choose a width that is a multiple of 4, from 8 on.",
      ],
      [
        { ...small, patch: 5 },
        "Patches of 5×5 do not fill a ViT's input of 32×20. " +
        "Choose another patch, or an input whose sides are multiples of 5.",
      ],
    ] as const
  ) {
    const refused = (run: () => unknown) => assert.throws(run, new UsageError(message));
    refused(() => countVit(config, [32, 20, 3]));
    refused(() => vit(pass({ parameters: {}, statistics: {} }, false), "e", noise(1, 1, 32, 20, 3), config));
  }
});

Deno.test("in a spec depth and heads have to be said; a reader is told depth and patch", () => {
  assert.deepEqual(ENCODERS.vit.options.parse({ depth: 6, heads: 3 }), {
    patch: 4,
    width: 192,
    depth: 6,
    heads: 3,
    ratio: 4,
  });
  assert.throws(() => ENCODERS.vit.options.parse({ heads: 3 }), /depth/);
  assert.equal(encoderTitle(alone), "ViT-2/4");
});

Deno.test("in a bfloat16 step layer norm, sums over blocks and the map are in float32", {
  ignore: !onTensorFlow,
}, async () => {
  const net = made(small),
    x = noise(1, 4, 32, 32, 3),
    [w, scale] = [noise(2, 1, 1, 48, 24), noise(3, 1, 1, 1, 24)];
  const norm = compile((x: tf.Tensor2D, w: tf.Tensor2D, scale: tf.Tensor1D) => {
    const z = exact(tf.matMul(x, w) as tf.Tensor2D).add(100) as tf.Tensor2D;
    return { z, y: layerNorm(z, scale, scale) };
  }, { precision: "bfloat16" });
  const { z, y } = await norm(x.reshape([256, 48]), w.reshape([48, 24]), scale.reshape([24]));
  assert.ok(deviation(y, layerNorm(z as tf.Tensor2D, scale.reshape([24]), scale.reshape([24]))) < 1e-6);
  const run = (precision: "float32" | "bfloat16") =>
    compile((network: Network, x: tf.Tensor4D) => ({ map: vit(pass(network, true), "e", x, small).map }), {
      precision,
    })(net, x);
  const [{ map }, { map: rounded }] = [await run("float32"), await run("bfloat16")];
  const off = deviation(rounded, map);
  assert.ok(off > 1e-5 && off < 0.02, `${off}`);
  // bfloat16 has the upper half of a float32's bits.
  const bits = new Uint32Array(rounded.dataSync<"float32">().buffer);
  assert.ok(bits.filter((bits) => (bits & 0xffff) > 0).length > 0.99 * bits.length);
});

Deno.test("a state dict has the fixture's names and layouts; a ViT's is refused where a ResNet's is read", () => {
  const given = below(found, "images.state.");
  const state = toStateDict(network(given, (key) => `encoders.0.${key}`), 0);
  assert.deepEqual(state, given);
  const file = openSafetensors(encodeSafetensors(state), "f").tensors;
  assert.throws(
    () => fromStateDict(file, "f"),
    /^DataError: f has no conv1\.weight, the first layer of torchvision's ResNet; it has .* Save model\.state_dict\(\) of such a ResNet\.$/,
  );
});

for (const [name, config] of Object.entries(STACKS)) {
  Deno.test({
    name: `PyTorch loads a ViT ${name}, in its stack and by itself, and computes the same ` +
      "(SJEA_PYTHON: torch, safetensors)",
    ignore: !hasTorch,
    async fn() {
      const folder = await Deno.makeTempDir(), path = (name: string) => join(folder, name);
      const read = async (file: string) => decodeSafetensors(await Deno.readFile(path(file)), file).tensors;
      const initial = initialiseStack(config, 1),
        x = tf.randomUniform([5, 32, 32, 3], 0, 1, "float32", 1) as tf.Tensor4D;
      // No norm is the identity.
      const parameters = Object.fromEntries(
        Object.entries(initial.parameters).map((
          [name, weight],
          at,
        ) => [name, weight.add(tf.randomNormal(weight.shape, 0, 0.1, "float32", at))]),
      );
      const whole: Network = { ...initial, parameters };
      const metadata = { config: JSON.stringify(config), mean: MEAN.join(" "), std: DEVIATION.join(" ") };
      await Deno.writeFile(
        path("x"),
        encodeSafetensors({ x: channelsFirst(x), y: channelsFirst(normalise(x)) }),
      );
      await Deno.writeFile(path("stack"), encodeSafetensors(toStateDict(whole, "all"), metadata));
      const about = { ...torchOptions(config.levels[0].encoder), channels: "3" };
      await Deno.writeFile(path("lowest"), encodeSafetensors(toStateDict(whole, 0), about));
      await torchFeatures([
        { file: path("stack"), input: path("x"), read: "x", output: path("all") },
        { file: path("lowest"), input: path("x"), read: "y", output: path("one") },
      ]);
      const [all, one] = [await read("all"), await read("one")];
      const near = (host: HostTensor, expected: tf.Tensor) => {
        const off = deviation(tensor(host), expected);
        assert.ok(off < 1e-4, `${off}`);
      };
      for (
        const [at, { representation, embedding }] of stack(pass(whole, false), normalise(x), config).entries()
      ) {
        near(all[`${at}.representation`], representation);
        near(all[`${at}.embedding`], embedding);
        if (at === 0) near(one.representation, representation);
      }
      const { map } = encode(pass(whole, false), "encoders.0", normalise(x), config.levels[0].encoder);
      assert.ok(deviation(images(one.map), map) < 1e-4);
      await Deno.remove(folder, { recursive: true });
    },
  });
}
