import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { basename, join } from "@std/path";
import { exists, humanBytes } from "../../lib/base/files.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/base/safetensors.ts";
import { tf } from "../../lib/compute/tf.ts";
import { normalise, pixels } from "../../lib/data/normalise.ts";
import { features } from "../../lib/evaluation/features.ts";
import { shortName } from "../../lib/experiments/run_folders.ts";
import { openStudy } from "../../lib/experiments/study.ts";
import { readStateDict, toStateDict } from "../../lib/model/state_dict.ts";
import { deviation, tensor } from "../fixtures/read.ts";
import { channelsFirst, hasTorch, torchFeatures } from "../peers/torch.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program in the project's folder. */
async function run(program: string, ...args: string[]) {
  const options = { args, cwd: ROOT, env: { NO_COLOR: "1" } };
  const { code, stdout, stderr } = await new Deno.Command(program, options).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
  return { code, out, errors };
}

/** One of the two commands, with no more permissions than its task has. */
const command = (name: "export" | "import", write: string, ...args: string[]) =>
  run(Deno.execPath(), ..."run --quiet -P=run".split(" "), write, `lib/cli/${name}.ts`, ...args);
const exports = (...args: string[]) =>
  command("export", `--allow-write=data,${Deno.env.get("TMPDIR") ?? "/tmp"}`, ...args);
const imports = (folder: string, ...args: string[]) =>
  command("import", `--allow-write=data,${folder}`, ...args);

const OVERRIDES = [
  ...["trainImages=128", "heldOutImages=32", "testImages=64", "batch=64", "epochs=1", "width=4"],
  ...["projector=8", "plainProjector=8", "probeEpochs=2", "neighbours=20,5"],
];
const SET = OVERRIDES.map((override) => `--set=${override}`);

/** Checks that a command failed with this message alone. */
async function refused(result: Promise<{ code: number; out: string; errors: string }>, message: string) {
  assert.deepEqual(await result, { code: 1, out: "", errors: `error: ${message}` });
}

Deno.test("a run is trained, exported, read in PyTorch and imported again", async (test) => {
  const folder = await Deno.makeTempDir({ prefix: "an encoder's " });
  const name = `test-${crypto.randomUUID().slice(0, 8)}`;
  const [lower, upper, whole] = [name, "1", "all"].map((name) => join(folder, `${name}.safetensors`));
  const asked = [`--runs=${folder}`];
  const study = await openStudy({ preset: "smoke", set: OVERRIDES, runs: folder });
  const { id, spec } = study.run("s-jea"), short = shortName(spec);
  const kept = join(ROOT, "data", "encoders", basename(lower));
  try {
    await test.step("an untrained run is refused with the command that trains it", async () => {
      await study.run("s-jea").command();
      const { code, errors } = await exports(id, `--out=${lower}`, ...asked);
      const [message, training] = errors.split("\n");
      assert.equal(code, 1);
      assert.equal(message, `error: ${id} is not trained to its end. Go on with it:`);
      assert.ok(!await exists(lower));
      assert.match(training, /^deno task train /);
      await study.run("s-jea").train();
    });

    await test.step("both of its encoders are written, and say what they are", async () => {
      for (const [stack, out] of [lower, upper].entries()) {
        const result = await exports(id, `--stack=${stack}`, `--out=${out}`, ...asked);
        const input = [
          "images [N, 3, 32, 32] in 0..1, minus mean, over std",
          "the map of stack 0 before pooling, [N, 32, 4, 4]",
        ][stack];
        const bytes = await Deno.readFile(out), { metadata } = decodeSafetensors(bytes, out);
        assert.equal(
          result.out,
          `${out}: stack ${stack} of ${short}, a ResNet-18 of width 4, ${humanBytes(bytes.length)}\n\n` +
            `In Python, with torch and safetensors, from ${folder}, where sjea_torch.py was written too:\n\n` +
            `from sjea_torch import load\nencoder = load(${JSON.stringify(basename(out))})\n` +
            `representations = encoder(x)  # x: ${input}`,
        );
        assert.deepEqual(metadata, {
          format: "pt",
          description: `stack ${stack} of ${short}, a ResNet-18 of width 4`,
          ...{ run: id, name: short, stack: `${stack}` },
          dataset: "generated",
          fingerprint: study.dataset.fingerprint,
          depth: "18",
          width: "4",
          stem: "cifar",
          strides: "1 2 2 2",
          channels: ["3", "32"][stack],
          input,
          ...(stack === 0 ? { mean: "0.4914 0.4822 0.4465", std: "0.247 0.2435 0.2616" } : {}),
        });
        assert.equal(result.errors, "");
      }
    });

    await test.step("the whole stack is written with its config, and what loads it beside it", async () => {
      const result = await exports(id, "--stack=all", `--out=${whole}`, ...asked);
      const bytes = await Deno.readFile(whole), { metadata } = decodeSafetensors(bytes, whole);
      const description = `the whole stack of ${short}, a ResNet-18 of width 4, on it a ResNet-18 of width 4`;
      assert.equal(
        result.out,
        `${whole}: ${description}, ${humanBytes(bytes.length)}\n\n` +
          `In Python, with torch and safetensors, from ${folder}, where sjea_torch.py was written too:\n\n` +
          'from sjea_torch import load\nstack = load("all.safetensors")\n' +
          "representations = stack(x)[0].representation  # x: images [N, 3, 32, 32] in 0..1",
      );
      const { config, ...others } = metadata;
      const { levels, wiring, stopGradient } = study.run("s-jea").spec;
      const encoders = levels.map(({ encoder, projector }) => ({ encoder, projector }));
      assert.deepEqual(JSON.parse(config), { levels: encoders, wiring, stopGradient });
      assert.deepEqual(others, {
        format: "pt",
        description,
        ...{ run: id, name: short, stack: "all" },
        dataset: "generated",
        fingerprint: study.dataset.fingerprint,
        input: "images [N, 3, 32, 32] in 0..1",
        mean: "0.4914 0.4822 0.4465",
        std: "0.247 0.2435 0.2616",
      });
      assert.equal(result.errors, "");
      assert.equal(
        await Deno.readTextFile(join(folder, "sjea_torch.py")),
        await Deno.readTextFile(join(ROOT, "lib/model/sjea_torch.py")),
      );
    });

    const expected = await study.run("s-jea").embed();

    await test.step("what was written is the trained encoder, after 2 steps of 2 views", async () => {
      const network = await study.run("s-jea").network();
      for (const [stack, file] of [[0, lower], [1, upper], ["all", whole]] as const) {
        const { metadata } = decodeSafetensors(await Deno.readFile(file), file);
        const bytes = encodeSafetensors(toStateDict(network, stack, 4), metadata);
        assert.deepEqual(await Deno.readFile(file), bytes);
      }
      for (const encoder of [await readStateDict(lower), await readStateDict(whole, "encoders.0.")]) {
        const [found] = await features(encoder.network, encoder.config, study.images.test);
        assert.deepEqual(found.dataSync(), expected[0].dataSync());
      }
    });

    const x = pixels(study.images.test, 0, study.images.test.labels.length);
    const { metadata } = decodeSafetensors(await Deno.readFile(lower), lower);
    const [mean, std] = [metadata.mean, metadata.std].map((text) => tf.tensor1d(text.split(" ").map(Number)));
    const normalised: tf.Tensor4D = x.sub(mean).div(std);

    await test.step("mean and std are those of the images it was trained on", () => {
      assert.deepEqual(normalised.dataSync(), normalise(x).dataSync());
    });

    await test.step({
      name: "PyTorch computes the same from the files alone (SJEA_PYTHON: torch, safetensors)",
      ignore: !hasTorch,
      async fn() {
        const [input, first, second, all] = ["x", "0.out", "1.out", "all.out"].map((name) =>
          join(folder, name)
        );
        const given = { images: channelsFirst(x), normalised: channelsFirst(normalised) };
        await Deno.writeFile(input, encodeSafetensors(given));
        await torchFeatures([
          { file: lower, input, read: "normalised", output: first },
          { file: upper, input: first, read: "map", output: second },
          { file: whole, input, read: "images", output: all },
        ], folder);
        const [one, other, both] = await Promise.all(
          [first, second, all].map(async (file) =>
            decodeSafetensors(await Deno.readFile(file), file).tensors
          ),
        );
        for (const [stack, alone] of [one, other].entries()) {
          for (const found of [alone.representation, both[`${stack}.representation`]]) {
            const off = deviation(tensor(found), expected[stack]);
            assert.ok(off < 1e-4, `stack ${stack}: ${off}`);
          }
        }
      },
    });

    await test.step("imported, it has the run's accuracies and is kept for notebooks", async () => {
      const [{ values }] = await study.run("s-jea").evaluate();
      const { out } = await imports(folder, lower, "--preset=smoke", ...asked, ...SET);
      assert.deepEqual(out.split("\n"), [
        `${lower}: a ResNet-18 of width 4 with the cifar stem, 44,292 parameters`,
        `kept as ${kept}`,
        "64 test images of generated, 128 training images:",
        ...["top-1", "k-NN 20", "k-NN 5"].map((measure) => `${measure}: ${values[measure].toFixed(1)} %`),
        "Images were normalised by CIFAR-10's mean and deviation: an encoder trained with others can do better.",
      ]);
      const { network, config } = await readStateDict(kept);
      const [found] = await features(network, config, study.images.test);
      assert.deepEqual(found.dataSync(), expected[0].dataSync());
    });

    await test.step("an encoder that does not see images cannot be imported", async () => {
      await refused(
        imports(folder, upper),
        `${upper} takes maps of 32 channels. Import an encoder for images, of 3.`,
      );
    });

    await test.step("a stack that the run does not have is refused, and a run that there is not", async () => {
      await refused(exports(id, "--stack=2", ...asked), "--stack 2 does not exist. Valid: 0, 1, all.");
      await refused(
        exports("s-jea", ...asked),
        'There is no run "s-jea". deno task runs lists what there is.',
      );
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(kept).catch(() => {});
  }
});

const EXPORT = "--stack, --runs, --out, --help";
const IMPORT = "--prefix, --preset, --set, --dataset, --data, --runs, --help";

Deno.test("options that do not exist are refused with the valid ones", async () => {
  await Promise.all([
    refused(exports(), "Name one run to export, not 0."),
    refused(exports("a", "--stacks=1"), "Unknown option '--stacks'. Did you mean --stack?"),
    refused(exports("a", "--width=1"), `Unknown option '--width'. Options: ${EXPORT}.`),
    refused(imports("data"), "Name one safetensors file to import, not 0: deno task import FILE."),
    refused(imports("data", "a", "b"), "Name one safetensors file to import, not 2: deno task import FILE."),
    refused(imports("data", "a", "--k=3"), `Unknown option '--k'. Options: ${IMPORT}.`),
    refused(
      imports("data", "a", "--dataset=mnist"),
      "--dataset mnist does not exist. Valid: auto, cifar10, cifar100, stl10, tinyimagenet, folder, generated.",
    ),
  ]);
});

Deno.test("the help names every option", async () => {
  for (
    const [{ out }, options] of [[await exports("--help"), EXPORT], [
      await imports("data", "--help"),
      IMPORT,
    ]] as const
  ) {
    for (const option of options.split(", ")) assert.ok(out.includes(`\n  ${option} `), option);
  }
});
