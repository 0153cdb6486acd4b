// What torchvision says of each operation is in ../fixtures_test.ts.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { generator } from "../../lib/base/random.ts";
import { generate } from "../../lib/data/generated.ts";
import { augment, randomBox, type Transforms, viewSchema, viewsOf } from "../../lib/data/views.ts";

const plain: Transforms = {
  size: 32,
  cropScale: [1, 1],
  flip: 0,
  jitter: { probability: 0, brightness: 0, contrast: 0, saturation: 0, hue: 0 },
  greyscale: 0,
  blur: 0,
  solarise: 0,
};
const image = generate({ seed: 0, train: 10, test: 0 }).train.images.subarray(0, 3072);

function view(options: Partial<Transforms>, ...keys: number[]): Float32Array {
  return viewOf(image, options, ...keys);
}

function viewOf(image: Uint8Array, options: Partial<Transforms>, ...keys: number[]): Float32Array {
  const all = { ...plain, ...options }, out = new Float32Array(all.size ** 2 * 3);
  augment(image, 32, 32, all, generator(...keys), out);
  return out;
}

const quartiles = (values: number[]) =>
  [1, 2, 3].map((quarter) => values.toSorted((a, b) => a - b)[Math.floor(quarter * values.length / 4)]);
const near = (actual: number[], expected: number[], tolerance: number) =>
  expected.forEach((value, at) => assert.ok(Math.abs(actual[at] - value) < tolerance, `${actual}`));

Deno.test("crops: area uniform in the scale, aspect within 3/4 and 4/3, inside the image", () => {
  const random = generator("boxes");
  const boxes = Array.from({ length: 5000 }, () => randomBox(96, 96, [0.3, 1], [3 / 4, 4 / 3], random));
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
  for (const ratio of [[3 / 4, 4 / 3], [1, 3]] as const) {
    const random = generator("small boxes");
    const boxes = Array.from({ length: 5000 }, () => randomBox(1000, 1000, [0.1, 0.3], ratio, random));
    near(quartiles(boxes.map(({ height, width }) => height * width / 1e6)), [0.15, 0.2, 0.25], 0.015);
    const [low, high] = ratio.map(Math.log), at = (part: number) => low + part * (high - low);
    near(
      quartiles(boxes.map(({ height, width }) => Math.log(width / height))),
      [1, 2, 3].map((q) => at(q / 4)),
      0.03,
    );
  }
});

Deno.test("crops that never fit: the largest central one, as torchvision's", () => {
  const never = (height: number, width: number, ratio: readonly [number, number]) =>
    Object.values(randomBox(height, width, [9, 9], ratio, generator(0)));
  assert.deepEqual(never(30, 90, [3 / 4, 4 / 3]), [0, 25, 30, 40]);
  assert.deepEqual(never(90, 30, [3 / 4, 4 / 3]), [25, 0, 40, 30]);
  assert.deepEqual(never(32, 32, [3 / 4, 4 / 3]), [0, 0, 32, 32]);
  assert.deepEqual(never(30, 90, [0.5, 0.8]), [0, 33, 30, 24]);
  assert.deepEqual(never(90, 30, [0.5, 0.8]), [15, 0, 60, 30]);
  assert.deepEqual(never(30, 90, [2, 3]), [0, 0, 30, 90]);
  assert.deepEqual(never(25, 31, [2, 3]), [4, 0, 16, 31]);
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
  const rate = (options: Partial<Transforms>) => {
    let changed = 0;
    for (let key = 0; key < 1000; key++) {
      if (view(options, key).some((value, at) => value !== original[at])) changed++;
    }
    return changed / 1000;
  };
  // Area 1 with another aspect does not fit: the whole image, after ten draws.
  near([rate({ flip: 0.5 })], [0.5], 0.05);
  near([rate({ greyscale: 0.2 })], [0.2], 0.05);
  near([rate({ solarise: 0.3 })], [0.3], 0.05);
  near([rate({ blur: 0.4 })], [0.4], 0.05);
  near([rate({ jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 } })], [
    0.8,
  ], 0.05);
});

Deno.test("a grey view has three equal channels", () => {
  const grey = view({ greyscale: 1 });
  for (let at = 0; at < grey.length; at += 3) {
    assert.ok(grey[at] === grey[at + 1] && grey[at] === grey[at + 2]);
  }
});

/** An image whose left half has one colour and whose right half another. */
function halves(left: number[], right: number[]): Uint8Array {
  return Uint8Array.from({ length: 3072 }, (_, at) => (Math.floor(at / 3) % 32 < 16 ? left : right)[at % 3]);
}

Deno.test("jitter: factors uniform in 1 ± the strength but not below 0, a turn uniform in ± the hue", () => {
  const still = { probability: 1, brightness: 0, contrast: 0, saturation: 0, hue: 0 };
  const found = (image: Uint8Array, jitter: Partial<typeof still>, measure: (view: Float32Array) => number) =>
    quartiles(
      Array.from(
        { length: 2000 },
        (_, key) => measure(viewOf(image, { jitter: { ...still, ...jitter } }, key)),
      ),
    );
  const grey = halves([51, 51, 51], [51, 51, 51]);
  near(found(grey, { brightness: 0.8 }, (view) => view[0] / 0.2), [0.6, 1, 1.4], 0.06);
  near(found(grey, { brightness: 1.4 }, (view) => view[0] / 0.2), [0.6, 1.2, 1.8], 0.06);
  const apart = (view: Float32Array) => (view[93] - view[0]) / 0.2;
  near(found(halves([102, 102, 102], [153, 153, 153]), { contrast: 0.8 }, apart), [0.6, 1, 1.4], 0.06);
  const coloured = (view: Float32Array) => (view[0] - view[1]) / 0.2;
  const reddish = halves([153, 102, 102], [153, 102, 102]);
  near(found(reddish, { saturation: 0.8 }, coloured), [0.6, 1, 1.4], 0.06);
  // Up to a sixth of the circle from red, green rises or blue does, in proportion to the turn.
  const turned = (view: Float32Array) => (view[1] - view[2]) / 0.2 / 6;
  near(found(reddish, { hue: 0.16 }, turned), [-0.08, 0, 0.08], 0.01);
});

/** One white pixel on black. */
const point = new Uint8Array(3072).fill(255, 3 * (16 * 32 + 16), 3 * (16 * 32 + 17));

Deno.test("a blurred point is a Gaussian of the kernel's size and the deviation's", () => {
  for (const [side, deviation] of [[3, 0.7], [9, 1.5], [23, 4]]) {
    const reach = (side - 1) / 2;
    const bell = (away: number) => Math.abs(away) > reach ? 0 : Math.exp(-(away ** 2) / (2 * deviation ** 2));
    const all = Array.from({ length: side }, (_, at) => bell(at - reach)).reduce((sum, value) => sum + value);
    const found = viewOf(point, { blur: 1, blurKernel: side, blurDeviation: [deviation, deviation] });
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        const expected = bell(y - 16) * bell(x - 16) / all ** 2;
        for (let channel = 0; channel < 3; channel++) {
          assert.ok(Math.abs(found[3 * (32 * y + x) + channel] - expected) < 1e-6, `${side}: ${y}, ${x}`);
        }
      }
    }
  }
});

Deno.test("deviations of blurs: uniform in their range", () => {
  const found = Array.from({ length: 1000 }, (_, key) => {
    const blurred = viewOf(point, { blur: 1, blurKernel: 5, blurDeviation: [0.5, 1.5] }, key);
    // The pixel beside the centre is exp(−1 / 2σ²) of it.
    return Math.sqrt(-0.5 / Math.log(blurred[3 * (16 * 32 + 17)] / blurred[3 * (16 * 32 + 16)]));
  });
  near(quartiles(found), [0.75, 1, 1.25], 0.06);
});

Deno.test("a kernel may be larger than the view, and a view a single pixel", () => {
  const one = view({ size: 1 });
  assert.deepEqual(view({ size: 1, blur: 1, blurKernel: 9 }), one);
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value) / values.length;
  near(
    [mean(view({ size: 4, blur: 1, blurKernel: 31, blurDeviation: [9, 9] }))],
    [mean(view({ size: 4 }))],
    0.1,
  );
});

Deno.test("solarised: values from the threshold on are inverted", () => {
  const original = view({});
  for (const threshold of [0.3, 0.9]) {
    const expected = original.map((value) => value < threshold ? value : 1 - value);
    assert.notDeepEqual(expected, original);
    assert.deepEqual(view({ solarise: 1, solariseThreshold: threshold }), expected);
  }
});

Deno.test("the views of a key are the same on every machine, for good", () => {
  const jitter = { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
  const options = {
    jitter,
    cropScale: [0.3, 1],
    flip: 0.5,
    greyscale: 0.2,
    blur: 0.5,
    solarise: 0.2,
  } as const;
  const hash = createHash("sha256");
  for (const size of [20, 32, 64]) {
    for (let key = 0; key < 50; key++) hash.update(view({ ...options, size }, key));
  }
  assert.equal(hash.digest("hex").slice(0, 16), "e8615fa0412a512e");
});

Deno.test("a field that is absent means what it says, and changes no spec", () => {
  const jitter = { probability: 0.8 }, many = { blur: 0.5, solarise: 0.5, cropScale: [0.1, 0.5] as const };
  const stated = {
    cropRatio: [3 / 4, 4 / 3],
    blurKernel: 3,
    blurDeviation: [0.1, 2],
    solariseThreshold: 0.5,
  } as const;
  for (let key = 0; key < 20; key++) assert.deepEqual(view({ ...many, ...stated }, key), view(many, key));
  assert.deepEqual(viewSchema.parse({ jitter }), {
    size: 32,
    cropScale: [0.3, 1],
    flip: 0.5,
    jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
    greyscale: 0.2,
    blur: 0,
    solarise: 0,
  });
});

Deno.test("the second view differs in what is said of it, field by field", () => {
  const jitter = { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 };
  const first = { ...plain, jitter, blur: 1, blurKernel: 23 };
  assert.deepEqual(viewsOf(first), [first, first]);
  const second = { blur: 0.1, solarise: 0.2, jitter: { hue: 0 } };
  assert.deepEqual(viewsOf({ ...first, second }), [
    first,
    { ...first, blur: 0.1, solarise: 0.2, jitter: { ...jitter, hue: 0 } },
  ]);
});

Deno.test("more views take turns; local ones come last, of their own size, and differ from the first", () => {
  const jitter = { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 };
  const first = { ...plain, jitter }, second = { solarise: 0.2 };
  const local = { number: 2, size: 20, cropScale: [0.05, 0.3], jitter: { hue: 0 } } as const;
  const small = { ...first, size: 20, cropScale: [0.05, 0.3], jitter: { ...jitter, hue: 0 } };
  const other = { ...first, ...second };
  assert.deepEqual(viewsOf({ ...first, number: 3, second, local }), [first, other, first, small, small]);
  assert.deepEqual(viewSchema.parse({ ...first, number: 3, second, local }), {
    ...first,
    ...{ number: 3, second, local },
  });
});

Deno.test("what is no description of views is refused", () => {
  const jitter = { probability: 0.8 };
  const fault = (fields: object) => viewSchema.safeParse({ jitter, ...fields }).error?.issues[0].message;
  assert.equal(fault({}), undefined);
  assert.equal(fault({ blurKernel: 4 }), "a kernel has an odd number of pixels");
  assert.equal(fault({ cropRatio: [2, 1] }), "the first number is above the second");
  assert.equal(fault({ second: { blurDeviation: [2, 1] } }), "the first number is above the second");
  assert.equal(fault({ second: { size: 64 } }), 'Unrecognized key: "size"');
  assert.match(fault({ second: { solariseThreshold: 1.5 } })!, /^Too big/);
  assert.match(fault({ number: 1 })!, /^Too small/);
  assert.match(fault({ local: { number: 2, cropScale: [0.1, 0.3] } })!, /expected number/);
});

Deno.test("views of full size are smaller for the first part of a training, local ones are not", () => {
  const local = { number: 1, size: 8, cropScale: [0.05, 0.3] } as const;
  const view = { ...plain, size: 32, early: { size: 24, part: 0.6 }, local };
  const sizes = (done?: number) => viewsOf(view, done).map(({ size }) => size);
  assert.deepEqual([sizes(0), sizes(0.59), sizes(0.6), sizes()], [
    ...[[24, 24, 8], [24, 24, 8]],
    ...[[32, 32, 8], [32, 32, 8]],
  ]);
  assert.deepEqual(viewSchema.parse(view), view);
  assert.throws(() => viewSchema.parse({ ...view, early: { size: 24, part: 1 } }), /part/);
});
