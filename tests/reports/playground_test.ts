/** The playground of a trained run, in a browser, from the disk: its model beside the native engine's. */
import "../needs.ts";
import assert from "node:assert/strict";
import { join } from "@std/path";
import axe from "axe-core";
import { encode } from "fast-png";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { start } from "../../lib/compute/backend.ts";
import { dispose } from "../../lib/compute/compile.ts";
import { imageOf, type ImageSet } from "../../lib/data/dataset.ts";
import { generate } from "../../lib/data/generated.ts";
import { settingOf } from "../../lib/experiments/opened_run.ts";
import { evaluationOf } from "../../lib/experiments/presets.ts";
import { openRun, type Run } from "../../lib/experiments/run.ts";
import { runSpec } from "../../lib/experiments/runs.ts";
import { changed, nearest, represent, UNCHANGED } from "../../lib/reports/played.ts";
import { renderPlayground } from "../../lib/reports/playground.ts";
import { launch, noBrowser, visit as open } from "../notebook/browser.ts";
import { tiny } from "../training/tiny.ts";

await start();

const IMAGES = 64, SIDE = 32, WHAT = "test images of generated";

let browser: Browser | undefined, folder: string, file: string, run: Run;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir();
  const dataset = generate({ seed: 0, train: 320, test: IMAGES });
  const evaluation = evaluationOf({ ...tiny, heldOutImages: 64, testImages: IMAGES, neighbours: [5] });
  const setting = await settingOf({ dataset, evaluation, runs: folder });
  run = openRun(runSpec("s-jea", tiny, dataset, 0), setting, "tiny");
  if (noBrowser) return;
  file = join(folder, "playground.html");
  await Deno.writeTextFile(file, await renderPlayground(run, setting.images.test, WHAT, 2000));
  browser = await launch();
});

Deno.test.afterAll(async () => {
  await browser?.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a picture that nothing is done to stays what it is; each change is that of the views", () => {
  const { test } = run.setting.images, image = imageOf(test, 3), side = SIDE;
  const still = changed(image, side, UNCHANGED);
  assert.ok(still.every((value, at) => Math.abs(value - image[at] / 255) < 1e-6));
  const flipped = changed(image, side, { ...UNCHANGED, flip: true });
  assert.ok(Math.abs(flipped[0] - image[3 * (side - 1)] / 255) < 1e-6);
  const grey = changed(image, side, { ...UNCHANGED, grey: true });
  for (let at = 0; at < grey.length; at += 3) assert.ok(Math.abs(grey[at] - grey[at + 2]) < 1e-6);
  // Of a corner's single pixel nothing but that pixel is seen.
  const corner = changed(image, side, { ...UNCHANGED, crop: 1 / side, across: 1, down: 0 });
  assert.ok(corner.every((value, at) => Math.abs(value - image[3 * (side - 1) + at % 3] / 255) < 1e-6));
});

Deno.test("the nearest images are those of the largest cosines, without the picture itself", () => {
  assert.deepEqual(nearest(Float32Array.of(0.1, 1, 0.9, -1), 2, 1), [2, 0]);
});

Deno.test("a page of too few images is refused", async () => {
  await assert.rejects(renderPlayground(run, run.setting.images.test, WHAT, 19), {
    name: "UsageError",
    message: "A playground takes 20 images or more, and there are 19.",
  });
});

/** What the page holds for the browser's console. */
interface Answer {
  readonly picture: Record<string, number>;
  readonly representations: Record<string, number>[];
}

/** The page's answer to what it was asked for last. */
async function answered(page: Page): Promise<Answer> {
  await page.locator("main[aria-busy=false]").waitFor();
  return await page.evaluate<Answer>("globalThis.answer");
}

/** Representations by the native engine of one view, `[side, side, 3]` bytes. */
async function natively(images: Uint8Array): Promise<Float32Array[]> {
  const set: ImageSet = { images, labels: Uint8Array.of(0), height: SIDE, width: SIDE };
  const found = await run.embed(set), values = found.map((x) => x.dataSync() as Float32Array);
  dispose(found);
  return values;
}

function far(found: Answer["representations"], native: readonly Float32Array[]): number {
  assert.equal(found.length, native.length);
  return Math.max(...native.flatMap((stack, at) => {
    const values = Object.values(found[at]);
    assert.equal(values.length, stack.length);
    return values.map((value, feature) => Math.abs(value - stack[feature]));
  }));
}

// Playwright keeps processes and timers of its own between tests.
const inBrowser = (name: string, look: (page: Page) => Promise<void>, options?: BrowserContextOptions) =>
  Deno.test({
    name,
    fn: () => open(browser!, file, look, options),
    ignore: noBrowser,
    sanitizeOps: false,
    sanitizeResources: false,
  });

inBrowser("the first answer takes less than two seconds of a processor", async (page) => {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await answered(page);
  const { metrics } = await session.send("Performance.getMetrics");
  // Of the page's process from its start on; on the clock it takes as long as other processes let it.
  const seconds = metrics.find(({ name }) => name === "ProcessTime")!.value;
  assert.ok(seconds > 0.05 && seconds < 2, `${seconds} s`);
});

inBrowser(
  "the browser's model is the native engine's within 1e-3",
  async (page) => {
    for (const image of [0, 17, 40]) {
      await page.locator("#index").fill(`${image}`);
      await page.locator("#index").press("Enter");
      const { picture, representations } = await answered(page);
      const bytes = Uint8Array.from(Object.values(picture)), { test } = run.setting.images;
      assert.deepEqual(bytes, imageOf(test, image));
      assert.ok(far(representations, await natively(bytes)) < 1e-3);
    }
  },
);

inBrowser("sliders change the picture as views do, and move it in each stack", async (page) => {
  const before = await answered(page),
    stayed = page.locator("#moved0 dd, #moved1 dd").filter({ hasText: "." });
  assert.deepEqual(await stayed.allInnerTexts(), ["1.000", "1.000"]);
  assert.match(await page.locator("#verdict").innerText(), /^Nothing is changed/);
  const network = await run.network(), bytes = Uint8Array.from(Object.values(before.picture)), { spec } = run;
  let last = before, change = UNCHANGED;
  for (
    const [id, value, part] of [["hue", 90, { hue: 0.25 }], ["crop", 50, { crop: 0.5 }], ["blur", 2, {
      blur: 2,
    }]] as const
  ) {
    await page.locator(`#${id}`).fill(`${value}`);
    change = { ...change, ...part };
    const now = await answered(page), view = changed(bytes, SIDE, change);
    assert.ok(far(now.representations, await represent(network, spec, view, SIDE)) < 1e-3, id);
    assert.ok(
      far(now.representations, last.representations.map((x) => Float32Array.from(Object.values(x)))) > 1e-3,
      id,
    );
    last = now;
  }
  dispose(network);
  for (const text of await stayed.allInnerTexts()) assert.ok(Number(text) < 1, text);
  assert.match(
    await page.locator("#verdict").innerText(),
    /^(Stack \d moved it least|The stacks moved it equally)/,
  );
  await page.locator("#reset").click();
  assert.deepEqual((await answered(page)).representations, before.representations);
});

inBrowser("neighbours are buttons by which one goes on, and a file is taken by its middle", async (page) => {
  await answered(page);
  const buttons = page.locator("#near1 button");
  assert.equal(await buttons.count(), 10);
  const words = (await buttons.first().getAttribute("title"))!, [, image] = /^1: image (\d+), /.exec(words)!;
  await buttons.first().click();
  await answered(page);
  assert.ok((await page.locator("#name").innerText()).startsWith(`Image ${image}: `));
  // Red, between two blues.
  const data = Uint8Array.from({ length: 96 * 32 * 3 }, (_, at) => {
    const red = Math.floor(at / 3) % 96 >= 32 && Math.floor(at / 3) % 96 < 64;
    return at % 3 === (red ? 0 : 2) ? 255 : 0;
  });
  const red = join(folder, "red.png"), none = join(folder, "no.txt");
  await Deno.writeFile(red, encode({ width: 96, height: 32, channels: 3, data }));
  await Deno.writeTextFile(none, "no picture");
  await page.locator("#file").setInputFiles(red);
  await page.locator("#name", { hasText: "red.png" }).waitFor();
  const { picture, representations } = await answered(page), bytes = Uint8Array.from(Object.values(picture));
  assert.ok(bytes.every((value, at) => value === (at % 3 === 0 ? 255 : 0)));
  assert.ok(far(representations, await natively(bytes)) < 1e-3);
  await page.locator("#file").setInputFiles(none);
  await page.locator("#fault", { hasText: "no.txt is no picture that this browser reads." }).waitFor();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1440, 390]) {
    inBrowser(
      `${colorScheme}, ${width} pixels wide: nothing that axe finds, nothing beside the page`,
      async (page) => {
        await page.locator("#crop").fill("60");
        await answered(page);
        assert(!await page.evaluate("document.documentElement.scrollWidth > innerWidth"));
        await page.evaluate(axe.source);
        const found = await page.evaluate<string[]>(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`))",
        );
        assert.deepEqual(found, []);
      },
      { colorScheme, viewport: { width, height: 900 } },
    );
  }
}
