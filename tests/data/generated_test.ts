import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { generator } from "../../lib/base/random.ts";
import { UsageError } from "../../lib/base/errors.ts";
import { backgrounds, classes, colours, draw, generate, poses, subtypes } from "../../lib/data/generated.ts";
import { type ImageSet, subset } from "../../lib/data/dataset.ts";

const SIZE = 32 * 32 * 3;
const known = generate({ seed: 1, train: 2000, test: 500 });

Deno.test("generate has the shape of a data set", () => {
  const { name, copy, fingerprint, train, test } = known;
  assert.deepEqual([name, copy], ["generated", "generated"]);
  assert.match(fingerprint, /^[0-9a-f]{16}$/);
  assert.deepEqual([train.height, train.width], [32, 32]);
  assert.deepEqual([train.images.length, test.images.length], [2000 * SIZE, 500 * SIZE]);
  assert.deepEqual([train.labels.length, test.labels.length], [2000, 500]);
  assert.equal(generate({ seed: 1, train: 0, test: 10 }).train.labels.length, 0);
});

Deno.test("the fingerprint is of all images and labels", () => {
  const { train, test } = known;
  const hash = createHash("sha256").update(train.images).update(train.labels).update(test.images).update(
    test.labels,
  );
  assert.equal(known.fingerprint, hash.digest("hex").slice(0, 16));
});

Deno.test("the lists name ten classes of three sub-types, without a double", () => {
  assert.deepEqual([known.classes, classes.length], [classes, 10]);
  assert.deepEqual(subtypes.map((names) => names.length), new Array(10).fill(3));
  for (const names of [classes, subtypes.flat(), colours, poses, backgrounds]) {
    assert.equal(new Set(names).size, names.length);
  }
});

Deno.test("generate repeats itself for a seed and differs for another", () => {
  const once = generate({ seed: 3, train: 30, test: 10 });
  const again = generate({ seed: 3, train: 30, test: 10 });
  const other = generate({ seed: 4, train: 30, test: 10 });
  assert.deepEqual(again, once);
  assert.notEqual(other.fingerprint, once.fingerprint);
  assert.notDeepEqual(other.train.images, once.train.images);
});

Deno.test("an image does not depend on how many there are", () => {
  const few = generate({ seed: 1, train: 37, test: 13 });
  assert.deepEqual(few.train.images, known.train.images.subarray(0, 37 * SIZE));
  assert.deepEqual(few.test.images, known.test.images.subarray(0, 13 * SIZE));
  assert.deepEqual(few.train.levels!.colour, known.train.levels!.colour.slice(0, 37));
});

Deno.test("no image occurs twice, within a split or across", () => {
  const seen = new Set(
    [known.train, known.test].flatMap(({ images, labels }) =>
      Array.from(labels, (_, at) => images.subarray(at * SIZE, (at + 1) * SIZE).join())
    ),
  );
  assert.equal(seen.size, 2500);
});

Deno.test("every ten images hold one of each class, in mixed order", () => {
  const orders = new Set<string>();
  for (let at = 0; at < 2000; at += 10) {
    const labels = known.train.labels.slice(at, at + 10);
    orders.add(labels.join());
    assert.deepEqual(labels.sort(), Uint8Array.from(classes, (_, label) => label));
  }
  assert.ok(orders.size > 190);
});

Deno.test("every factor takes each of its values about equally often", () => {
  const { labels, levels } = known.train;
  for (const [name, values] of Object.entries(known.levels!)) {
    assertEven(Array.from(levels![name]), values.length);
  }
  for (const [at, subtype] of levels!.subtype.entries()) {
    assert.ok(subtypes[labels[at]].includes(known.levels!.subtype[subtype]));
  }
});

/** Each of the values 0 … count − 1 occurs, none half again as often as it should. */
function assertEven(values: readonly number[], count: number): void {
  const times = new Array(count).fill(0);
  for (const value of values) times[value]++;
  const expected = values.length / count;
  assert.equal(times.length, count);
  assert.ok(times.every((n) => n > expected / 1.5 && n < expected * 1.5), times.join());
}

Deno.test("the bytes use their full range", () => {
  const times = new Array(256).fill(0);
  for (const byte of known.train.images) times[byte]++;
  assert.ok(times.every((n) => n > 0));
  assert.ok(times[0] + times[255] < 0.1 * known.train.images.length);
});

Deno.test("draw paints in the colour asked for, and another sub-type leaves the background alone", () => {
  const car = { class: 0, subtype: 1, colour: colours.indexOf("red"), pose: 0, background: 0 };
  const image = draw(car, generator(1));
  const [red, green, blue] = [0, 1, 2].map((c) =>
    mean(image, (x, y) => x > 12 && x < 20 && y > 15 && y < 18, c)
  );
  assert.ok(red > 1.5 * green && red > 1.5 * blue, `${red} ${green} ${blue}`);
  const van = draw({ ...car, subtype: 0 }, generator(1));
  const corner = (x: number, y: number) => x < 4 && y < 4;
  assert.equal(mean(van, corner, 0), mean(image, corner, 0));
  assert.notDeepEqual(van, image);
});

/** Mean of a channel over some pixels of an image. */
function mean(image: Uint8Array, where: (x: number, y: number) => boolean, channel: number): number {
  const values = Array.from(image).filter((_, at) =>
    at % 3 === channel && where((at / 3 | 0) % 32, at / 96 | 0)
  );
  return values.reduce((sum, value) => sum + value) / values.length;
}

Deno.test("raw pixels tell little of the class", () => {
  const first = (set: ImageSet, count: number) => subset(set, Array.from({ length: count }, (_, at) => at));
  const accuracy = nearestNeighbours(first(known.train, 1000), first(known.test, 250), 20);
  assert.ok(accuracy > 0.2 && accuracy < 0.4, `k-NN accuracy ${accuracy}`);
});

/** Accuracy of a vote among the images nearest in cosine similarity. */
function nearestNeighbours(train: ImageSet, test: ImageSet, neighbours: number): number {
  const [rows, queries] = [train, test].map((set) => Array.from(set.labels, (_, at) => unit(set.images, at)));
  const right = queries.filter((query, at) => {
    const similarity = rows.map((row) => dot(query, row));
    const nearest = similarity.map((_, row) => row).sort((a, b) => similarity[b] - similarity[a]);
    const votes = classes.map(() => 0);
    for (const row of nearest.slice(0, neighbours)) votes[train.labels[row]]++;
    return votes.indexOf(Math.max(...votes)) === test.labels[at];
  });
  return right.length / queries.length;
}

function unit(images: Uint8Array, at: number): Float32Array {
  const image = Float32Array.from(images.subarray(at * SIZE, (at + 1) * SIZE));
  const length = Math.sqrt(dot(image, image));
  return image.map((value) => value / length);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

Deno.test("generate refuses a count that is none", () => {
  assert.throws(
    () => generate({ seed: 1, train: -1, test: 10 }),
    new UsageError("generate: train is -1; expected a whole number of images, from 0 to 1000000 (3 GB)."),
  );
  assert.throws(
    () => generate({ seed: 1, train: 10, test: 2.5 }),
    new UsageError("generate: test is 2.5; expected a whole number of images, from 0 to 1000000 (3 GB)."),
  );
});

Deno.test("some classes alone, plainly drawn, each as often as the others", () => {
  const kinds = ["fish", "car"],
    { classes: names, train } = generate({
      ...{ seed: 1, train: 40, test: 2 },
      ...{ kinds, plain: true },
    });
  assert.deepEqual(names, kinds);
  assert.equal(Array.from(train.labels).filter((label) => label === 1).length, 20);
  assert.ok(train.levels!.background.every((background) => background === 0));
  const first = classes.map((_, at) => subtypes.slice(0, at).flat().length);
  train.labels.forEach((label, at) =>
    assert.equal(train.levels!.subtype[at], first[classes.indexOf(kinds[label])])
  );
  assert.throws(() => generate({ seed: 1, train: 2, test: 0, kinds: ["fich"] }), {
    name: "UsageError",
    message: /kinds: .*fish/,
  });
});
