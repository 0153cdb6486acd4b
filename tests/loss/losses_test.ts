import assert from "node:assert/strict";
import { start } from "../../lib/compute/backend.ts";
import { compile } from "../../lib/compute/compile.ts";
import { exact, gradients, type Tensors } from "../../lib/compute/ops.ts";
import { tf } from "../../lib/compute/tf.ts";
import { type Aids, loss, type LossConfig } from "../../lib/loss/losses.ts";
import { standardised } from "../../lib/loss/pairs.ts";
import { onTensorFlow } from "../engine.ts";
import { deviation, facts, fixture, tensor } from "../fixtures/read.ts";

await start();

const { redundancy, scale, temperature } = await facts("losses");
const CONFIGS: readonly LossConfig[] = [
  { name: "barlow-twins", redundancy, scale },
  { name: "simclr", temperature },
  { name: "simsiam", predictor: [], standardised: false },
  { name: "byol", predictor: [], momentum: 0.99 },
];
const normal = (seed: number) => tf.randomNormal([12, 6], 0, 1, "float32", seed) as tf.Tensor2D;

/** A loss's terms of tensors by name. */
function terms(config: LossConfig, given: Tensors) {
  const { z1, z2, p1, p2, t1, t2 } = given as Record<string, tf.Tensor2D>;
  const aids: Partial<Aids> = { predicted: [p1, p2], targets: [t1, t2] };
  return loss(config, z1, z2, aids);
}

for (const config of CONFIGS) {
  Deno.test(`${config.name}: value and gradients are PyTorch's`, async () => {
    const found = await fixture("losses");
    for (const name of ["random", "few_rows", "alike", "wide"]) {
      const given = Object.fromEntries(
        ["z1", "z2", "p1", "p2", "t1", "t2"].map((at) => [at, tensor(found[`${name}.${at}`])]),
      );
      const of = (at: string) => found[`${name}.${config.name}.${at}`];
      // By the others no gradient is asked for, as none reaches them.
      const by = Object.fromEntries(Object.entries(given).filter(([at]) => of(at)));
      const { gradients: slopes, aside } = gradients((some) => {
        const { total } = terms(config, { ...given, ...some });
        return { loss: total, aside: { total } };
      }, by);
      assert.ok(deviation(aside.total.reshape([1]), tensor(of("total"))) < 1e-4, name);
      for (const [at, slope] of Object.entries(slopes)) {
        assert.ok(deviation(slope, tensor(of(at))) < 1e-4, `${name}: ${at}`);
      }
    }
  });

  Deno.test(`${config.name}: views may change places, and rows together`, () => {
    const [z1, z2, p1, p2, t1, t2] = [1, 2, 3, 4, 5, 6].map(normal);
    const value = (given: Tensors) => terms(config, given).total.dataSync()[0];
    const one = value({ z1, z2, p1, p2, t1, t2 });
    const near = (other: number) =>
      assert.ok(Math.abs(other - one) <= 1e-5 * Math.abs(one), `${other}, ${one}`);
    near(value({ z1: z2, z2: z1, p1: p2, p2: p1, t1: t2, t2: t1 }));
    const turned = Object.entries({ z1, z2, p1, p2, t1, t2 }).map(([name, z]) => [name, z.reverse(0)]);
    near(value(Object.fromEntries(turned)));
    assert.notEqual(value({ z1, z2: z2.reverse(0), p1, p2: p2.reverse(0), t1, t2: t2.reverse(0) }), one);
  });

  Deno.test(`${config.name}: batches that do not fit each other, or of one row, are refused`, () => {
    for (
      const [first, second] of [[[4, 3], [4, 2]], [[4, 3], [5, 3]], [[1, 3], [1, 3]], [[2, 3, 4], [2, 3, 4]]]
    ) {
      const [one, two] = [first, second].map((shape) => tf.zeros<tf.Rank>(shape) as tf.Tensor2D);
      const given = { z1: one, z2: two, p1: one, p2: two, t1: one, t2: two };
      assert.throws(() => terms(config, given), { name: "RangeError", message: /two batches of embeddings/ });
    }
  });

  Deno.test(
    `${config.name}: in a bfloat16 step it is computed in float32`,
    { ignore: !onTensorFlow },
    async () => {
      const [x, y, w] = [normal(1), normal(2), normal(3)];
      const of = (a: tf.Tensor2D, b: tf.Tensor2D) =>
        terms(config, { z1: a, z2: b, p1: a.mul(2), p2: b.add(a), t1: a, t2: b }).total;
      const step = compile((x: tf.Tensor2D, y: tf.Tensor2D, w: tf.Tensor2D) => {
        const [a, b] = [x, y].map((z) => exact(tf.matMul(z, w, true) as tf.Tensor2D));
        return { a, b, total: of(a, b) };
      }, { precision: "bfloat16" });
      const { a, b, total } = await step(x, y, w),
        [found, right] = [total, of(a, b)].map((x) => x.dataSync()[0]);
      assert.ok(Math.abs(found - right) <= 2e-5 * Math.abs(right), `${found}, ${right}`);
    },
  );
}

Deno.test("supervised: cross-entropy by hand, its gradient softmax less the label, and rows keep their labels", () => {
  const labels = tf.tensor1d([2, 0, 1], "int32"), config = { name: "supervised", labels: "classes" } as const;
  const logits = [[[1, 2, 3], [0, 5, 1], [2, 2, 2]], [[3, 0, -1], [700, 0, 0], [0, 1, 0]]];
  const softmax = (z: number[]) => {
    const most = Math.max(...z), powers = z.map((value) => Math.exp(value - most));
    return powers.map((power) => power / powers.reduce((sum, other) => sum + other));
  };
  const [z1, z2] = logits.map((rows) => tf.tensor2d(rows));
  const { gradients: slopes, aside } = gradients((z) => {
    const { total } = loss(config, z.z1 as tf.Tensor2D, z.z2 as tf.Tensor2D, { labels });
    return { loss: total, aside: { total } };
  }, { z1, z2 });
  const right = logits.flatMap((rows) => rows.map((z, at) => -Math.log(softmax(z)[[2, 0, 1][at]])));
  const mean = right.reduce((sum, value) => sum + value) / 6;
  assert.ok(Math.abs(aside.total.dataSync()[0] - mean) < 1e-5, `${aside.total}, ${mean}`);
  for (const [view, rows] of logits.entries()) {
    const slope = rows.map((z, at) => softmax(z).map((p, k) => (p - Number(k === [2, 0, 1][at])) / 6));
    assert.ok(deviation(slopes[`z${view + 1}`], tf.tensor2d(slope)) < 1e-5, `view ${view}`);
  }
  const { total } = loss(config, z1.reverse(0), z2.reverse(0), { labels });
  assert.notEqual(total.dataSync()[0], aside.total.dataSync()[0]);
});

Deno.test("predictive: 0 where the map is told, 1 where its mean is, and no gradient reaches the map", () => {
  const [z1, z2] = [normal(1), normal(2)], [m1, m2] = [normal(3).mul(5).add(2), normal(4)] as tf.Tensor2D[];
  const config = { name: "predictive", predictor: [], condition: "none", target: "other" } as const;
  const of = (options: Partial<typeof config> | { target: "own" }, p1: tf.Tensor2D, p2: tf.Tensor2D) =>
    loss({ ...config, ...options }, z1, z2, { predicted: [p1, p2], given: [m1, m2] }).total.dataSync()[0];
  const [t1, t2] = [m1, m2].map(standardised), nothing = tf.zerosLike(m1);
  assert.ok(of({}, t2, t1) < 1e-9);
  assert.ok(of({ target: "own" }, t1, t2) < 1e-9);
  assert.ok(of({ target: "own" }, t2, t1) > 1);
  assert.ok(Math.abs(of({}, nothing, nothing) - 1) < 1e-3);
  const { gradients: slopes } = gradients(({ p, m }) => {
    const aids = { predicted: [p, p], given: [m, m2] } as const;
    return { loss: loss(config, z1, z2, aids as never).total, aside: {} };
  }, { p: m1, m: m1.clone() });
  assert.ok(deviation(slopes.p, m1.mul(2).sub(standardised(m2)).sub(t1).div(m1.size)) < 1e-5);
  assert.equal(slopes.m.abs().max().dataSync()[0], 0);
  assert.throws(() => of({}, tf.zeros([2, 3]), t1), { name: "RangeError", message: /two batches/ });
});
