import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { field } from "../../lib/projection/field.ts";

await start();

/** Normally distributed points of the plane. */
function cloud(count: number, scale: number): Float64Array {
  const random = generator("field", scale);
  return Float64Array.from({ length: 2 * count }, () => scale * random.normal());
}

/** The definition. */
function reference(points: Float64Array) {
  const pushes = new Float64Array(points.length);
  let sum = 0;
  for (let i = 0; i < points.length; i += 2) {
    for (let j = 0; j < points.length; j += 2) {
      if (i === j) continue;
      const dx = points[i] - points[j], dy = points[i + 1] - points[j + 1];
      const kernel = 1 / (1 + dx * dx + dy * dy);
      sum += kernel;
      pushes[i] += kernel ** 2 * dx;
      pushes[i + 1] += kernel ** 2 * dy;
    }
  }
  return { sum, pushes };
}

Deno.test("the field is that of its definition: few points, and many on grids of any size", async () => {
  for (const [count, scale] of [[300, 5], [1500, 0.3], [1500, 1], [1500, 15], [1500, 3]]) {
    const repulsion = field(count), points = cloud(count, scale), expected = reference(points);
    const { sum, pushes } = await repulsion.repulsion(points);
    repulsion.dispose();
    const off = sum / expected.sum - 1;
    assert.ok(Math.abs(off) < 1e-3, `${off} at ${scale}`);
    const norm = (x: Float64Array) => Math.hypot(...x);
    const error = norm(pushes.map((push, at) => push - expected.pushes[at])) / norm(expected.pushes);
    assert.ok(error < 5e-3, `${error} at ${scale}`);
  }
});

Deno.test("one grid after another", async () => {
  const repulsion = field(1500), small = cloud(1500, 1), large = cloud(1500, 20);
  const first = { ...await repulsion.repulsion(small) };
  const pushes = first.pushes.slice();
  await repulsion.repulsion(large);
  assert.deepEqual(await repulsion.repulsion(small), { sum: first.sum, pushes });
  repulsion.dispose();
});

Deno.test("points far apart get a coarser grid", async () => {
  const repulsion = field(1500), points = cloud(1500, 1e4);
  const { sum, pushes } = await repulsion.repulsion(points);
  repulsion.dispose();
  assert.ok([sum, ...pushes].every(Number.isFinite));
});
