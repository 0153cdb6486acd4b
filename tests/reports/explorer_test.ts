/** The explorer of a trained run, in a browser, from the disk. */
import "../needs.ts";
import assert from "node:assert/strict";
import { join } from "@std/path";
import axe from "axe-core";
import { decode } from "fast-png";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { generator } from "../../lib/base/random.ts";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { tf } from "../../lib/compute/tf.ts";
import { generate } from "../../lib/data/generated.ts";
import { knn } from "../../lib/evaluation/knn.ts";
import { settingOf } from "../../lib/experiments/opened_run.ts";
import { evaluationOf } from "../../lib/experiments/presets.ts";
import { openRun, type Run } from "../../lib/experiments/run.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { explore, type Explored, similarImages } from "../../lib/reports/explored.ts";
import { renderExplorer } from "../../lib/reports/explorer.ts";
import { launch, noBrowser, visit as open } from "../notebook/browser.ts";
import { tiny } from "../training/tiny.ts";

await start();

/** Images without those at some positions, and those. */
function without(x: tf.Tensor2D, labels: Uint8Array, at: number) {
  const others = Array.from(labels.keys()).filter((other) => other !== at);
  const rows = (positions: number[]) => ({
    features: tf.gather(x, tf.tensor1d(positions, "int32")),
    labels: Uint8Array.from(positions, (position) => labels[position]),
  });
  return { bank: rows(others), query: rows([at]), others };
}

Deno.test("neighbours are those that k-NN lets vote, when the image is not in its own bank", async () => {
  const random = generator("explorer"), count = 40, k = 5, classes = 3, temperature = 0.1;
  const labels = Uint8Array.from({ length: count }, () => random.integer(classes));
  const x = tf.tensor2d(Array.from({ length: count * 4 }, () => random.normal()), [count, 4]);
  const { indices, similarities } = await similarImages(x, k);
  for (let at = 0; at < count; at++) {
    const { bank, query, others } = without(x, labels, at),
      found = [...indices.subarray(at * k, (at + 1) * k)];
    // Every image a class of its own: its vote names it.
    const own = { ...bank, labels: Uint8Array.from(bank.labels.keys()) };
    const [one] = await knn(own, query, { k: [1], temperature, classes: count });
    assert.equal(found[0], others[one.predictions[0]]);
    const [voted] = await knn(bank, query, { k: [k], temperature, classes });
    const votes = new Float64Array(classes);
    found.forEach((other, rank) =>
      votes[labels[other]] += Math.exp(similarities[at * k + rank] / temperature)
    );
    assert.equal(votes.indexOf(Math.max(...votes)), voted.predictions[0]);
    dispose([bank.features, query.features]);
  }
  x.dispose();
});

let browser: Browser | undefined, folder: string, file: string, run: Run, explored: Explored;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir();
  const dataset = generate({ seed: 0, train: 320, test: 64 });
  const evaluation = evaluationOf({
    ...tiny,
    heldOutImages: 64,
    testImages: 64,
    probeEpochs: 2,
    neighbours: [5],
  });
  run = openRun(
    runSpec("s-jea", tiny, dataset, 0),
    await settingOf({ dataset, evaluation, runs: folder }),
    "tiny",
  );
  explored = await explore([run]);
  file = join(folder, "explorer.html");
  await Deno.writeTextFile(file, await renderExplorer(explored));
  if (!noBrowser) browser = await launch();
});

Deno.test.afterAll(async () => {
  await browser?.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what is explored is what the run makes of its test images, with factors as groups", async () => {
  const { groupings, runs: [{ stacks }], images } = explored, scores = await run.evaluate();
  assert.deepEqual(groupings.map(({ name }) => name), ["class", "subtype", "colour", "pose", "background"]);
  assert.equal(stacks.length, 2);
  for (const [level, { projections, groupings, similar }] of stacks.entries()) {
    assert.deepEqual(Object.keys(projections), ["t-SNE", "UMAP", "PCA"]);
    for (const points of Object.values(projections)) assert.equal(points.length, 2 * images.labels.length);
    assert.deepEqual(groupings.map(({ name }) => name), ["probe", "k-NN 5", "cluster"]);
    assert.deepEqual(groupings[0].values, scores[level].predictions["top-1"]);
    assert.equal(similar.indices.length, 20 * images.labels.length);
  }
});

Deno.test("runs on other images do not share a page", async () => {
  const { setting } = run, other = { ...setting.dataset, fingerprint: "another" };
  const stranger = openRun({ ...run.spec, seed: 1 }, { ...setting, dataset: other }, "other");
  await assert.rejects(explore([run, stranger]), {
    message: `${stranger.id} and ${run.id} are evaluated on different images.`,
  });
});

// Playwright keeps processes and timers of its own between tests.
const inBrowser = (name: string, look: (page: Page) => Promise<void>, options?: BrowserContextOptions) =>
  Deno.test({
    name,
    fn: () => open(browser!, file, look, options),
    ignore: noBrowser,
    sanitizeOps: false,
    sanitizeResources: false,
  });

async function find(page: Page, words: string): Promise<void> {
  await page.locator("#find").fill(words);
  await page.locator("#find").press("Enter");
}

/** Points at the middle of the map, from elsewhere. */
async function pointAtMiddle(page: Page): Promise<void> {
  const { x, y, width, height } = (await page.locator("#points").boundingBox())!;
  await page.mouse.move(x + 5, y + 5);
  await page.mouse.move(x + width / 2, y + height / 2);
}

const classOf = (image: number) => explored.groupings[0].names[explored.images.labels[image]];

/** Colours of the map's pixels. */
const drawn = async (page: Page) => decode(await page.locator("#map").screenshot()).data;

/** Whether two pictures are one to the eye: round corners are not drawn the same twice. */
const alike = (one: ArrayLike<number>, other: ArrayLike<number>) =>
  Array.from(one).every((value, at) => Math.abs(value - other[at]) < 8);

inBrowser(
  "pointing at an image says what it is, for what it is taken and how its neighbours vote",
  async (page) => {
    await find(page, "17");
    await page.keyboard.press("Escape");
    await pointAtMiddle(page);
    const tip = page.locator("#tip:visible"), [{ groupings }] = explored.runs[0].stacks;
    const words = (await tip.innerText()).split("\n");
    assert.ok(words.includes("image 17"), `${words}`);
    for (const { name, names, values } of [...explored.groupings, ...groupings]) {
      assert.equal(words[words.indexOf(name) + 1], names[values[17]], name);
    }
    assert.match(words[words.indexOf("votes") + 1], /^\w+ \d+ %/);
  },
);

inBrowser(
  "a click shows the neighbours in the full space of both stacks, and one of them leads on",
  async (page) => {
    await find(page, "17");
    await page.locator("#points").press("Escape");
    assert.equal(await page.locator("#image:visible").count(), 0);
    await pointAtMiddle(page);
    await page.mouse.down();
    await page.mouse.up();
    assert.equal(await page.locator("#image h2").innerText(), `Image 17: ${classOf(17)}`);
    const columns = await page.locator("#image .stacks > div").all(), [{ stacks }] = explored.runs;
    assert.equal(columns.length, 2);
    for (const [level, column] of columns.entries()) {
      const { indices, k } = stacks[level].similar, own = [...indices.subarray(17 * k, 18 * k)];
      const titles = await column.locator("li button").evaluateAll((all) =>
        all.map((button) => button.getAttribute("title")!)
      );
      assert.deepEqual(
        titles.map((title) => title.replace(/, cosine -?[01]\.\d{3}$/, "")),
        own.map((other, rank) => `${rank + 1}: image ${other}, ${classOf(other)}`),
      );
      assert.equal(
        await column.locator("li .other").count(),
        own.filter((other) => classOf(other) !== classOf(17)).length,
      );
    }
    const [next] = stacks[1].similar.indices.subarray(17 * stacks[1].similar.k);
    await columns[1].locator("li button").first().click();
    assert.equal(await page.locator("#image h2").innerText(), `Image ${next}: ${classOf(next)}`);
  },
);

inBrowser("shift and dragging choose a region: its images, and its classes beside all", async (page) => {
  const { x, y, width, height } = (await page.locator("#points").boundingBox())!;
  const drag = async (to: number) => {
    await page.keyboard.down("Shift");
    await page.mouse.move(x + 2, y + 2);
    await page.mouse.down();
    await page.mouse.move(x + width * to, y + height * to, { steps: 3 });
    await page.mouse.up();
    await page.keyboard.up("Shift");
    const head = await page.locator("#region h2").innerText();
    const cells = await page.locator("#region tbody tr").evaluateAll((rows) =>
      rows.map((row) => Number(row.querySelector("td")!.textContent))
    );
    return {
      chosen: Number(/^Region: (\d+) of 64 images$/.exec(head)![1]),
      sum: cells.reduce((sum, part) => sum + part),
    };
  };
  assert.deepEqual(await drag(0.999), { chosen: 64, sum: 64 });
  const rows = await page.locator("#region tbody tr td:nth-child(n + 3)").allInnerTexts();
  for (let at = 0; at < rows.length; at += 2) assert.equal(rows[at], rows[at + 1]);
  const { chosen, sum } = await drag(0.5);
  assert.ok(chosen > 0 && chosen < 64 && chosen === sum, `${chosen}, ${sum}`);
  assert.equal(await page.locator("#region li").count(), chosen);
});

inBrowser("another stack moves the points there by and by; so does another projection", async (page) => {
  // Time passes by hand: a busy machine draws no picture between the first and the last.
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
  const before = await drawn(page);
  await page.locator("#stack").selectOption("1");
  await page.clock.runFor(250);
  const between = await drawn(page);
  await page.clock.runFor(1200);
  const after = await drawn(page);
  assert.ok(!alike(before, between) && !alike(between, after) && !alike(before, after));
  await page.locator("#stack").selectOption("0");
  await page.clock.runFor(1500);
  assert.ok(alike(await drawn(page), before));
  await page.locator("#projection").selectOption("PCA");
  await page.clock.runFor(1500);
  assert.ok(!alike(await drawn(page), before));
});

inBrowser("a class is found and picked out, and what does not exist is said", async (page) => {
  const before = await drawn(page);
  await find(page, classOf(3));
  const pressed = page.locator("#legend button[aria-pressed=true]");
  assert.ok((await pressed.innerText()).startsWith(classOf(3)));
  await page.waitForTimeout(100);
  const picked = await drawn(page);
  assert.ok(!alike(picked, before));
  await pressed.click();
  await page.waitForTimeout(100);
  assert.ok(alike(await drawn(page), before));
  await find(page, "nothing of the kind");
  const message = await page.locator("#find").evaluate((input) =>
    (input as unknown as { validationMessage: string }).validationMessage
  );
  assert.match(message, /images are 0 to 63\./);
  await page.locator("#colour").selectOption("cluster");
  assert.equal(await page.locator("#legend h2").innerText(), "Colour: cluster");
});

inBrowser("keys move, zoom, choose and let go", async (page) => {
  const canvas = page.locator("#points");
  // A frame shows where the keys go.
  await canvas.press("0");
  const before = await drawn(page);
  for (const key of ["ArrowLeft", "+"]) {
    const was = await drawn(page);
    await canvas.press(key);
    await page.waitForTimeout(100);
    assert.ok(!alike(await drawn(page), was), key);
  }
  await canvas.press("0");
  await page.waitForTimeout(100);
  assert.ok(alike(await drawn(page), before));
  await canvas.press("r");
  assert.equal(await page.locator("#region h2").innerText(), "Region: 64 of 64 images");
  await canvas.press("Enter");
  const seen = [];
  for (let step = 0; step < 4; step++) {
    seen.push(await page.locator("#image h2").innerText());
    await canvas.press("n");
  }
  assert.equal(new Set(seen).size, 4, "no image twice on the way");
  await canvas.press("Escape");
  assert.equal(await page.locator("#image:visible, #region:visible").count(), 0);
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 390]) {
    inBrowser(
      `${colorScheme}, ${width} pixels wide: nothing that axe finds, nothing beside the page`,
      async (page) => {
        await find(page, "5");
        await page.locator("#shown").click();
        await pointAtMiddle(page);
        assert(!await page.evaluate("document.documentElement.scrollWidth > innerWidth"));
        await page.evaluate(axe.source);
        const found = await page.evaluate<string[]>(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`))",
        );
        assert.deepEqual(found, []);
      },
      { colorScheme, viewport: { width, height: 800 } },
    );
  }
}
