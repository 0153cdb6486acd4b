import assert from "node:assert/strict";
import { join } from "@std/path";
import { DataError } from "../../lib/base/errors.ts";
import { generator } from "../../lib/base/random.ts";
import { decodeSafetensors, encodeSafetensors, type HostTensor } from "../../lib/base/safetensors.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { generate } from "../../lib/data/generated.ts";
import { features } from "../../lib/evaluation/features.ts";
import { initialise, type Network, pass } from "../../lib/model/layers.ts";
import { type EncoderConfig, resnet } from "../../lib/model/resnet.ts";
import { initialiseStack, stack, type StackConfig } from "../../lib/model/stack.ts";
import { fromStateDict, readEncoder, toStateDict } from "../../lib/model/state_dict.ts";
import { below, deviation, type Fixture, fixture, images } from "../fixtures/read.ts";
import { hasTorch, torchEncoder } from "../peers/torch.ts";

await start();

const small: EncoderConfig = { depth: 18, width: 4, stem: "cifar", zeroInitResidual: false };

/** Two encoders of one kind on top of each other. */
const twice = (encoder: EncoderConfig): StackConfig => ({
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
        const back = fromStateDict(decodeSafetensors(bytes, "x").tensors, "x");
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
    const { network, config } = fromStateDict(given, name);
    assert.deepEqual(config.levels[0].encoder, { depth, width: 4, stem, zeroInitResidual: false });
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
});

Deno.test("a level that is not there is refused", () => {
  assert.throws(() => toStateDict(resnet18(), 1), new RangeError("The network has no encoder at level 1."));
});

Deno.test("head and counters are left out, as is what stands before every name", () => {
  const plain = state();
  const head: Fixture = {
    "fc.weight": { shape: [10, 32], data: new Float32Array(320) },
    "fc.bias": { shape: [10], data: new Float32Array(10) },
  };
  const expected = values(fromStateDict(plain, "x").network.parameters);
  for (const prefix of ["", "module.", "encoder.", "backbone.", "module.encoder_q."]) {
    const named = Object.fromEntries(
      Object.entries({ ...head, ...plain }).map(([name, host]) => [prefix + name, host]),
    );
    assert.deepEqual(values(fromStateDict(named, "x").network.parameters), expected, prefix);
  }
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
  "a prefix that not all share": [
    (state) => ({
      ...Object.fromEntries(Object.entries(state).map(([name, host]) => [`encoder.${name}`, host])),
      "head.weight": floats(1),
    }),
    'f: head.weight does not begin with "encoder." as encoder.conv1.weight does. Save the encoder alone: ' +
    '{k: v for k, v in state.items() if k.startswith("encoder.")}.',
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
    "Expected 2, 2, 2, 2 (ResNet-18) or 3, 4, 6, 3 basic blocks (34), or 3, 4, 6, 3 bottlenecks (50).",
  ],
  "blocks of another kind": [
    (state) => ({ ...state, "layer1.0.conv3.weight": floats(16, 4, 1, 1) }),
    "f: its stages have 2, 2, 2, 2 bottlenecks. " +
    "Expected 2, 2, 2, 2 (ResNet-18) or 3, 4, 6, 3 basic blocks (34), or 3, 4, 6, 3 bottlenecks (50).",
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
    assert.throws(() => fromStateDict(change(state()), "f"), new DataError(message));
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
    const encoder = await readEncoder(path("e.safetensors"));
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
        readEncoder(nothing),
        new DataError(`There is no file ${nothing}. Name a safetensors file with a ResNet's state dict.`),
      );
    }
    for (const start of ["504b0304", "80028a0a"]) {
      await Deno.writeFile(file, Uint8Array.fromHex(`${start}${"00".repeat(40)}`));
      await assert.rejects(
        readEncoder(file),
        new DataError(
          `${file} is a pickle of PyTorch's, which can run any program. Save its tensors alone: ` +
            "safetensors.torch.save_file(model.state_dict(), FILE).",
        ),
      );
    }
  }));

/** NHWC to a tensor of PyTorch's. */
function channelsFirst(x: tf.Tensor4D): HostTensor {
  const y = x.transpose([0, 3, 1, 2]);
  return { shape: y.shape, data: y.dataSync<"float32">() };
}

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
          jobs.push({ encoder: name, input, read, output: `${name}.out` });
        }
      }
      await torchEncoder(jobs);
      for (const [at, { encoder, output }] of jobs.entries()) {
        const off = deviation(expected[at], matrix((await read(output)).representation));
        assert.ok(off < 1e-4, `${encoder}: ${off}`);
      }
    }),
});

Deno.test({
  name: "what PyTorch writes is read and computes the same (SJEA_PYTHON: torch, safetensors)",
  ignore: !hasTorch,
  fn: () =>
    inFolder(async (path) => {
      const made = [
        [18, 4, 3, "cifar"],
        [18, 4, 32, "cifar"],
        [50, 4, 3, "cifar"],
        [50, 4, 128, "cifar"],
        [34, 4, 3, "imagenet"],
        // torchvision's own, where it is there.
        [18, 64, 3, "cifar"],
      ] as const;
      const jobs = made.map((make, at) => ({
        make,
        encoder: path(`${at}`),
        input: path(`${at}.in`),
        read: "x",
        output: path(`${at}.out`),
      }));
      await torchEncoder(jobs);
      for (const { make, encoder, input, output } of jobs) {
        const { network, config } = fromStateDict(await read(encoder), encoder);
        const [depth, width, channels, stem] = make;
        assert.deepEqual(config.levels[0].encoder, { depth, width, stem, zeroInitResidual: false });
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
