import "../needs.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openRun } from "../../lib/experiments/run.ts";
import { openStudy } from "../../lib/experiments/study.ts";

const SET = [
  ...["trainImages=128", "heldOutImages=32", "testImages=64", "batch=64", "epochs=1", "width=4"],
  ...["projector=8", "plainProjector=8", "neighbours=5"],
];

Deno.test("a stack on a frozen one: a row a place, at most 80 characters each, and its controls", async () => {
  const runs = await Deno.makeTempDir(), study = await openStudy({ preset: "smoke", set: SET, runs });
  const below = study.run("vicreg"), { spec } = study.run("s-jea"), [lower, upper] = spec.levels;
  const run = openRun({ ...spec, levels: [{ ...lower, frozen: below.id }, upper] }, study, "on top");
  try {
    for (const each of [below, run]) await each.train();
    const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
      args: [
        ..."run --quiet -P=run --allow-write=data".split(" "),
        `--allow-write=${runs}`,
        ...["lib/cli/evaluate.ts", run.id, "--preset=smoke", ...SET.map((set) => `--set=${set}`)],
        ...[`--runs=${runs}`, "--metric=readouts.k=5", "--metric=readouts.epochs=2", "--metric=knn"],
      ],
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const [head, rule, ...lines] = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assert.deepEqual(head.trim().split(/ {2,}/), ["top-1 %", "k-NN 5 %"]);
    assert.ok(rule.length <= 80, `${rule.length}`);
    const names = lines.slice(0, -1).map((line) => line.split(/ {2,}/)[0]);
    const stages = ["stage 0", "stage 1", "stage 2", "stage 3", "representation", "embedding"];
    const places = [["", ...stages], ["", "input, not pooled", ...stages, "all representations"]];
    const rows = ([stack, what]: [stack: number, what: string]) =>
      places[stack].map((place) => `stack ${stack}${what}${place && `, ${place}`}`);
    const expected: [number, string][] = [
      ...[[0, `, frozen from ${below.id}`], [1, ""], [0, ", untrained"]] as [number, string][],
      ...[[1, ", untrained"], [1, ", untrained on trained stack 0"]] as [number, string][],
    ];
    assert.deepEqual(names.toSorted(), expected.flatMap(rows).toSorted());
  } finally {
    await Deno.remove(runs, { recursive: true });
  }
});
