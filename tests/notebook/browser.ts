/** A browser for pages, where there is one. */
import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import { dirname, join } from "@std/path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { exists } from "../../lib/base/files.ts";

const executablePath = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

/** Whether tests that need a browser are skipped. */
export const noBrowser = !await exists(executablePath);
if (noBrowser) {
  console.log(`Pages are not tried in a browser: there is no ${executablePath}; CHROMIUM can name one.`);
}

/** Starts the browser. Its letters are the charts' own: without any, as on a machine without fonts, it shows no words. */
export async function launch(): Promise<Browser> {
  const folder = await Deno.makeTempDir(), FONTCONFIG_FILE = join(folder, "fonts.conf");
  const fonts = dirname(fileURLToPath(import.meta.resolve("@expo-google-fonts/arimo/package.json")));
  await Deno.writeTextFile(
    FONTCONFIG_FILE,
    `<fontconfig><dir>${fonts}</dir><cachedir>${folder}</cachedir></fontconfig>`,
  );
  const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run " +
    "--disable-background-networking --disable-component-update --disable-sync";
  const env = { ...Deno.env.toObject(), FONTCONFIG_FILE };
  return await chromium.launch({ executablePath, args: args.split(" "), env });
}

/** Opens a page; fails if it asks for anything or complains. */
export async function visit(
  browser: Browser,
  file: string,
  look: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage(), faults: string[] = [];
  const beside = pathToFileURL(join(dirname(file), "vega.js")).href;
  page.on("console", (message) => {
    // Without a graphics card a browser reads back what WebGL drew, and warns itself of the time that takes.
    if (message.text().includes("GPU stall due to ReadPixels")) return;
    if (["error", "warning"].includes(message.type())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(`${error}`));
  page.on("request", (request) => {
    const known = request.url().startsWith("data:") || request.url() === beside;
    if (!request.isNavigationRequest() && !known) faults.push(request.url());
  });
  await page.goto(pathToFileURL(file).href);
  await look(page);
  assert.deepEqual(faults, []);
  await context.close();
}
