/**
 * Fails unless the results of Table 1 say that ONNX Runtime computed them and that training helped: the k-NN of
 * each trained stack is above that of the same stack before training.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readResults } from "../lib/experiments/results.ts";

const { rows, versions } = await readResults(Deno.args[0]);
assert.ok(versions.onnxruntime && !versions.tensorflow, `computed by ${JSON.stringify(versions)}`);
for (const stack of [0, 1]) {
  const [trained, untrained] = ["S-JEA", "untrained"].map((method) =>
    rows.find((row) => row.method === method && row.stack === stack)!.knn.mean
  );
  console.log(`stack ${stack}: k-NN ${trained.toFixed(1)} %, untrained ${untrained.toFixed(1)} %`);
  assert.ok(trained > untrained, `stack ${stack} learnt nothing`);
}
