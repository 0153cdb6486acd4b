import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "@std/path";
import { DataError } from "../../lib/base/errors.ts";
import { generator } from "../../lib/base/random.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  openSafetensors,
} from "../../lib/base/safetensors.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { generate } from "../../lib/data/generated.ts";
import { DEVIATION, MEAN, normalise } from "../../lib/data/normalise.ts";
import { features } from "../../lib/evaluation/features.ts";
import { initialise, type Network, pass } from "../../lib/model/layers.ts";
import { resnet, RESNET_18 } from "../../lib/model/resnet.ts";
import { initialiseStack, stack, type StackConfig } from "../../lib/model/stack.ts";
import { fromStateDict, readStateDict, toStateDict } from "../../lib/model/state_dict.ts";
import { optimiser } from "../../lib/training/optimiser.ts";
import { type TrainingState, trainingStep } from "../../lib/training/step.ts";
import { below, deviation, type Fixture, fixture, images } from "../fixtures/read.ts";
import { channelsFirst, hasTorch, torchFeatures } from "../peers/torch.ts";

await start();

const small = { ...RESNET_18, width: 4, zeroInitResidual: false };

/** Two encoders of one kind on top of each other. */
const twice = (encoder: typeof RESNET_18): StackConfig => ({
  levels: [{ encoder, projector: [8] }, { encoder, projector: [] }],
  wiring: "prepool",
  stopGradient: false,
});

/** Batch norm that is not the identity. */
function randomised({ parameters, statistics }: Network): Network {
  const random = generator("state dict");
  const vary = (tensors: Network["parameters"], deviation: number) =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        if (tensor.rank > 1) return [name, tensor];
        const values = tensor.dataSync().map((value) => value + deviation * random.uniform(-1, 1));
        return [name, tf.tensor(values, tensor.shape)];
      }),
    );
  return { parameters: vary(parameters, 0.4), statistics: vary(statistics, 0.5) };
}

const resnet18 = (channels = 3) =>
  initialise(1, (pass) => void resnet(pass, "encoders.0", tf.zeros([1, 8, 8, channels]), small));

/** Tensors as they stand in a file f. */
const stored = (tensors: Fixture) => openSafetensors(encodeSafetensors(tensors), "f").tensors;

/** The state dict of a small ResNet-18, as it comes from a file. */
const state = (channels = 3): Fixture =>
  decodeSafetensors(encodeSafetensors(toStateDict(resnet18(channels), 0)), "x").tensors;

/** Shapes and values of what stands below a prefix. */
const values = (tensors: Network["parameters"], prefix = "") =>
  Object.fromEntries(
    Object.entries(tensors).filter(([name]) => name.startsWith(prefix))
      .map(([name, x]) => [name.slice(prefix.length), [x.shape, x.dataSync()]]),
  );

for (const depth of [18, 34, 50] as const) {
  for (const stem of ["cifar", "imagenet"] as const) {
    Deno.test(`a ResNet-${depth} with the ${stem} stem comes back bit by bit, from either stack`, () => {
      const encoder = { ...small, depth, stem };
      const network = randomised(initialiseStack(twice(encoder), 3));
      for (const level of [0, 1]) {
        const bytes = encodeSafetensors(toStateDict(network, level));
        const back = fromStateDict(openSafetensors(bytes, "x").tensors, "x");
        assert.deepEqual(back.config, {
          levels: [{ encoder, projector: [] }],
          wiring: "prepool",
          stopGradient: false,
        });
        for (const group of ["parameters", "statistics"] as const) {
          const expected = values(network[group], `encoders.${level}.`);
          assert.deepEqual(values(back.network[group], "encoders.0."), expected);
        }
        dispose(back.network);
      }
      dispose(network);
    });
  }
}

const fixtures = await fixture("resnet18");
const WRITTEN = [["resnet18", 18, "cifar"], ["imagenet", 18, "imagenet"], ["resnet50", 50, "cifar"]] as const;

for (const [name, depth, stem] of WRITTEN) {
  Deno.test(`the state dict that PyTorch wrote of ${name} gives PyTorch's representations`, () => {
    const given = below(fixtures, `${name}.state.`);
    const { network, config } = fromStateDict(stored(given), name);
    assert.deepEqual(config.levels[0].encoder, { ...small, depth, stem });
    const x = images(fixtures[`${name}.x`]);
    const [{ representation }] = stack(pass(network, false), x, config);
    const expected = fixtures[`${name}.evaluation`];
    const off = deviation(representation, tf.tensor(expected.data as Float32Array, [...expected.shape]));
    assert.ok(off < 1e-5, `${off}`);
    // And its names are PyTorch's, counters aside.
    const names = Object.keys(toStateDict(network, 0));
    const counters = names.filter((name) => name.endsWith(".num_batches_tracked"));
    assert.deepEqual(names.filter((name) => !counters.includes(name)).sort(), Object.keys(given).sort());
    assert.equal(counters.length, names.filter((name) => name.endsWith(".running_mean")).length);
    dispose(network);
  });
}

Deno.test("every batch norm counts the batches it was trained on, in 64 bits", () => {
  const { "bn1.num_batches_tracked": one, "layer2.0.downsample.1.num_batches_tracked": other } = toStateDict(
    resnet18(),
    0,
    780,
  );
  assert.deepEqual([one, other], new Array(2).fill({ shape: [], data: BigInt64Array.of(780n) }));
  assert.deepEqual(toStateDict(resnet18(), 0)["bn1.num_batches_tracked"].data, BigInt64Array.of(0n));
});

Deno.test("a whole stack has the names and layouts of a module with encoders and projectors", () => {
  const network = randomised(initialiseStack(twice(small), 1)), all = toStateDict(network, "all", 3);
  const projectors: Record<string, number[]> = {
    "projectors.0.0.weight": [8, 32],
    "projectors.0.0.bias": [8],
  };
  const names = [0, 1].flatMap((level) =>
    Object.keys(toStateDict(network, level)).map((name) => `encoders.${level}.${name}`)
  );
  assert.deepEqual(Object.keys(all).sort(), [...names, ...Object.keys(projectors)].sort());
  for (const level of [0, 1]) {
    for (const [name, value] of Object.entries(toStateDict(network, level, 3))) {
      assert.deepEqual(all[`encoders.${level}.${name}`], value);
    }
  }
  for (const [name, shape] of Object.entries(projectors)) assert.deepEqual(all[name].shape, shape);
  const weight = network.parameters["projectors.0.0.weight"].transpose();
  assert.deepEqual(all["projectors.0.0.weight"].data, weight.dataSync());
});

Deno.test("of a whole stack one encoder is read", () => {
  const network = randomised(initialiseStack(twice(small), 1));
  const file = openSafetensors(encodeSafetensors(toStateDict(network, "all")), "f").tensors;
  const { leftOut, ...upper } = fromStateDict(file, "f", "encoders.1.");
  const expected = values(network.parameters, "encoders.1.");
  assert.deepEqual(values(upper.network.parameters, "encoders.0."), expected);
  assert.ok(leftOut.includes("projectors.0.0.weight"));
  assert.throws(
    () => fromStateDict(file, "f"),
    new DataError(
      'f has 2 encoders, whose names begin with "encoders.0.", "encoders.1.". Choose one: --prefix "encoders.0.".',
    ),
  );
});

Deno.test("a level that is not there is refused", () => {
  assert.throws(() => toStateDict(resnet18(), 1), new RangeError("The network has no encoder at level 1."));
});

/** The same tensors under other names. */
const renamed = (tensors: Fixture, rename: (name: string) => string): Fixture =>
  Object.fromEntries(Object.entries(tensors).map(([name, host]) => [rename(name), host]));

/** As `nn.Sequential(*resnet.children())` numbers them, without what is not listed. */
const numbered = (...children: string[]) => (name: string) => {
  const [child] = name.split(".", 1);
  return children.indexOf(child) + name.slice(child.length);
};

const head: Fixture = {
  "fc.weight": { shape: [10, 32], data: new Float32Array(320) },
  "fc.bias": { shape: [10], data: new Float32Array(10) },
};
const projector: Fixture = { "projection_head.layers.0.weight": { shape: [1], data: Float32Array.of(1) } };
const CHILDREN = "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4 avgpool fc".split(" ");
const NAMED: Record<string, (state: Fixture) => Fixture> = {
  "as torchvision's": (state: Fixture) => ({ ...state, ...head }),
  ...Object.fromEntries(
    ["module.", "encoder.", "backbone.", "module.encoder_q.", "model.backbone.", "online.0."].map((
      prefix,
    ) => [
      `below ${prefix}, beside others`,
      (state: Fixture) => ({ ...renamed({ ...head, ...state }, (name) => prefix + name), ...projector }),
    ]),
  ),
  "as lightly's children of a Sequential": (state: Fixture) => ({
    ...renamed({ ...state, ...head }, (name) => `backbone.${numbered(...CHILDREN)(name)}`),
    ...projector,
  }),
  "as children of a Sequential without max-pooling": (state: Fixture) =>
    renamed(
      state,
      (name) => `f.${numbered("conv1", "bn1", "relu", "layer1", "layer2", "layer3", "layer4")(name)}`,
    ),
  "as kuangliu's, with shortcut and linear": (state: Fixture) =>
    renamed(
      { ...state, ...head },
      (name) => name.replace(".downsample.", ".shortcut.").replace(/^fc\./, "linear."),
    ),
};

for (const [names, write] of Object.entries(NAMED)) {
  Deno.test(`an encoder named ${names} is read, without head and counters`, () => {
    const plain = state(), file = write(plain);
    const { network, leftOut } = fromStateDict(stored(file), "x");
    assert.deepEqual(
      values(network.parameters),
      values(fromStateDict(stored(plain), "x").network.parameters),
    );
    const beside = Object.keys(file).filter((name) =>
      /fc\.|linear|backbone\.9\.|projection/.test(name) && !name.endsWith("num_batches_tracked")
    );
    assert.deepEqual([...leftOut].sort(), beside.sort());
  });
}

Deno.test("of several encoders one is read that is asked for, and all are named", () => {
  const [query, key] = ["module.encoder_q.", "module.encoder_k."];
  const [one, other] = [state(), renamed(state(), (name) => name)];
  other["bn1.bias"] = { shape: [4], data: Float32Array.of(1, 2, 3, 4) };
  const file = stored({
    ...renamed(one, (name) => query + name),
    ...renamed(other, (name) => key + name),
    "module.queue": { shape: [1], data: new Float32Array(1) },
  });
  const bias = (prefix: string) =>
    fromStateDict(file, "f", prefix).network.parameters["encoders.0.bn1.bias"].dataSync();
  assert.deepEqual([...bias(query)], [0, 0, 0, 0]);
  assert.deepEqual([...bias(key)], [1, 2, 3, 4]);
  assert.throws(
    () => fromStateDict(file, "f"),
    new DataError(
      'f has 2 encoders, whose names begin with "module.encoder_q.", "module.encoder_k.". ' +
        'Choose one: --prefix "module.encoder_q.".',
    ),
  );
  assert.throws(
    () => fromStateDict(file, "f", "encoder_q"),
    new DataError(
      'f has no encoder whose names begin with "encoder_q". Valid: "module.encoder_q.", "module.encoder_k.".',
    ),
  );
});

/** A file with these bytes for tensors of any type beside or instead of an encoder's own. */
function typed(
  tensors: Fixture,
  others: Record<string, { dtype: string; bytes: Uint8Array; shape: number[] }>,
) {
  const whole = encodeSafetensors(tensors);
  const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(8, 8 + length)));
  let end = whole.length - 8 - length;
  for (const [name, { dtype, shape, bytes }] of Object.entries(others)) {
    header[name] = { dtype, shape, data_offsets: [end, end += bytes.length] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const size = new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
  const parts = [size, json, whole.subarray(8 + length), ...Object.values(others).map(({ bytes }) => bytes)];
  return new Uint8Array(Buffer.concat(parts));
}

Deno.test("what is left out may be of any type, and hold any number", () => {
  const others = {
    "mask": { dtype: "BOOL", shape: [3], bytes: new Uint8Array(3) },
    "fc.weight": { dtype: "F16", shape: [2], bytes: new Uint8Array(4) },
    "queue_ptr": { dtype: "I64", shape: [1], bytes: new Uint8Array(8).fill(127) },
    "scale": { dtype: "F8_E4M3", shape: [1], bytes: new Uint8Array(1) },
    "bn1.num_batches_tracked": { dtype: "I64", shape: [], bytes: new Uint8Array(8).fill(127) },
  };
  const { "bn1.num_batches_tracked": _, ...tensors } = state();
  const { leftOut } = fromStateDict(openSafetensors(typed(tensors, others), "f").tensors, "f");
  assert.deepEqual([...leftOut].sort(), ["fc.weight", "mask", "queue_ptr", "scale"]);
});

Deno.test("weights of 16 bits are read exactly, of 64 bits refused with what to do", () => {
  const { "bn1.bias": _, ...tensors } = state();
  const bias = (dtype: string, bytes: Uint8Array) =>
    fromStateDict(
      openSafetensors(typed(tensors, { "bn1.bias": { dtype, shape: [4], bytes } }), "f").tensors,
      "f",
    )
      .network.parameters["encoders.0.bn1.bias"].dataSync();
  const half = [1.5, -0.000030517578125, 65504, 5.960464477539063e-8];
  assert.deepEqual([...bias("F16", new Uint8Array(new Float16Array(half).buffer))], half);
  const brain = [1.5, -3.0625, 2 ** 127, 2 ** -126];
  const upper = Uint16Array.from(new Uint32Array(Float32Array.from(brain).buffer), (bits) => bits >>> 16);
  assert.deepEqual([...bias("BF16", new Uint8Array(upper.buffer))], brain);
  assert.throws(
    () => bias("F64", new Uint8Array(32)),
    new DataError(
      "f: bn1.bias is of type F64, which cannot be read. Types: F32, F16, BF16, I64, I32, U8. " +
        "In PyTorch, x.float() makes an F32 of any tensor.",
    ),
  );
});

const floats = (...shape: number[]): HostTensor => ({
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
});
const PLAIN = "Only torchvision's plain ResNets can be read";

const refused: Record<string, [change: (state: Fixture) => Fixture, message: string]> = {
  "nothing": [
    () => ({}),
    "f has no conv1.weight, the first layer of torchvision's ResNet. Save model.state_dict() of such a ResNet.",
  ],
  "another network": [
    ({ "layer1.0.conv1.weight": inner }) => ({ "layer1.0.conv1.weight": inner, b: floats(1) }),
    "f has no conv1.weight, the first layer of torchvision's ResNet; it has layer1.0.conv1.weight, b. " +
    "Save model.state_dict() of such a ResNet.",
  ],
  "a run's own file": [
    (state) => renamed(state, (name) => `parameters/encoders.0.${name}`),
    "f is a run's own file, with projectors and all encoders. deno task export writes what is read here.",
  ],
  "another stem": [
    (state) => ({ ...state, "conv1.weight": floats(4, 3, 5, 5) }),
    "f: conv1.weight has shape [4,3,5,5], expected [width,channels,3,3] or [width,channels,7,7]. " +
    `${PLAIN}.`,
  ],
  "a first layer that is no convolution": [
    (state) => ({ ...state, "conv1.weight": floats(4, 3) }),
    `f: conv1.weight has shape [4,3], expected [width,channels,3,3] or [width,channels,7,7]. ${PLAIN}.`,
  ],
  "no channels": [
    (state) => ({ ...state, "conv1.weight": floats(4, 0, 3, 3) }),
    `f: conv1.weight has shape [4,0,3,3], expected [width,channels,3,3] or [width,channels,7,7]. ${PLAIN}.`,
  ],
  "another number of blocks": [
    (state) => Object.fromEntries(Object.entries(state).filter(([name]) => !name.startsWith("layer3.1."))),
    "f: its stages have 2, 2, 1, 2 basic blocks. " +
    "Expected 2, 2, 2, 2 basic blocks (ResNet-18) or 3, 4, 6, 3 basic blocks (ResNet-34) " +
    "or 3, 4, 6, 3 bottlenecks (ResNet-50).",
  ],
  "blocks of another kind": [
    (state) => ({ ...state, "layer1.0.conv3.weight": floats(16, 4, 1, 1) }),
    "f: its stages have 2, 2, 2, 2 bottlenecks. " +
    "Expected 2, 2, 2, 2 basic blocks (ResNet-18) or 3, 4, 6, 3 basic blocks (ResNet-34) " +
    "or 3, 4, 6, 3 bottlenecks (ResNet-50).",
  ],
  "a missing parameter": [
    ({ "layer2.0.downsample.0.weight": _, ...state }) => state,
    "f has no layer2.0.downsample.0.weight, in a ResNet-18 of width 4 of shape [8,4,1,1]. " +
    "Save the whole model.state_dict().",
  ],
  "a missing statistic": [
    ({ "bn1.running_var": _, ...state }) => state,
    "f has no bn1.running_var, in a ResNet-18 of width 4 of shape [4]. Save the whole model.state_dict().",
  ],
  "a missing parameter below a prefix": [
    ({ "bn1.weight": _, ...state }) => renamed(state, (name) => `backbone.${numbered(...CHILDREN)(name)}`),
    'f has no bn1.weight below "backbone.", in a ResNet-18 of width 4 of shape [4]. ' +
    "Save the whole model.state_dict().",
  ],
  "batch norm without statistics": [
    (state) => Object.fromEntries(Object.entries(state).filter(([name]) => !name.includes("running_"))),
    "f has no bn1.running_mean, in a ResNet-18 of width 4 of shape [4]. " +
    "A batch norm without running statistics (track_running_stats=False) cannot be evaluated.",
  ],
  "a weight that is no number": [
    (state) => {
      const { shape, data } = state["layer3.0.conv1.weight"];
      const damaged = data.slice();
      damaged[8 * 9 + 2 * 9 + 5] = NaN;
      return { ...state, "layer3.0.conv1.weight": { shape, data: damaged } };
    },
    "f: layer3.0.conv1.weight[1,2,1,2] is NaN, but weights are finite numbers. " +
    "Its training diverged or the file is damaged: take another one, such as an earlier checkpoint.",
  ],
  "a variance below 0": [
    (state) =>
      renamed(
        { ...state, "bn1.running_var": { shape: [4], data: Float32Array.of(1, 0, -1, 1) } },
        (name) => `module.${name}`,
      ),
    "f: module.bn1.running_var[2] is -1, but variances are finite and not negative. " +
    "Its training diverged or the file is damaged: take another one, such as an earlier checkpoint.",
  ],
  "a name too many": [
    (state) => ({ ...state, "layer1.0.conv1.bias": floats(4) }),
    `f: a ResNet-18 of width 4 has no layer1.0.conv1.bias. ${PLAIN}; if it belongs to something else, leave it out.`,
  ],
  "another shape": [
    (state) => ({ ...state, "layer4.1.conv2.weight": floats(32, 16, 3, 3) }),
    "f: layer4.1.conv2.weight has shape [32,16,3,3], in a ResNet-18 of width 4 it has [32,32,3,3]. " +
    `${PLAIN}.`,
  ],
  "another type": [
    (state) => ({ ...state, "bn1.bias": { shape: [4], data: new Int32Array(4) } }),
    "f: bn1.bias holds integers, expected F32. Save bn1.bias.float().",
  ],
};

for (const [what, [change, message]] of Object.entries(refused)) {
  Deno.test(`${what} is refused by name`, () => {
    assert.throws(() => fromStateDict(stored(change(state())), "f"), new DataError(message));
  });
}

/** Calls with a folder that is gone afterwards. */
async function inFolder(use: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use((name) => join(folder, name));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an encoder in a file gives the representations of the network it comes from", () =>
  inFolder(async (path) => {
    const network = randomised(initialiseStack(twice(small), 1));
    await Deno.writeFile(path("e.safetensors"), encodeSafetensors(toStateDict(network, 0)));
    const encoder = await readStateDict(path("e.safetensors"));
    const { train } = generate({ seed: 1, train: 5, test: 0 });
    const [expected] = await features(network, twice(small), train);
    const [found] = await features(encoder.network, encoder.config, train);
    assert.deepEqual(found.dataSync(), expected.dataSync());
  }));

Deno.test("what is no safetensors file is refused with what to do", () =>
  inFolder(async (path) => {
    const file = path("resnet18.pth");
    for (const nothing of [file, path("")]) {
      await assert.rejects(
        readStateDict(nothing),
        new DataError(`There is no file ${nothing}. Name a safetensors file with a ResNet's state dict.`),
      );
    }
    await Deno.writeFile(file, Uint8Array.fromHex(`80028a0a${"00".repeat(40)}`));
    await assert.rejects(readStateDict(file), {
      name: "DataError",
      message:
        /^.*resnet18\.pth is a pickle of PyTorch's, no safetensors file\. Save its tensors alone, in Python: /,
    });
  }));

const read = async (file: string) => decodeSafetensors(await Deno.readFile(file), file).tensors;
const matrix = ({ data, shape }: HostTensor) => tf.tensor(data as Float32Array, [...shape]);

Deno.test({
  name: "PyTorch loads strictly what is written here and computes the same (SJEA_PYTHON: torch, safetensors)",
  ignore: !hasTorch,
  fn: () =>
    inFolder(async (path) => {
      const x = tf.randomNormal([3, 32, 32, 3], 0, 1, "float32", 1) as tf.Tensor4D;
      await Deno.writeFile(path("x"), encodeSafetensors({ x: channelsFirst(x) }));
      const jobs = [], expected: tf.Tensor[] = [];
      for (const [depth, stem] of [[18, "cifar"], [50, "cifar"], [34, "imagenet"]] as const) {
        const encoder = { ...small, depth, stem }, config = twice(encoder);
        const network = randomised(initialiseStack(config, 2));
        expected.push(...stack(pass(network, false), x, config).map(({ representation }) => representation));
        for (const level of [0, 1]) {
          const state = toStateDict(network, level);
          const channels = `${state["conv1.weight"].shape[1]}`;
          const metadata = { depth: `${depth}`, width: "4", channels, stem };
          const name = path(`${depth}-${level}`);
          await Deno.writeFile(name, encodeSafetensors(state, metadata));
          const [input, read] = level === 0 ? [path("x"), "x"] : [path(`${depth}-0.out`), "map"];
          jobs.push({ file: name, input, read, output: `${name}.out` });
        }
      }
      await torchFeatures(jobs);
      for (const [at, { file, output }] of jobs.entries()) {
        const off = deviation(expected[at], matrix((await read(output)).representation));
        assert.ok(off < 1e-4, `${file}: ${off}`);
      }
    }),
});

Deno.test({
  name: "in PyTorch a file that does not say what it holds is refused (SJEA_PYTHON: torch, safetensors)",
  ignore: !hasTorch,
  fn: () =>
    inFolder(async (path) => {
      const file = path("e");
      await Deno.writeFile(file, encodeSafetensors(toStateDict(resnet18(), 0)));
      await assert.rejects(torchFeatures([{ file, input: file, read: "x", output: path("o") }]), {
        message: /e does not say which network it is of: write it with deno task export\./,
      });
    }),
});

/** A stack after three steps of training on noise, so that no weight and no statistic is what it was at first. */
async function trained(config: StackConfig): Promise<Network> {
  const optimise = optimiser({ name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  const loss = { name: "vicreg", invariance: 25, variance: 25, covariance: 1 } as const;
  const levels = config.levels.map((level) => ({ ...level, loss, weight: 1 }));
  const step = trainingStep({ ...config, levels, precision: "float32" }, optimise);
  const network = initialiseStack(config, 4);
  let state: TrainingState = { ...network, slots: optimise.slots(network.parameters) };
  for (const number of [1, 2, 3]) {
    const [one, other] = [0, 1].map((view) => noise(16, 2 * number + view));
    ({ state } = await step(state, [one, other], tf.scalar(0.001), tf.scalar(number)));
  }
  step.dispose();
  return state;
}

const noise = (batch: number, seed: number) =>
  tf.randomUniform([batch, 32, 32, 3], 0, 1, "float32", seed) as tf.Tensor4D;

for (const depth of [18, 50] as const) {
  for (const wiring of ["prepool", "embedding"] as const) {
    Deno.test({
      name: `PyTorch loads a whole stack of two ResNet-${depth}, wired by ${wiring}, and computes the same ` +
        "(SJEA_PYTHON: torch, safetensors)",
      ignore: !hasTorch,
      fn: () =>
        inFolder(async (path) => {
          const levels = [
            { encoder: { ...small, depth }, projector: [12, 12, 8] },
            {
              encoder: { ...small, depth, width: 6, strides: [1, 2, 1, 1] },
              projector: depth === 18 ? [] : [10],
            },
          ];
          const config: StackConfig = { levels, wiring, stopGradient: false };
          const network = await trained(config), x = noise(5, 1);
          const metadata = {
            config: JSON.stringify(config),
            mean: MEAN.join(" "),
            std: DEVIATION.join(" "),
          };
          const [file, input, output] = ["stack", "x", "out"].map(path);
          await Deno.writeFile(file, encodeSafetensors(toStateDict(network, "all"), metadata));
          await Deno.writeFile(input, encodeSafetensors({ x: channelsFirst(x) }));
          await torchFeatures([{ file, input, read: "x", output }]);
          const found = await read(output), evaluation = pass(network, false), y = normalise(x);
          const expected: Record<string, tf.Tensor> = {};
          for (const [at, level] of stack(evaluation, y, config).entries()) {
            for (const [name, value] of Object.entries(level)) expected[`${at}.${name}`] = value;
            // A map's mean is the representation.
            expected[`${at}.map`] = level.representation;
          }
          assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
          for (const [name, value] of Object.entries(expected)) {
            const given = found[name].shape.length === 4
              ? images(found[name]).mean([1, 2])
              : matrix(found[name]);
            const off = deviation(given, value);
            assert.ok(off < 1e-4, `${name}: ${off}`);
          }
          const { map } = resnet(evaluation, "encoders.0", y, levels[0].encoder);
          assert.ok(deviation(images(found["0.map"]), map) < 1e-4);
        }),
    });
  }
}

Deno.test({
  name: "what PyTorch writes is read and computes the same (SJEA_PYTHON: torch, safetensors)",
  ignore: !hasTorch,
  fn: () =>
    inFolder(async (path) => {
      const made = [
        [18, 4, "cifar", 3],
        [18, 4, "cifar", 32],
        [50, 4, "cifar", 3],
        [50, 4, "cifar", 128],
        [34, 4, "imagenet", 3],
        // torchvision's own, where it is there.
        [18, 64, "cifar", 3],
      ] as const;
      const jobs = made.map((make, at) => ({
        make,
        file: path(`${at}`),
        input: path(`${at}.in`),
        read: "x",
        output: path(`${at}.out`),
      }));
      await torchFeatures(jobs);
      for (const { make, file, input, output } of jobs) {
        const { network, config } = await readStateDict(file);
        const [depth, width, stem, channels] = make;
        assert.deepEqual(config.levels[0].encoder, { ...small, depth, width, stem });
        assert.equal(network.parameters["encoders.0.conv1.weight"].shape[2], channels);
        const x = images((await read(input)).x);
        const { map, representation } = resnet(
          pass(network, false),
          "encoders.0",
          x,
          config.levels[0].encoder,
        );
        const expected = await read(output);
        for (
          const off of [
            deviation(map, images(expected.map)),
            deviation(representation, matrix(expected.representation)),
          ]
        ) {
          assert.ok(off < 1e-4, `${make}: ${off}`);
        }
        dispose([network, map, representation]);
      }
    }),
});
