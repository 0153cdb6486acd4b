/** The page of all runs in a browser: from the disk, and from its server while a run trains. */
import "axe-core";
import assert from "node:assert/strict";
import { join } from "@std/path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { runReader } from "../../lib/experiments/run_summaries.ts";
import { renderRunsPage } from "../../lib/reports/runs_page.ts";
import { writeRun, writeScores } from "../experiments/run_folder.ts";
import { launch, noBrowser } from "../notebook/browser.ts";
import { spec, until } from "../training/tiny.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const AXE = await Deno.readTextFile(new URL("axe.min.js", import.meta.resolve("axe-core")));

let browser: Browser | undefined, folder: string, file: string;

// Playwright keeps processes and timers of its own between tests.
const inBrowser = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, ignore: noBrowser, sanitizeOps: false, sanitizeResources: false });

/** Opens a page; fails if it complains. */
async function visit(
  address: string,
  look: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const context = await browser!.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage(), faults: string[] = [];
  page.on("console", (message) => {
    // That a server has ended, the page tells itself.
    if (["error", "warning"].includes(message.type()) && !message.text().includes("ERR_CONNECTION_REFUSED")) {
      faults.push(message.text());
    }
  });
  page.on("pageerror", (error) => faults.push(`${error}`));
  await page.goto(address);
  await look(page);
  assert.deepEqual(faults, []);
  await context.close();
}

const RUNS = 24;
const status = (page: Page) => page.locator("[role=status]").innerText();
const shown = (page: Page, selector: string) => page.locator(`.runs tbody tr:visible ${selector}`);
const titles = (page: Page) => page.locator(".runs thead th:visible").allInnerTexts();
/** The texts of a column, by its title. */
async function column(page: Page, title: string): Promise<string[]> {
  const all = await page.locator(".runs thead th").allInnerTexts();
  const at = all.indexOf(title);
  return await shown(page, `> :nth-child(${at + 1})`).allInnerTexts();
}
const sort = (page: Page, title: string) => page.getByRole("button", { name: title, exact: true }).click();
const choose = (page: Page, at: number) => shown(page, "input").nth(at).check();

Deno.test.beforeAll(async () => {
  if (noBrowser) return;
  browser = await launch();
  folder = await Deno.makeTempDir();
  for (let seed = 0; seed < RUNS; seed++) {
    const own = { ...spec, seed, batch: seed % 2 === 0 ? 64 : 128, epochs: 100 };
    const written = await writeRun(folder, own, 50 + seed, `2026-01-01T00:${10 + seed}:00.000Z`);
    if (seed % 3 === 0) await writeScores(written, "");
  }
  file = join(folder, "index.html");
  await Deno.writeTextFile(file, await renderRunsPage(await runReader(folder)(), { folder }));
});

inBrowser(
  "sorted by any column, either way, missing ones last; filtered by words, with the fields that then differ",
  async () => {
    await visit(pathToFileURL(file).href, async (page) => {
      assert.equal(await status(page), "24 of 24 runs");
      assert.deepEqual((await titles(page)).slice(3, 5), ["batch", "seed"]);
      const seeds = Array.from({ length: RUNS }, (_, seed) => `${seed}`);
      assert.deepEqual(await column(page, "seed"), seeds.toReversed());
      await sort(page, "seed");
      assert.deepEqual(await column(page, "seed"), seeds);
      await sort(page, "duration");
      await sort(page, "duration");
      assert.deepEqual(await column(page, "seed"), seeds.toReversed());
      await sort(page, "stack 0: k-NN 20 %");
      assert.deepEqual(
        (await column(page, "stack 0: k-NN 20 %")).map(Boolean),
        seeds.map((seed) => Number(seed) < 8),
      );
      assert.equal(await page.locator("th[aria-sort]").count(), 1);
      await page.getByRole("searchbox", { name: "Filter" }).fill("-S7 100e");
      assert.equal(await status(page), "1 of 24 runs");
      assert.deepEqual((await titles(page)).slice(3, 4), ["stack 0: k-NN 20 %"]);
      await page.getByRole("searchbox").fill("128");
      assert.equal(await status(page), "12 of 24 runs");
      assert.deepEqual((await titles(page)).slice(3, 4), ["seed"]);
    });
  },
);

inBrowser("curves of the chosen runs are drawn over each other, of as many as one likes", async () => {
  await visit(pathToFileURL(file).href, async (page) => {
    assert.equal(await page.locator("canvas").count(), 0);
    for (let at = 0; at < RUNS; at++) await choose(page, at);
    assert.equal(await status(page), "24 of 24 runs, 24 chosen");
    await page.locator("canvas").waitFor();
    const pixels = () => page.evaluate<string>(`document.querySelector("canvas").toDataURL()`);
    const all = await pixels();
    await page.getByRole("searchbox").fill("s7");
    await shown(page, "input").nth(0).uncheck();
    assert.equal(await status(page), "1 of 24 runs, 23 chosen");
    await until(async () => await pixels() !== all);
    await page.getByRole("button", { name: "Choose none" }).click();
    await until(async () => await page.locator("canvas").count() === 0);
  });
});

inBrowser("by keys alone: one stop for the table's boxes, arrows between them", async () => {
  await visit(pathToFileURL(file).href, async (page) => {
    const focused = () =>
      page.evaluate<string>(
        `document.activeElement.closest("tr")?.cells[1].textContent ?? document.activeElement.className`,
      );
    const buttons = await page.locator(".runs thead button:visible").count();
    await page.getByRole("button", { name: "Choose none" }).focus();
    for (let stop = 0; stop < buttons + 2; stop++) await page.keyboard.press("Tab");
    assert.match(await focused(), /-s23$/);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Space");
    assert.match(await focused(), /-s22$/);
    await page.locator("canvas").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "chart drawn");
    await page.keyboard.press("Shift+Tab");
    assert.match(await focused(), /-s22$/);
  });
});

inBrowser(
  "light, dark and on a telephone: nothing that axe objects to, and no page that scrolls sideways",
  async () => {
    for (const options of [{}, { colorScheme: "dark" }, { viewport: { width: 390, height: 844 } }] as const) {
      await visit(pathToFileURL(file).href, async (page) => {
        await choose(page, 0);
        await choose(page, 3);
        await sort(page, "seed");
        await page.locator("canvas").waitFor();
        await page.evaluate(AXE);
        const { violations, passes } = await page.evaluate<
          { violations: { id: string; nodes: { html: string }[] }[]; passes: { id: string }[] }
        >("axe.run()");
        assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
        assert.ok(passes.some(({ id }) => id === "color-contrast"));
        assert(!await page.evaluate("document.documentElement.scrollWidth > innerWidth"));
        const { width } = (await page.locator("canvas").boundingBox())!;
        assert.ok(width <= page.viewportSize()!.width);
      }, options);
    }
  },
);

inBrowser("without scripts it is the table", async () => {
  await visit(pathToFileURL(file).href, async (page) => {
    assert.equal(await shown(page, "th").count(), RUNS);
    assert.equal(await page.locator(".tools:visible").count(), 0);
  }, { javaScriptEnabled: false });
});

inBrowser("a thousand runs are a page of a few MB", async () => {
  const [run] = await runReader(folder)(),
    curve = Array.from({ length: 200 }, (_, at) => Math.round(1000 * Math.sin(at) + 5e4) / 1000);
  const many = Array.from({ length: 1000 }, (_, at) => ({
    ...run,
    id: `${at}`.padStart(12, "0"),
    fields: new Map([...run.fields, ["seed", `${at}`]]),
    tracks: [{ epochs: curve, measures: { loss: [curve, curve] } }],
  }));
  const page = join(folder, "many.html"), html = await renderRunsPage(many, { folder });
  assert.ok(html.length < 8e6, `${html.length}`);
  await Deno.writeTextFile(page, html);
  await visit(pathToFileURL(page).href, async (page) => {
    assert.equal(await status(page), "1000 of 1000 runs");
    await page.getByRole("searchbox").fill("000999");
    await choose(page, 0);
    await page.locator("canvas").waitFor();
  });
});

/** Starts a task of the project. */
function task(name: string, ...args: string[]): Deno.ChildProcess {
  const command = ["task", "--quiet", name, ...args];
  return new Deno.Command(Deno.execPath(), { args: command, cwd: ROOT, stdout: "piped", stderr: "piped" })
    .spawn();
}

inBrowser(
  "deno task runs --watch: the page renews itself while a run trains; choice, filter and scroll stay",
  async () => {
    const runs = join(ROOT, "data", "temporary", crypto.randomUUID()), at = `--runs=${runs}`;
    await Deno.mkdir(runs, { recursive: true });
    for (let seed = 0; seed < RUNS; seed++) await writeRun(runs, { ...spec, seed }, 12);
    const server = task("runs", "--watch", at),
      lines = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const address = (await lines.read()).value!.trim();
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    const sizes = [
      "data.dataset.train=128",
      "data.images=128",
      "batch=64",
      "levels.0.encoder.width=4",
      "levels.1.encoder.width=4",
    ];
    const set = [...sizes, "data.dataset.test=8", "epochs=400"].map((field) => `--set=${field}`);
    const training = task("train", "smoke/s-jea", at, ...set);
    try {
      await visit(address, async (page) => {
        const state = page.locator("tr", { hasText: "400e" }).locator("td").nth(1);
        await page.locator("tr", { hasText: "400e" }).waitFor();
        await page.getByRole("searchbox").fill("s1");
        await choose(page, 3);
        await page.getByRole("searchbox").fill("r18");
        await sort(page, "seed");
        await page.locator("tr", { hasText: "400e" }).locator("input").check();
        const place = () =>
          page.evaluate<number[]>(
            `[document.querySelector(".runs").scrollTop, document.querySelector(".runs").scrollLeft, scrollY]`,
          );
        await page.evaluate(`document.querySelector(".runs").scrollTo(60, 100)`);
        await page.evaluate("scrollTo(0, 150)");
        const before = await place(), first = await state.innerText();
        assert.deepEqual(before, [100, 60, 150]);
        await until(async () => await state.innerText() !== first);
        assert.match(await state.innerText(), /^training, \d+ %$/);
        const pixels = () => page.evaluate<string>(`document.querySelector("canvas").toDataURL()`),
          drawn = await pixels();
        await until(async () => await pixels() !== drawn);
        assert.deepEqual(await place(), before);
        assert.equal(await status(page), `${RUNS + 1} of ${RUNS + 1} runs, 2 chosen`);
        assert.equal(await page.locator(":checked").count(), 2);
        assert.equal(await page.locator("th[aria-sort=ascending]").innerText(), "seed");
        training.kill("SIGTERM");
        await training.output();
        await until(async () => /^stopped/.test(await state.innerText()));
        server.kill("SIGINT");
        assert.equal((await server.status).code, 0);
        await until(async () => (await status(page)).includes("deno task runs --watch has ended"));
      });
    } finally {
      for (const child of [training, server]) {
        try {
          child.kill("SIGTERM");
        } catch {
          // It has ended.
        }
      }
      await Deno.remove(runs, { recursive: true });
    }
  },
);

Deno.test.afterAll(async () => {
  await browser?.close();
  if (folder) await Deno.remove(folder, { recursive: true });
});
