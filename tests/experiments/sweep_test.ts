import assert from "node:assert/strict";
import { join } from "@std/path";
import { parquetReadObjects } from "hyparquet";
import { evaluationOf, preset } from "../../lib/experiments/presets.ts";
import { settingOf } from "../../lib/experiments/opened_run.ts";
import { planSweep } from "../../lib/experiments/sweep.ts";
import { measureSweep, readSweep, sweepTable, writeSweep } from "../../lib/experiments/sweep_results.ts";
import { renderSweep } from "../../lib/reports/sweep_page.ts";

const LEVEL = { encoder: { kind: "resnet", depth: 18, width: 4 }, projector: [8], loss: { name: "vicreg" } };
const BASE = {
  extends: "smoke/s-jea",
  data: { dataset: { name: "generated", seed: 0, train: 96, test: 32 }, images: 64 },
  levels: [LEVEL, LEVEL],
  epochs: 1,
  batch: 32,
};
const SWEEP = {
  title: "Is a script a <script>alert(1)</script>?",
  base: "base.json",
  variants: { joint: {}, stopped: { stopGradient: true } },
  grid: { "levels.1.weight": [0.5, 1], epochs: [1] },
  seeds: [0, 3],
  evaluate: {
    preset: "smoke",
    set: ["testImages=32", "heldOutImages=32"],
    metric: ["knn.k=5"],
    untrained: true,
  },
};

async function inFolder(sweep: object, work: (path: string, runs: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir(), path = join(folder, "mine.json");
  try {
    await Deno.writeTextFile(join(folder, "base.json"), JSON.stringify(BASE));
    await Deno.writeTextFile(path, JSON.stringify(sweep));
    await work(path, join(folder, "runs"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("each variant with each value of the grid, by each seed; what all have is in no name", async () => {
  await inFolder(SWEEP, async (path, runs) => {
    const { rounds: [configurations], id } = await planSweep(path, { runs });
    assert.match(id, /^mine-[0-9a-f]{12}$/);
    assert.deepEqual(configurations.map(({ name }) => name), [
      "joint, levels.1.weight 0.5",
      "joint, levels.1.weight 1",
      "stopped, levels.1.weight 0.5",
      "stopped, levels.1.weight 1",
    ]);
    const specs = configurations.map(({ runs }) => runs.map(({ spec }) => spec));
    assert.deepEqual(specs.map(([{ stopGradient }]) => stopGradient), [false, false, true, true]);
    assert.deepEqual(specs.map(([{ levels }]) => levels[1].weight), [0.5, 1, 0.5, 1]);
    assert.deepEqual(specs[3].map(({ seed }) => seed), [0, 3]);
    assert.equal(new Set(configurations.flatMap(({ runs }) => runs.map(({ id }) => id))).size, 8);
    // Ten thousand runs must not hold their images ten thousand times.
    assert.equal(new Set(configurations.flatMap(({ runs }) => runs.map(({ setting }) => setting))).size, 1);
  });
});

Deno.test("a folder that a variant names is seen from the sweep's file", async () => {
  const variants = { own: { "data.dataset": { name: "folder", path: "pictures" } } };
  await inFolder({ ...SWEEP, variants }, async (path, runs) => {
    await assert.rejects(planSweep(path, { runs }), {
      message: `There is no folder ${join(path, "..", "pictures")}.`,
    });
  });
});

Deno.test("for choices no image of the test set is read, and no held-out one is learnt from", async () => {
  await inFolder(SWEEP, async (path, runs) => {
    const { rounds: [[{ runs: [{ setting }] }]] } = await planSweep(path, { runs });
    const { images, dataset } = setting, size = 32 * 32 * 3;
    const pictures = (set: Uint8Array) =>
      new Set(
        Array.from({ length: set.length / size }, (_, at) => set.subarray(at * size, (at + 1) * size).join()),
      );
    const [train, heldOut, scored] = [images.train, images.heldOut, images.test].map((set) =>
      pictures(set.images)
    );
    const learnt = pictures(dataset.train.images), tested = pictures(dataset.test.images);
    assert.deepEqual([train.size, heldOut.size, scored.size], [57, 7, 32]);
    assert.ok(scored.isSubsetOf(learnt) && scored.isDisjointFrom(tested));
    assert.ok(
      scored.isDisjointFrom(train) && scored.isDisjointFrom(heldOut) && heldOut.isDisjointFrom(train),
    );
    const own = { ...evaluationOf(preset("smoke")), trainImages: 64, heldOutImages: 32, testImages: 32 };
    const reported = await settingOf({ dataset, evaluation: own, runs });
    assert.deepEqual(pictures(reported.images.heldOut.images), scored);
    assert.deepEqual(pictures(reported.images.test.images), tested);
  });
});

Deno.test("what is missing is trained; tables say what the runs found, best first, and are read by others", async () => {
  await inFolder({ ...SWEEP, grid: {} }, async (path, runs) => {
    const planned = await planSweep(path, { runs }), folder = join(runs, "..", "table");
    const [configurations] = planned.rounds, [{ runs: [first] }] = configurations;
    const { seconds } = await first.train();
    let notes = 0;
    const results = await measureSweep(planned, async (results) => {
      notes++;
      await writeSweep(folder, results);
    });
    assert.equal(notes, 4);
    assert.deepEqual(await readSweep(folder), JSON.parse(JSON.stringify(results)));
    assert.equal(results.runs.find(({ id }) => id === first.id)!.seconds, seconds);
    const trained = results.rows.filter(({ trained }) => trained);
    assert.equal(trained.length, 4);
    for (const { name, runs } of configurations) {
      for (const stack of [0, 1]) {
        const row = trained.find((row) => row.configuration === name && row.stack === stack)!;
        const scores = await Promise.all(runs.map((run) => run.evaluate()));
        assert.deepEqual(row.values["k-NN 5"].values, scores.map((levels) => levels[stack].values["k-NN 5"]));
        assert.deepEqual(row.seeds, [0, 3]);
      }
    }
    const best = trained.map(({ values }) => values["k-NN 5"].mean);
    const pairs = [0, 2].map((at) => Math.max(best[at], best[at + 1]));
    assert.deepEqual(pairs, pairs.toSorted((a, b) => b - a));
    // All start out the same, so there is one control.
    const controls = results.rows.slice(4);
    const named = (begin: string) => controls.filter(({ configuration }) => configuration.startsWith(begin));
    assert.deepEqual(
      new Set(named("half").map(({ configuration, stack }) => `${configuration} ${stack}`)),
      new Set(["half-trained: joint 1", "half-trained: stopped 1"]),
    );
    assert.deepEqual(named("untrained").map(({ configuration, stack }) => [configuration, stack]), [
      ["untrained", 0],
      ["untrained", 1],
    ]);
    const { columns, rows } = sweepTable(results);
    assert.deepEqual(columns, [
      "configuration",
      "stack",
      "k-NN 5 %",
      "k-NN 5 − joint's, paired",
      "n",
      "a training",
    ]);
    assert.equal(rows.length, 8);
    for (const stack of [0, 1]) {
      const [joint, stopped] = ["joint", "stopped"].map((name) =>
        trained.find((row) => row.configuration === name && row.stack === stack)!.values["k-NN 5"].values
      );
      const [one, other] = stopped.map((value, at) => value - joint[at]), mean = (one + other) / 2;
      const cell = rows.find(([name, level]) => name === "stopped" && level === `${stack}`)![3];
      assert.ok(cell.startsWith(`${mean < 0 ? "−" : "+"}${Math.abs(mean).toFixed(1)} ± `), cell);
      // Student's 0.975 quantile with one degree of freedom, 12.706.
      assert.ok(cell.endsWith((12.7062 * Math.abs(one - other) / 2).toFixed(1)), cell);
      assert.equal(rows.find(([name, level]) => name === "joint" && level === `${stack}`)![3], "–");
    }
    assert.match(await Deno.readTextFile(join(folder, "table.md")), /32 held-out images of generated/);
    const table = await parquetReadObjects({
      file: (await Deno.readFile(join(folder, "table.parquet"))).buffer as ArrayBuffer,
    });
    assert.equal(table.length, 16);
    assert.deepEqual(table[0], {
      ...{ configuration: trained[0].configuration, trained: true, stack: 0, seed: 0 },
      "k-NN 5": trained[0].values["k-NN 5"].values[0],
    });
    const csv = (await Deno.readTextFile(join(folder, "table.csv"))).trimEnd().split("\n");
    assert.equal(csv.length, 17);
    const html = await renderSweep(results);
    assert.ok(html.includes(">stopped<") && !html.includes("<script>alert(1)"));
  });
});

Deno.test("of all that are trained for few epochs the best are trained for more, and what did not go on is in the table", async () => {
  const grid = { "levels.1.weight": [0.5, 1, 2] }, halving = { epochs: [1, 2], keep: 0.34, stack: 1 };
  await inFolder({ ...SWEEP, variants: {}, grid, seeds: [0], halving }, async (path, runs) => {
    const planned = await planSweep(path, { runs });
    assert.deepEqual(planned.rounds.map((all) => all.map(({ runs: [{ spec }] }) => spec.epochs)), [
      [1, 1, 1],
      [2, 2, 2],
    ]);
    const { rows, runs: trainings } = await measureSweep(planned, async () => {});
    const scores = [0.5, 1, 2].map((weight) =>
      rows.find(({ configuration, stack }) =>
        configuration === `levels.1.weight ${weight}, 1 epochs` && stack === 1
      )!.values["k-NN 5"].mean
    );
    const best = [0.5, 1, 2][scores.indexOf(Math.max(...scores))];
    assert.deepEqual(trainings.map(({ configuration }) => configuration), [
      ...[0.5, 1, 2].map((weight) => `levels.1.weight ${weight}, 1 epochs`),
      `levels.1.weight ${best}, 2 epochs`,
    ]);
    assert.equal(rows[0].configuration, `levels.1.weight ${best}, 2 epochs`);
    assert.deepEqual(rows.filter(({ configuration }) => configuration === "untrained").length, 2);
    const measure = { ...planned, sweep: { ...planned.sweep, halving: { ...halving, measure: "k-NN" } } };
    await assert.rejects(
      measureSweep(measure, async () => {}),
      /has no measure k-NN\. Stacks: 0 to 1; measures: k-NN 5\./,
    );
  });
});

Deno.test("a training that diverges is noted, and the others go on", async () => {
  const variants = {
    fine: {},
    wild: { optimiser: { name: "sgd" }, schedule: { name: "vicreg", base: 1e9 } },
  };
  await inFolder({ ...SWEEP, variants, grid: {}, seeds: [0] }, async (path, runs) => {
    const { rows, runs: trainings } = await measureSweep(await planSweep(path, { runs }), async () => {});
    assert.deepEqual(trainings.map(({ failed }) => failed === null), [true, false]);
    assert.deepEqual(
      new Set(rows.map(({ configuration }) => configuration)),
      new Set(["fine", "untrained", "half-trained: fine"]),
    );
  });
});

Deno.test("where all trainings diverge, that is what the table and the page say", async () => {
  const variants = { "a | b": { optimiser: { name: "sgd" }, schedule: { name: "vicreg", base: 1e9 } } };
  const evaluate = { ...SWEEP.evaluate, untrained: false };
  await inFolder({ ...SWEEP, variants, grid: {}, seeds: [0], evaluate }, async (path, runs) => {
    const folder = join(runs, "..", "table");
    const results = await measureSweep(
      await planSweep(path, { runs }),
      (results) => writeSweep(folder, results),
    );
    assert.deepEqual((await readSweep(folder)).rows, []);
    assert.match(await Deno.readTextFile(join(folder, "table.md")), /Without an encoder: a \| b, seed 0\./);
    assert.match(await renderSweep(results), /Without an encoder: a \| b, seed 0\./);
  });
});

Deno.test("what only some stacks or configurations have is a dash elsewhere, and nothing for other programs", async () => {
  const variants = { both: {}, one: { "levels.1.projector": [] } },
    evaluate = {
      ...SWEEP.evaluate,
      metric: ["readouts.k=5", "readouts.epochs=1"],
      untrained: false,
    };
  await inFolder({ ...SWEEP, variants, grid: {}, seeds: [0], evaluate }, async (path, runs) => {
    const planned = await planSweep(path, { runs }), folder = join(runs, "..", "table");
    const results = await measureSweep(planned, async () => {});
    await writeSweep(folder, results);
    const { columns, rows } = sweepTable(results);
    const cell = (configuration: string, stack: string, column: string) =>
      rows.find((row) => row[0] === configuration && row[1] === stack)![columns.indexOf(column)];
    for (
      const [configuration, stack, column, dash] of [
        ["both", "1", "embedding: top-1 %", false],
        ["one", "1", "embedding: top-1 %", true],
        ["both", "0", "input, not pooled: k-NN 5 %", true],
        ["one", "1", "input, not pooled: k-NN 5 %", false],
        ["one", "1", "representation: top-1 − both's, paired", false],
      ] as const
    ) {
      assert.equal(cell(configuration, stack, column) === "–", dash, `${configuration}, ${stack}, ${column}`);
    }
    const file = (await Deno.readFile(join(folder, "table.parquet"))).buffer;
    const read = await parquetReadObjects({ file });
    for (const { configuration, stack, ...values } of read) {
      const lacks = values["embedding: top-1"] === null;
      assert.equal(lacks, configuration === "one" && Number(stack) === 1);
    }
    assert.equal(read.length, 4);
  });
});

Deno.test("what is wrong with a sweep's file is told with its place", async () => {
  for (
    const [change, message] of [
      [{ variant: {} }, /there is no field variant. Did you mean variants\?/],
      [{ base: "quick/s-jae" }, /Preset quick has no run "s-jae". Did you mean quick\/s-jea\?/],
      [{ variants: { a: { epoch: 3 } } }, /mine.json: a, .*: there is no field epoch. Did you mean epochs\?/],
      [
        { variants: { a: { "levels.2.weight": 3 } } },
        /mine.json: a.*: there are 2 entries, from 0 to 1, and no 2/,
      ],
      [{ variants: { a: {}, b: {} }, grid: {} }, /mine.json: b is a once more/],
      [{ evaluate: { preset: "quikc" } }, /There is no preset "quikc". Did you mean quick\?/],
      [{ evaluate: { images: "tests" } }, /evaluate.images is "tests". Did you mean test\?/],
      [
        { variants: { a: {}, b: { "data.dataset.seed": 1 } } },
        /mine.json: a sweep is of one data set, not of generated \([0-9a-f]+\) and generated \([0-9a-f]+\)/,
      ],
      [{ halving: { epochs: [5, 5] } }, /halving.epochs: epochs have to rise/],
      [{ seeds: [] }, /seeds: /],
      [{ seeds: [0, 0] }, /seeds: a seed occurs twice/],
    ] as const
  ) {
    await inFolder({ ...SWEEP, ...change }, async (path, runs) => {
      await assert.rejects(planSweep(path, { runs }), message);
    });
  }
});
