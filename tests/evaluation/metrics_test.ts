import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { tf } from "../../lib/compute/tf.ts";
import { accuracy } from "../../lib/evaluation/metric.ts";
import { judge, METRICS, metricSchema } from "../../lib/evaluation/metrics.ts";

await start();

Deno.test("every metric needs no more than its name, and finds the same in whatever scale", async () => {
  const labels = Uint8Array.from({ length: 120 }, (_, at) => at % 2);
  // Inside of class 0 one half has another kind, which nothing shows.
  const kind = Uint8Array.from({ length: 120 }, (_, at) => at % 4);
  const of = (scale: number) => {
    const features = tf.tidy(() =>
      tf.randomNormal<tf.Rank.R2>([120, 4], 0, 1, "float32", 7).add(tf.tensor2d([...labels], [120, 1]).mul(5))
        .mul(
          scale,
        )
    ) as tf.Tensor2D;
    const set = { features, labels, levels: { kind } };
    return { train: set, heldOut: set, test: set };
  };
  for (const name of Object.keys(METRICS)) {
    const metric = metricSchema.parse({ name });
    const [one, other] = await Promise.all(
      [1, 1024].map((scale) => judge(metric, { ...of(scale), classes: 2, seed: 0 })),
    );
    assert.ok(Object.keys(one).length > 0, name);
    for (const [measure, found] of Object.entries(one)) {
      if (typeof found === "number") assert.ok(Math.abs(found / Number(other[measure]) - 1) < 1e-4, measure);
      else {
        assert.deepEqual(found, other[measure], measure);
        assert.ok(accuracy(found, labels) > 0.75, measure);
      }
    }
  }
});
