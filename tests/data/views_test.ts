// What torchvision says of each operation is in ../fixtures_test.ts.
import assert from "node:assert/strict";
import { generator } from "../../lib/base/random.ts";
import { generate } from "../../lib/data/generated.ts";
import { augment, blur, randomBox, viewOf, type ViewOptions } from "../../lib/data/views.ts";

const plain: ViewOptions = {
  size: 32,
  cropScale: [1, 1],
  flip: 0,
  jitter: { probability: 0, brightness: 0, contrast: 0, saturation: 0, hue: 0 },
  greyscale: 0,
  blur: 0,
  solarise: 0,
};
const image = generate({ seed: 0, train: 10, test: 0 }).train.images.subarray(0, 3072);

function view(options: Partial<ViewOptions>, ...keys: number[]): Float32Array {
  const all = { ...plain, ...options }, out = new Float32Array(all.size ** 2 * 3);
  augment(image, 32, 32, all, generator(...keys), out);
  return out;
}

Deno.test("crops: area uniform in the scale, aspect within 3/4 and 4/3, inside the image", () => {
  const random = generator("boxes");
  const boxes = Array.from({ length: 5000 }, () => randomBox(96, 96, [0.3, 1], random));
  for (const { top, left, height, width } of boxes) {
    assert.ok(top >= 0 && left >= 0 && top + height <= 96 && left + width <= 96);
    assert.ok(width / height > 0.72 && width / height < 1.38);
  }
  const areas = boxes.map(({ height, width }) => height * width / 96 ** 2);
  const mean = areas.reduce((sum, area) => sum + area) / areas.length;
  // Large crops of extreme aspect do not fit and are drawn again: a little under 0.65.
  assert.ok(mean > 0.58 && mean < 0.65, `${mean}`);
  assert.ok(Math.min(...areas) > 0.28 && Math.max(...areas) <= 1);
});

Deno.test("crops that always fit: quartiles of a uniform area and of a log-uniform aspect", () => {
  const random = generator("small boxes");
  const boxes = Array.from({ length: 5000 }, () => randomBox(1000, 1000, [0.1, 0.3], random));
  const quartiles = (values: number[]) =>
    values.sort((a, b) => a - b).filter((_, at) => at % 1250 === 1249).slice(0, 3);
  const near = (actual: number[], expected: number[]) =>
    expected.forEach((value, at) => assert.ok(Math.abs(actual[at] - value) < 0.015, `${actual}`));
  near(quartiles(boxes.map(({ height, width }) => height * width / 1e6)), [0.15, 0.2, 0.25]);
  const half = Math.log(4 / 3) / 2;
  near(quartiles(boxes.map(({ height, width }) => Math.log(width / height))), [-half, 0, half]);
});

Deno.test("crops that never fit: the largest central one", () => {
  const never = (height: number, width: number) => randomBox(height, width, [9, 9], generator(0));
  assert.deepEqual(never(30, 90), { top: 0, left: 25, height: 30, width: 40 });
  assert.deepEqual(never(90, 30), { top: 25, left: 0, height: 40, width: 30 });
  assert.deepEqual(never(32, 32), { top: 0, left: 0, height: 32, width: 32 });
});

Deno.test("the same generator gives the same view, wherever it is written", () => {
  const options = { cropScale: [0.3, 1] as const, flip: 0.5, blur: 0.5 };
  const expected = view(options, 7), out = new Float32Array(3 * 3072).fill(-1);
  view({ ...options, size: 48 }, 8); // Leaves other tables and more rows behind.
  augment(image, 32, 32, { ...plain, ...options }, generator(7), out, 3072);
  assert.deepEqual(out.subarray(3072, 6144), expected);
  assert.ok(out.every((value, at) => value === -1 || at >= 3072 && at < 6144));
});

Deno.test("each transform fires as often as it is asked to", () => {
  const original = view({});
  const rate = (options: Partial<ViewOptions>) => {
    let changed = 0;
    for (let key = 0; key < 1000; key++) {
      if (view(options, key).some((value, at) => value !== original[at])) changed++;
    }
    return changed / 1000;
  };
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 0.05, `${actual}`);
  // Area 1 with another aspect does not fit: the whole image, after ten draws.
  near(rate({ flip: 0.5 }), 0.5);
  near(rate({ greyscale: 0.2 }), 0.2);
  near(rate({ solarise: 0.3 }), 0.3);
  near(rate({ blur: 0.4 }), 0.4);
  near(
    rate({ jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 } }),
    0.8,
  );
});

Deno.test("a grey view has three equal channels", () => {
  const grey = view({ greyscale: 1 });
  for (let at = 0; at < grey.length; at += 3) {
    assert.ok(grey[at] === grey[at + 1] && grey[at] === grey[at + 2]);
  }
});

Deno.test("the second view of each image has what is said of it, the first has not", () => {
  const options = { ...plain, solarise: 0, second: { solarise: 1, solariseThreshold: 0 } };
  const of = (number: number) => {
    const out = new Float32Array(3072);
    augment(image, 32, 32, viewOf(options, number), generator(3), out);
    return out;
  };
  const first = of(0);
  assert.deepEqual(of(1), first.map((value) => Math.fround(1 - value)));
  assert.deepEqual([of(2), of(3)], [first, of(1)]);
});

Deno.test("the crop's ratio, the blur's deviation and the threshold of what is bright are fields", () => {
  const wide = randomBox(100, 100, [0.1, 0.2], generator(1), [3, 4]);
  assert.ok(wide.width / wide.height > 2.8 && wide.width / wide.height < 4.2, JSON.stringify(wide));
  assert.deepEqual(randomBox(90, 30, [9, 9], generator(0), [1, 1]), {
    top: 30,
    left: 0,
    height: 30,
    width: 30,
  });
  const hardly = view({ blur: 1, blurDeviation: [0.05, 0.05] }, 1), sharp = view({}, 1);
  hardly.forEach((value, at) => assert.ok(Math.abs(value - sharp[at]) < 1e-6));
  const inverted = view({ solarise: 1, solariseThreshold: 0.8 }, 1);
  inverted.forEach((value, at) =>
    assert.equal(value, Math.fround(sharp[at] >= 0.8 ? 1 - sharp[at] : sharp[at]))
  );
});

Deno.test("a blur of any kernel is the mean weighted by a Gaussian, mirrored at the edges", () => {
  for (const kernel of [3, 5, 9]) {
    const before = view({ size: 12 }, 2), after = before.slice(), deviation = 1.3, reach = (kernel - 1) / 2;
    blur(after, 12, deviation, kernel);
    const mirror = (at: number) => at < 0 ? -at : at > 11 ? 22 - at : at;
    for (let y = 0; y < 12; y++) {
      for (let x = 0; x < 12; x++) {
        let sum = 0, weights = 0;
        for (let dy = -reach; dy <= reach; dy++) {
          for (let dx = -reach; dx <= reach; dx++) {
            const weight = Math.exp(-(dx * dx + dy * dy) / (2 * deviation ** 2));
            sum += weight * before[(mirror(y + dy) * 12 + mirror(x + dx)) * 3 + 1];
            weights += weight;
          }
        }
        assert.ok(Math.abs(after[(y * 12 + x) * 3 + 1] - sum / weights) < 1e-6, `${kernel}: ${x}, ${y}`);
      }
    }
  }
  assert.throws(() => blur(new Float32Array(48), 4, 1, 9), {
    name: "RangeError",
    message: /does not fit views of 4/,
  });
});
