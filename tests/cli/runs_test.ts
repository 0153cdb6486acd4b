import "../needs.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { decode } from "fast-png";
import { parquetReadObjects } from "hyparquet";
import { exists } from "../../lib/base/files.ts";
import { BINARY } from "../data/cifar100_files.ts";
import { noTensorBoard, projected } from "../tensorboard.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs one of the commands in the project's folder, with no more permissions than its task has, and a folder. */
async function command(name: string, folder: string, ...args: string[]) {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const task: string = tasks[name].command;
  const rights = task.match(/-P=\w+|--allow-(read|env|sys|ffi)\b(?!=)/g)!;
  const options = {
    args: ["run", "--quiet", ...rights, `--allow-write=data,${folder}`, `lib/cli/${name}.ts`, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  };
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
  return { code, out, errors };
}

const TINY = [
  ...["data.dataset.train=160", "data.dataset.test=64", "data.images=128", "batch=64", "epochs=2"],
  ...["levels.0.encoder.width=4", "levels.1.encoder.width=4", "levels.0.projector=8", "levels.1.projector=8"],
].map((field) => `--set=${field}`);
const EVALUATION = ["--preset=smoke", "--set=neighbours=20,5", "--set=probeEpochs=2"];

Deno.test("a researcher's round: two specs trained, listed, evaluated, compared, embedded, one removed", async (test) => {
  const runs = await Deno.makeTempDir({ prefix: "runs of mine " }), at = `--runs=${runs}`;
  const written: string[] = [];
  try {
    const spec = join(runs, "mine.json"), ids: string[] = [];
    await Deno.writeTextFile(spec, JSON.stringify({ extends: "smoke/s-jea", stopGradient: true }));
    await test.step("trained", async () => {
      for (const from of ["smoke/s-jea", spec]) {
        const { code, out, errors } = await command("train", runs, from, at, ...TINY);
        assert.equal(code, 0, errors);
        ids.push(/^([0-9a-f]{12}) is trained/.exec(out)![1]);
      }
      assert.notEqual(ids[0], ids[1]);
    });
    await test.step("listed, the last one first", async () => {
      const { out } = await command("runs", runs, at), lines = out.split("\n");
      assert.deepEqual(lines.slice(-2).map((line) => line.split(/ +/)[0]), ids.toReversed());
      assert.match(lines.at(-1)!, /^\w{12} +r18w4\+r18w4-vicreg-2e-s0 +generated +finished +\d{4}-/);
    });
    await test.step("evaluated", async () => {
      for (const id of ids) {
        const { code, out, errors } = await command("evaluate", runs, id.slice(0, 6), at, ...EVALUATION);
        assert.equal(code, 0, errors);
        assert.match(out, /^stack 0 +\d+\.\d +\d+\.\d +\d+\.\d$/m);
        assert.match(out, /^stack 1, untrained +\d+\.\d/m);
        assert.match(out, /64 test images of generated, bank of 128, one seed;.*"epochs":2.*"k":\[20,5\]/s);
      }
    });
    await test.step("evaluated by another metric, which the nearest name corrects", async () => {
      const metric = (word: string) =>
        command("evaluate", runs, ids[0], at, `--metric=${word}`, ...EVALUATION);
      const { out, errors } = await metric("rankme");
      assert.match(out, /^ +RankMe$/m, errors);
      assert.match(out, /^stack 1 +\d+\.\d$/m);
      assert.match((await metric("rankmee")).errors, /name is "rankmee". Did you mean rankme\?/);
      assert.match((await metric("knn.kk=3")).errors, /there is no field kk. Did you mean k\?/);
      assert.match((await metric("knn.k=3")).out, /k-NN 3 %/);
      assert.equal((await command("evaluate", runs, ids[0], at, ...EVALUATION)).code, 0);
    });
    await test.step("transferred to another data set, at both levels of its classes; the own scores stay", async () => {
      const data = join(runs, "datasets"), folder = join(data, "cifar-100-binary");
      await Deno.mkdir(folder, { recursive: true });
      for (const [name, bytes] of Object.entries(BINARY)) await Deno.writeFile(join(folder, name), bytes);
      const sizes = ["trainImages=200", "heldOutImages=50", "testImages=100"].map((set) => `--set=${set}`);
      const there = (...more: string[]) =>
        command(
          "evaluate",
          runs,
          ids[0],
          at,
          ...EVALUATION,
          ...sizes,
          `--data=${data}`,
          "--dataset=cifar100",
          ...more,
        );
      const [fine, coarse] = [await there(), await there("--labels=coarse")];
      assert.match(fine.out, /100 test images of cifar100, bank of 200/, fine.errors);
      assert.match(coarse.out, /100 test images of cifar100 \(coarse\), bank of 200/, coarse.errors);
      // The image's one colour tells its class.
      const top = ({ out }: { out: string }) => Number(/^stack 0 +\S+ +\S+ +(\S+)/m.exec(out)![1]);
      assert.ok(top(coarse) > 10, coarse.out);
      assert.match(
        (await there("--labels=corse")).errors,
        /has no classes called corse\. Did you mean coarse\?/,
      );
      const kept = (await Array.fromAsync(Deno.readDir(join(runs, ids[0])))).map(({ name }) => name);
      const probes = kept.filter((name) => /^evaluation-trained-.*probe\.safetensors$/.test(name));
      assert.equal(probes.length, 3, probes.join());
      await Deno.remove(data, { recursive: true });
    });
    await test.step("compared: specs, scores, McNemar's test, and a page", async () => {
      const { code, out, errors } = await command("runs", runs, "compare", ...ids, at);
      assert.equal(code, 0, errors);
      assert.match(out, /^stopGradient +false +true$/m);
      assert.match(out, /^stack 1 +top-1 +\d+ +\d+ +[01]\.\d{3}$/m);
      const page = out.split("\n").at(-1)!;
      written.push(page);
      const html = await Deno.readTextFile(page);
      for (const text of [...ids, "Terms of the loss", "McNemar", "stopGradient"]) {
        assert.ok(html.includes(text), text);
      }
    });
    await test.step("shown", async () => {
      const { out } = await command("runs", runs, "show", ids[1], at);
      written.push(out.split("\n").at(-1)!);
      assert.match(out, /"stopGradient": true/);
    });
    await test.step("embedded, alike in all kinds of files", async () => {
      const [npy, csv, parquet] = ["npy", "csv", "parquet"].map((kind) => join(runs, `x.${kind}`));
      for (const out of [npy, csv, parquet]) {
        const { code, errors } = await command(
          "embed",
          runs,
          ids[0],
          at,
          "--stack=1",
          `--out=${out}`,
          "--preset=smoke",
        );
        assert.equal(code, 0, errors);
      }
      const bytes = await Deno.readFile(npy), text = new TextDecoder("latin1").decode(bytes);
      assert.match(
        text,
        /NUMPY.{4}\{'descr': '<f4', 'fortran_order': False, 'shape': \(64, 32\), \} *\n/,
      );
      const values = new Float32Array(bytes.slice(128).buffer);
      const [head, ...lines] = (await Deno.readTextFile(csv)).trimEnd().split("\n").map((line) =>
        line.split(",")
      );
      assert.deepEqual(head.slice(0, 4), ["image", "label", "class", "f0"]);
      assert.deepEqual(Float32Array.from(lines.flatMap((line) => line.slice(3).map(Number))), values);
      const labels = (await Deno.readFile(join(runs, "x.labels.npy"))).slice(128);
      assert.deepEqual(lines.map((line) => Number(line[1])), Array.from(labels));
      const rows = await parquetReadObjects({ file: (await Deno.readFile(parquet)).buffer });
      assert.equal(rows.length, 64);
      assert.deepEqual(rows.map((row) => row.class), lines.map((line) => line[2]));
      assert.deepEqual(Float32Array.from(rows, (row) => row.f3), values.filter((_, at) => at % 32 === 3));
    });
    await test.step("NumPy and pandas read them", async (step) => {
      const program = `import sys, numpy, pandas
x = numpy.load(sys.argv[1] + "/x.npy"); y = numpy.load(sys.argv[1] + "/x.labels.npy")
for frame in (pandas.read_csv(sys.argv[1] + "/x.csv"), pandas.read_parquet(sys.argv[1] + "/x.parquet")):
    assert numpy.array_equal(frame.filter(regex="^f").to_numpy("float32"), x)
    assert (frame.label == y).all()`;
      const python = new Deno.Command(Deno.env.get("SJEA_PYTHON") || "python3", {
        args: ["-c", program, runs],
      });
      const { success, stderr } = await python.output().catch(() => ({
        success: false,
        stderr: new Uint8Array(),
      }));
      const told = new TextDecoder().decode(stderr);
      if (!success && !/AssertionError/.test(told)) console.log(`${step.name}: no Python has both, skipped`);
      else assert.ok(success, told);
    });
    await test.step("embedded for TensorBoard, beside the run's curves", async (step) => {
      const folder = join(runs, ids[0]), stacks: Float32Array[] = [];
      const embed = async (...args: string[]) => {
        const { code, out, errors } = await command("embed", runs, ids[0], at, "--preset=smoke", ...args);
        assert.equal(code, 0, errors);
        return out;
      };
      for (const stack of [0, 1]) {
        const npy = join(runs, `${stack}.npy`);
        await embed(`--stack=${stack}`, `--out=${npy}`);
        stacks.push(new Float32Array((await Deno.readFile(npy)).slice(128).buffer));
      }
      const labels = (await Deno.readFile(join(runs, "0.labels.npy"))).slice(128);
      const lines = (await Deno.readTextFile(join(runs, "x.csv"))).trimEnd().split("\n").slice(1);
      const classes = new Map(
        lines.map((line) => line.split(",")).map(([, label, name]) => [name, Number(label)]),
      );
      assert.ok((await embed("--stack=all", `--out=${folder}`)).endsWith(`tensorboard --logdir "${folder}"`));
      for (const [stack, values] of stacks.entries()) {
        const text = await Deno.readTextFile(join(folder, `stack-${stack}.tsv`));
        assert.deepEqual(Float32Array.from(text.trimEnd().split(/[\t\n]/), Number), values);
      }
      if (noTensorBoard) return console.log(`${step.name}: SJEA_PYTHON names none, its part skipped`);
      const shown = await projected(runs, ids[0]);
      assert.deepEqual(Object.keys(shown), ["stack 0", "stack 1"]);
      for (const [stack, values] of stacks.entries()) {
        const { tensorShape, values: read, metadata, sprite, singleImageDim } = shown[`stack ${stack}`];
        assert.deepEqual(tensorShape, [64, 32]);
        assert.deepEqual(read, values);
        assert.deepEqual(metadata[0], ["class", "image"]);
        assert.deepEqual(metadata.slice(1).map(([, image]) => Number(image)), [...labels.keys()]);
        assert.deepEqual(metadata.slice(1).map(([name]) => classes.get(name)), Array.from(labels));
        assert.deepEqual(singleImageDim, [32, 32]);
        const { width, height } = decode(sprite);
        assert.deepEqual([width, height], [8 * 32, 8 * 32]);
      }
    });
    await test.step("what is meant is told, and what is valid", async () => {
      const cases: [args: string[], message: RegExp][] = [
        [["runs", "show", "zzzz"], /^error: There is no run "zzzz"\. deno task runs lists what there is\.$/],
        [["runs", "show", "r18w4+r18w4-vicreg-2e-s0"], /may be \w{12} or \w{12}: write more of the id\.$/],
        [["runs", "compare", ids[0]], /^error: runs compare takes 2 runs, not 1\.$/],
        [["embed", ids[0], "--stack=2"], /has 2 stacks, from 0 to 1, and no 2\.$/],
        [["embed", ids[0], "--out=x.mat"], /x\.mat ends with none of \.npy, \.csv, \.parquet\.$/],
        [
          ["embed", ids[0], "--stack=all", "--out=x.csv"],
          /x\.csv has room for one stack: name one, or a folder for all\.$/,
        ],
      ];
      for (const [[name, ...args], message] of cases) {
        const { code, errors } = await command(name, runs, ...args, at);
        assert.equal(code, 1);
        assert.match(errors, message);
      }
    });
    await test.step("one that is not trained to its end is refused with the command that goes on", async () => {
      const encoder = join(runs, ids[0], "encoder.safetensors");
      await Deno.rename(encoder, `${encoder}.away`);
      for (const name of ["evaluate", "embed"]) {
        const { code, errors } = await command(name, runs, ids[0], at),
          [message, training] = errors.split("\n");
        assert.equal(code, 1);
        assert.equal(message, `error: ${ids[0]} is not trained to its end. Go on with it:`);
        const { stdout } = await new Deno.Command("sh", { args: ["-c", `${training} --print`], cwd: ROOT })
          .output();
        const spec = await Deno.readTextFile(join(runs, ids[0], "spec.json"));
        assert.equal(new TextDecoder().decode(stdout), spec);
      }
      await Deno.rename(`${encoder}.away`, encoder);
    });
    await test.step("a run of an older version does not keep the others from the list", async () => {
      await Deno.mkdir(join(runs, "0123456789ab"));
      await Deno.writeTextFile(join(runs, "0123456789ab", "spec.json"), JSON.stringify({ model: {} }));
      const { code, out, errors } = await command("runs", runs, at);
      assert.equal(code, 0);
      assert.match(
        errors,
        /^Passed over, damaged or written by another version: .*0123456789ab.spec\.json: /,
      );
      assert.match(out, new RegExp(ids[0]));
    });
    await test.step("removed", async () => {
      assert.equal((await command("runs", runs, "remove", ids[0], at)).code, 0);
      assert.equal(await exists(join(runs, ids[0])), false);
      assert.doesNotMatch((await command("runs", runs, at)).out, new RegExp(ids[0]));
    });
  } finally {
    await Deno.remove(runs, { recursive: true });
    for (const page of written) await Deno.remove(page).catch(() => {});
  }
});
