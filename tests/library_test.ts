import assert from "node:assert/strict";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { exists } from "../lib/base/files.ts";
import { executeNotebook } from "../lib/notebook/execute.ts";
import { writeNotebook } from "../lib/notebook/ipynb.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CONFIG: { name: string; version: string; exports: Record<string, string> } = JSON.parse(
  await Deno.readTextFile(join(ROOT, "deno.json")),
);

async function deno(cwd: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  })
    .output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, errors };
}

/** A folder of a user's own that knows this package, as `jsr:` would after `deno add`. */
async function elsewhere(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const imports = { [CONFIG.name]: `jsr:${CONFIG.name}@^${CONFIG.version}` };
  try {
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify({ links: [ROOT], imports }));
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every room is imported from another folder without any right", () =>
  elsewhere(async (folder) => {
    const names = Object.keys(CONFIG.exports).map((path) => join(CONFIG.name, path));
    const code = names.map((name) => `console.log(Object.keys(await import("${name}")).length);`).join("\n");
    await Deno.writeTextFile(join(folder, "rooms.ts"), code);
    const { code: exit, out, errors } = await deno(folder, "run", "--quiet", "--no-prompt", "rooms.ts");
    assert.equal(exit, 0, errors);
    const counts = out.trim().split("\n").map(Number);
    assert.equal(counts.length, names.length);
    assert.ok(counts.every((count) => count > 0), out);
    assert.ok(counts[0] < 80, `${counts[0]} names are too many to choose from`);
  }));

const PROGRAM = `
import { dispose, initialiseStack, openStudy, RESNET_18, start, tf } from "${CONFIG.name}";
import { vicreg } from "${CONFIG.name}/loss";
import { loss, type LossConfig } from "${CONFIG.name}/loss";
import { openRun } from "${CONFIG.name}/experiments";
await start();
const z = tf.tensor2d([[1, -1], [-1, 1]]), weights = { invariance: 25, variance: 25, covariance: 1 };
const config: LossConfig = { name: "vicreg", ...weights };
const one = loss(config, z, z).total.dataSync()[0], other = vicreg(z, z, weights).total.dataSync()[0];
if (one !== other) throw new Error(\`\${one} and \${other}\`);
const set = ["trainImages=128", "heldOutImages=32", "testImages=64", "batch=64", "epochs=1", "width=4",
  "projector=8", "plainProjector=8", "probeEpochs=2", "neighbours=5"];
const study = await openStudy({ preset: "smoke", set, runs: "runs" });
const s = study.run("s-jea").spec, level = { ...s.levels[0], encoder: { ...RESNET_18, width: 4 } };
const run = openRun({ ...s, levels: [level, level, level] }, study, "three levels");
await run.train();
const [lowest, , highest] = await run.evaluate();
console.log(run.spec.levels.length, lowest.values["top-1"], Object.keys(highest.values).join());
dispose(initialiseStack(run.spec, 0));
`;

Deno.test("a program outside the repository trains three levels and evaluates them in its own folder", () =>
  elsewhere(async (folder) => {
    await Deno.writeTextFile(join(folder, "program.ts"), PROGRAM);
    const { code, out, errors } = await deno(folder, "run", "--quiet", "--check", "-A", "program.ts");
    assert.equal(code, 0, errors);
    assert.match(out, /^3 \d+(\.\d+)? top-1,k-NN 5$/m);
    const kept = await Array.fromAsync(Deno.readDir(join(folder, "runs")));
    assert.ok(kept.some(({ isDirectory }) => isDirectory));
  }));

const CELLS = [
  `import { follow, openStudy, show, start, trainingCurves } from "${CONFIG.name}";
const set = ["trainImages=128", "heldOutImages=32", "testImages=64", "batch=64", "epochs=2", "width=4",
  "projector=8", "plainProjector=8", "neighbours=5"];
const study = await openStudy({ preset: "smoke", set, runs: "runs" });
await follow(study.run("s-jea"));`,
  `await show(trainingCurves([await study.run("s-jea").log()]), { caption: "Mine" });`,
];

Deno.test("a notebook outside the repository trains, in a process of its own, and shows its curves", () =>
  elsewhere(async (folder) => {
    const path = join(folder, "mine.ipynb");
    const cells = CELLS.map((source, at) => ({
      ...{ cell_type: "code" as const, id: `cell-${at}`, metadata: {}, source },
      ...{ execution_count: null, outputs: [] },
    }));
    await writeNotebook(path, { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 });
    const { cells: [, curves] } = await executeNotebook(path, { environment: { SJEA_ENGINE: "tensorflow" } });
    assert.ok(curves.cell_type === "code" && curves.outputs[0].output_type === "display_data");
    assert.ok("image/png" in curves.outputs[0].data);
    assert.equal(await exists(join(folder, "runs")), true);
  }));

Deno.test("it can be published: no slow type, less than half a megabyte", async () => {
  const { code, errors } = await deno(ROOT, "publish", "--dry-run", "--allow-dirty");
  assert.equal(code, 0, errors);
  const files = [...errors.matchAll(/^ +(file:\S+) \([\d.]+[KM]?B\)$/gm)];
  assert.ok(files.length > 100, errors);
  const contents = await Promise.all(files.map(([, url]) => Deno.readFile(new URL(url))));
  const { length } = gzipSync(await new Blob(contents).bytes());
  assert.ok(length < 0.5e6, `${length} bytes, compressed`);
  const outside = files.filter(([line]) => !/\/(lib\/.+|LICENSE|README\.md|deno\.json) /.test(line));
  assert.deepEqual(outside.map(([line]) => line), []);
});

/** Types of packages, which stand in our signatures and are not ours to export. */
const THEIRS = /private type '(Tensor\w*|Scalar|Variable|Rank|TensorLike|ZodObject|ZodType)'/;

Deno.test("every public name is documented, and every type that it names is public", async () => {
  const { errors } = await deno(ROOT, "doc", "--lint", ...Object.values(CONFIG.exports));
  const findings = errors.split(/^(?=error\[)/m).filter((finding) =>
    finding.includes(join(ROOT, "lib")) && !THEIRS.test(finding)
  );
  assert.deepEqual(findings, []);
  // It does find something where there is something.
  assert.match(errors, /error\[private-type-ref\]: public type 'vicreg' references private type 'Tensor2D'/);
});
