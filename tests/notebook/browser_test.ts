/** The pages in a browser, from the disk. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { join } from "@std/path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { places } from "../../lib/base/places.ts";
import { comparison } from "../../lib/charts/comparison.ts";
import { embedding } from "../../lib/charts/embedding.ts";
import { imageGrid } from "../../lib/charts/image_grid.ts";
import { thumbnail } from "../../lib/charts/thumbnails.ts";
import { renderReports } from "../../lib/reports/render_reports.ts";
import { clouds, photograph } from "../charts/drawn.ts";
import { launch, noBrowser, visit as open } from "./browser.ts";
import { cell, exampleFolder, HOSTILE, notebook, scatter, shown } from "./example.ts";

let browser: Browser | undefined, pages: string[];

// Playwright keeps processes and timers of its own between tests.
const inBrowser = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, ignore: noBrowser, sanitizeOps: false, sanitizeResources: false });

const visit = (file: string, look: (page: Page) => Promise<void>, options?: BrowserContextOptions) =>
  open(browser!, file, look, options);

/** Scrolls to each chart until it is drawn. */
async function drawAll(page: Page): Promise<void> {
  for (const chart of await page.locator(".chart").all()) {
    await chart.scrollIntoViewIfNeeded();
    await chart.locator(":is(svg, canvas).marks").waitFor();
  }
}

/** Width of each image in a PDF file. */
function pdfImages(pdf: Uint8Array): number[] {
  const text = new TextDecoder("latin1").decode(pdf);
  return [...text.matchAll(/\/Subtype \/Image[^]*?>>/g)].map(([words]) =>
    Number(/\/Width (\d+)/.exec(words)![1])
  );
}

/** Widths of the images that a selector finds, in their own pixels. */
function widths(page: Page, selector: string): Promise<number[]> {
  return page.evaluate(`Array.from(document.querySelectorAll("${selector}"), (image) => image.naturalWidth)`);
}

Deno.test.beforeAll(async () => {
  if (noBrowser) return;
  browser = await launch();
  ({ files: pages } = await renderReports(await exampleFolder()));
});

inBrowser("every page opens without a fault or a request and says what it is", async () => {
  for (const file of pages) {
    await visit(file, async (page) => {
      await drawAll(page);
      assert.equal(await page.locator("h1").count(), 1);
      assert.equal(await page.locator("main").count(), 1);
      assert.equal(await page.locator("a[aria-current=page]").count(), 1);
      for (const image of await page.locator("main img").all()) assert(await image.getAttribute("alt"));
    });
  }
});

inBrowser("so does every page of the project itself, and under 5 MB", async () => {
  const folder = join(places.notebooks, "reports");
  const files = [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name)).filter((path) =>
    path.endsWith(".html")
  );
  const sources = [...Deno.readDirSync(places.notebooks)].filter(({ name }) => /\.(ipynb|md)$/.test(name));
  // The index and the explorer besides.
  assert.equal(files.length, sources.length + 2);
  for (const file of files) {
    assert.ok((await Deno.stat(file)).size < 5e6, file);
    await visit(file, async (page) => {
      await drawAll(page);
      assert(!await page.evaluate("document.documentElement.scrollWidth > innerWidth"), file);
      for (const image of await widths(page, "main img")) assert(image > 0, file);
    });
  }
});

inBrowser("no page scrolls sideways, on a telephone neither", async () => {
  for (const width of [800, 360]) {
    for (const file of [pages[0], pages[2]]) {
      await visit(file, async (page) => {
        await drawAll(page);
        assert(
          !await page.evaluate("document.documentElement.scrollWidth > innerWidth"),
          `${file} at ${width}`,
        );
      }, { viewport: { width, height: 700 } });
    }
  }
});

inBrowser("pointing at a point shows its image", async () => {
  await visit(pages[2], async (page) => {
    await drawAll(page);
    await page.locator("#out_points_0 svg .mark-symbol.role-mark path").first().hover();
    const tooltip = page.locator("#vg-tooltip-element.visible");
    await tooltip.waitFor();
    assert.match(await tooltip.innerText(), /class\s+airplane\s+x\s+[−-]?\d+\.\d\d/);
    assert.deepEqual(await widths(page, "#vg-tooltip-element img"), [16]);
  });
});

inBrowser(
  "thousands of points from a table of text: a canvas that answers, narrow on a telephone",
  async () => {
    for (const width of [1280, 360]) {
      await visit(pages[2], async (page) => {
        await drawAll(page);
        const box = (await page.locator("#out_loss_0 canvas").boundingBox())!;
        assert(Math.abs(box.width - Math.min(568, width - 40)) < 20, `${box.width} of ${width}`);
        // The last points, where the loss ends.
        const tooltip = page.locator("#vg-tooltip-element.visible");
        for (let at = 190; at < 235 && await tooltip.count() === 0; at += 2) {
          await page.mouse.move(box.x + box.width - 14, box.y + at);
        }
        assert.match(await tooltip.innerText(), /step\s+29\d\d/);
      }, { viewport: { width, height: 700 } });
    }
  },
);

inBrowser("a chart's table in CSV is read whole: commas, quotes, lines, empty fields, images", async () => {
  const folder = await Deno.makeTempDir(), names = ['S-JEA, "both"', "", '""', "two\nlines", "last"];
  const images = names.map((_, seed) => thumbnail(photograph(seed, 8), 8));
  const chart = imageGrid([{ images, captions: names, frame: [true, true, false, true, false] }]);
  const page = notebook([cell("c", "1;", [shown({ "application/vnd.vegalite.v5+json": chart })])]);
  await Deno.writeTextFile(`${folder}/a.ipynb`, JSON.stringify(page));
  const { files: [, file] } = await renderReports(folder);
  await visit(file, async (page) => {
    await drawAll(page);
    const texts = await page.locator("svg.marks text").allTextContents();
    assert.deepEqual(texts.slice(0, names.length), names);
    const urls = await page.locator("svg.marks image").evaluateAll((all) =>
      all.map((image) => image.getAttribute("href") ?? image.getAttribute("xlink:href"))
    );
    assert.deepEqual(urls, images);
  });
});

inBrowser("the wheel scrolls the page over a chart; with ctrl it zooms", async () => {
  const folder = await Deno.makeTempDir(), points = clouds(new Uint8Array(2500), 1);
  const chart = embedding([{ title: "t-SNE", points }], { labels: new Uint8Array(2500), classes: ["cat"] });
  const page = notebook([
    cell("c", "1;", [shown({ "application/vnd.vegalite.v5+json": chart })]),
    cell("m", "words\n\n".repeat(100)),
  ]);
  await Deno.writeTextFile(`${folder}/a.ipynb`, JSON.stringify(page));
  const { files: [, file] } = await renderReports(folder);
  await visit(file, async (page) => {
    await drawAll(page);
    const { x, y } = (await page.locator("canvas").boundingBox())!;
    const look = () =>
      page.evaluate<{ top: number; drawn: string }>(
        `({ top: scrollY, drawn: document.querySelector("canvas").toDataURL() })`,
      );
    const wheel = async () => {
      await page.mouse.wheel(0, 100);
      await page.waitForTimeout(300);
      return await look();
    };
    await page.mouse.move(x + 200, y + 200);
    const before = await look(), scrolled = await wheel();
    assert.deepEqual(scrolled, { ...before, top: before.top + 100 });
    await page.keyboard.down("Control");
    const zoomed = await wheel();
    assert.equal(zoomed.top, scrolled.top);
    assert.notEqual(zoomed.drawn, scrolled.drawn);
  });
});

inBrowser("a click on the legend leaves one class", async () => {
  await visit(pages[2], async (page) => {
    await drawAll(page);
    const chart = page.locator("#out_points_0 svg");
    const faint = () => chart.locator('.mark-symbol.role-mark path[opacity="0.07"]').count();
    assert.equal(await faint(), 0);
    await chart.locator(".role-legend-symbol path").nth(1).click({ force: true });
    assert.equal(await faint(), 200);
  });
});

inBrowser(
  "code is folded to its first line; a button shows all and hides it again; outputs stay",
  async () => {
    await visit(pages[2], async (page) => {
      const code = page.locator("details.code pre:visible"), button = page.locator(".bar button");
      assert.equal(await code.count(), 0);
      assert.equal(await page.locator("details.code summary code:visible").count(), 5);
      assert.equal(await button.innerText(), "Show code");
      await button.click();
      assert.equal(await code.count(), 5);
      assert.equal(await button.innerText(), "Hide code");
      await button.click();
      assert.equal(await code.count(), 0);
      assert.equal(await page.locator(".output:visible").count(), 5);
    });
  },
);

inBrowser("axe finds no fault, light and dark, on a telephone and on a screen", async () => {
  const axe = await Deno.readTextFile(new URL("axe.min.js", import.meta.resolve("axe-core")));
  const folder = join(places.notebooks, "reports");
  const own = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".html"));
  const files = [pages[0], pages[2], ...own.map(({ name }) => join(folder, name))];
  for (const [colorScheme, width] of [["light", 390], ["dark", 1440]] as const) {
    for (const file of files) {
      await visit(file, async (page) => {
        await drawAll(page);
        await page.evaluate(axe);
        const found = await page.evaluate<{ id: string; nodes: { html: string }[] }[]>(
          "axe.run().then(({ violations }) => violations)",
        );
        const faults = found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120))}`);
        assert.deepEqual(faults, [], `${file}, ${colorScheme}, ${width}`);
      }, { colorScheme, viewport: { width, height: 800 } });
    }
  }
});

inBrowser("the first key leads past the contents, and what a chart shows can be saved", async () => {
  await visit(pages[2], async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to the text");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.localName"), "main");
    await drawAll(page);
    for (const [kind, begin] of [["CSV", "x,y,class,image\n"], ["SVG", "<svg"], ["PNG", "‰PNG"]]) {
      const figure = page.locator("#out_points_0");
      const [saved] = await Promise.all([
        page.waitForEvent("download"),
        figure.locator(".downloads button", { hasText: kind }).click(),
      ]);
      assert.equal(saved.suggestedFilename(), `out_points_0.${kind.toLowerCase()}`);
      const bytes = await Deno.readFile(await saved.path());
      const text = new TextDecoder("latin1").decode(bytes);
      assert.ok(text.startsWith(begin), `${kind}: ${text.slice(0, 80)}`);
    }
  });
});

/** Contrast of each kind of text with its page (WCAG 2.2), the smallest. */
const CONTRAST = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.startsWith("rgba(0, 0, 0, 0")) return luminance(colour);
    }
  };
  const words = [...document.querySelectorAll("main :is(h1,p,a,dt,dd,td,th,figcaption,summary,pre,code,span[class])")];
  const ratios = words.filter((word) => !word.closest(".chart, math")).map((word) => {
    const pair = [luminance(getComputedStyle(word).color), paper(word)].sort((a, b) => b - a);
    return { ratio: (pair[0] + 0.05) / (pair[1] + 0.05), word: word.outerHTML.slice(0, 80) };
  });
  return { paper: paper(document.body), least: ratios.sort((a, b) => a.ratio - b.ratio)[0] };
})()`;

inBrowser("light and dark pages: charts in the page's colours, words of enough contrast", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    await visit(pages[2], async (page) => {
      await drawAll(page);
      const { paper, least } = await page.evaluate<{ paper: number; least: { ratio: number; word: string } }>(
        CONTRAST,
      );
      assert(colorScheme === "light" ? paper > 0.9 : paper < 0.02, `${paper}`);
      assert(least.ratio >= 4.5, `${colorScheme}: ${least.ratio} of ${least.word}`);
      const inks = () =>
        page.evaluate<string>(
          `[...new Set([...document.querySelectorAll(".live text")].map((text) => text.getAttribute("fill")))].join()`,
        );
      const [dark, light] = ["#000", "#dcdde1"];
      assert.equal(await inks(), colorScheme === "light" ? dark : light);
      if (colorScheme === "light") return;
      // As when the evening comes.
      await page.emulateMedia({ colorScheme: "light" });
      await page.locator(`.live text[fill="${dark}"]`).first().waitFor();
      assert.equal(await inks(), dark);
    }, { colorScheme });
  }
});

inBrowser(
  "maps take the width there is; on a telephone they stand below each other, with letters as large",
  async () => {
    const folder = await Deno.makeTempDir(), labels = Uint8Array.from({ length: 60 }, (_, at) => at % 3);
    const maps = ["VICReg", "stack 0", "stack 1"].map((title, seed) => ({
      title,
      points: clouds(labels, seed),
    }));
    const rows = ["stack 0", "stack 1"].flatMap((label) =>
      ["top-1 (%)", "k-NN (%)"].map((metric) => ({ label, metric, ours: 50 }))
    );
    const outputs = [embedding(maps, { labels, classes: ["cat", "dog", "ship"] }), comparison(rows)].map((
      chart,
    ) => shown({ "application/vnd.vegalite.v5+json": chart }));
    await Deno.writeTextFile(
      join(folder, "01_maps.ipynb"),
      JSON.stringify(notebook([cell("t", "# Maps"), cell("maps", "1;", outputs)])),
    );
    const { files: [, file] } = await renderReports(folder);
    for (const [width, side, below] of [[1500, 344, 0], [390, 318, 2]]) {
      await visit(file, async (page) => {
        await drawAll(page);
        const frames = await Promise.all(
          (await page.locator("#out_maps_0 svg [class*=concat_] > g > .background").all()).map((
            frame,
          ) => frame.boundingBox()),
        );
        assert.equal(frames.length, 3);
        const [first, ...others] = frames.map((frame) => frame!);
        assert(
          Math.abs(first.width - side) < 15 && Math.abs(first.height - first.width) < 1,
          `${first.width}`,
        );
        assert.equal(others.filter(({ y }) => y > first.y + 100).length, below);
        assert.equal(
          await page.evaluate(
            `[...document.querySelectorAll(".live")].map((live) => live.style.zoom).join()`,
          ),
          "1,1",
        );
        const words = await page.locator("#out_maps_1 svg text").allTextContents();
        assert.equal(words.filter((word) => word === "stack 1").length, below === 0 ? 1 : 2, `${words}`);
      }, { viewport: { width, height: 900 } });
    }
    await Deno.remove(folder, { recursive: true });
  },
);

inBrowser("on paper charts are pictures, drawn before or not, and the page's tools are gone", async () => {
  for (const drawn of [true, false]) {
    await visit(pages[2], async (page) => {
      if (drawn) await drawAll(page);
      const pictures = pdfImages(await page.pdf({ format: "A4" }));
      const charts = await widths(page, ".chart > img");
      assert.equal(charts.length, 2);
      for (const width of charts) assert(pictures.includes(width), `${width} of ${pictures}`);
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      assert.equal(await page.locator(".bar:visible, .contents:visible, .live:visible").count(), 0);
      assert.equal(await page.locator(".chart > img:visible").count(), 2);
      assert.equal(
        await page.evaluate("getComputedStyle(document.body).backgroundColor"),
        "rgb(255, 255, 255)",
      );
    });
  }
});

inBrowser("without scripts charts are pictures and all code shows", async () => {
  await visit(pages[2], async (page) => {
    assert.equal(await page.locator(".chart > img:visible").count(), 2);
    assert.equal(await page.locator("details.code pre:visible").count(), 5);
    assert.equal(await page.locator("button:visible").count(), 0);
  }, { javaScriptEnabled: false });
});

inBrowser("the first page leads to the place of each exhibit", async () => {
  await visit(pages[0], async (page) => {
    const links = await Promise.all(
      (await page.locator("figcaption a").all()).map((a) => a.getAttribute("href")),
    );
    assert.equal(links.length, 3);
    for (const link of links) {
      await page.goto(new URL(link!, pathToFileURL(pages[0])).href);
      await page.locator("figure:target").waitFor();
    }
  });
});

inBrowser("hostile words of a chart stay words, in titles, legends and tooltips", async () => {
  const values = [{ class: HOSTILE, x: 1, y: 1, image: `data:image/png,x" onerror="globalThis.hacked = 3` }];
  const spec = { ...scatter, title: HOSTILE, data: { values } };
  const folder = await Deno.makeTempDir();
  const page = notebook([
    cell("m", `# ${HOSTILE}`),
    cell("c", "1;", [shown({ "application/vnd.vegalite.v5+json": spec }, { caption: HOSTILE })]),
  ]);
  await Deno.writeTextFile(`${folder}/a.ipynb`, JSON.stringify(page));
  const { files: [, file] } = await renderReports(folder);
  await visit(file, async (page) => {
    await drawAll(page);
    await page.locator(".live .mark-symbol.role-mark path").hover();
    const tooltip = page.locator("#vg-tooltip-element.visible");
    await tooltip.waitFor();
    for (const text of [await tooltip.innerText(), await page.locator("h1").innerText()]) {
      assert(text.includes(HOSTILE), text);
    }
    assert((await page.locator(".live svg").textContent())!.includes(HOSTILE));
    assert.equal(await page.evaluate("globalThis.hacked"), undefined);
    assert.equal(await page.locator("[onerror]").count(), 0);
  });
});

Deno.test.afterAll(async () => await browser?.close());
