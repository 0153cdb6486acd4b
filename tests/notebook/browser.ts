/** A browser for pages, where there is one. */
import { fileURLToPath } from "node:url";
import { dirname, join } from "@std/path";
import { type Browser, chromium } from "playwright-core";
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
