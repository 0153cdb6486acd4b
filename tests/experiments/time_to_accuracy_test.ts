import assert from "node:assert/strict";
import { join } from "@std/path";
import { places } from "../../lib/base/places.ts";
import { preset } from "../../lib/experiments/presets.ts";
import { type RunName, runSpec } from "../../lib/experiments/runs.ts";
import { put, readFields } from "../../lib/experiments/spec_file.ts";
import { readSweepFile } from "../../lib/experiments/sweep.ts";
import { specSchema } from "../../lib/training/spec.ts";

Deno.test("the sweep's variants are evening's runs, and what is twice as wide has projectors twice as wide", async () => {
  const { sweep } = await readSweepFile(join(places.lib, "experiments", "sweeps", "time-to-accuracy.json"));
  const base = await readFields({ from: sweep.base }), dataset = { name: "cifar10", fingerprint: "0" };
  const specs = Object.values(sweep.variants).map((changes) => {
    const fields = Object.entries({ "data.fingerprint": "0", ...changes }).reduce(
      (fields, [field, value]) => put(fields, field, value, field),
      base,
    );
    return specSchema.parse(fields);
  });
  const wide = ["width=32", "projector=1024,1024,1024", "plainProjector=500"];
  const expected = ["vicreg", "s-jea"].flatMap((run) =>
    [[], wide].map((set) => runSpec(run as RunName, preset("evening", set), dataset, 0))
  );
  assert.deepEqual(specs, expected);
});
