import assert from "node:assert/strict";
import { join } from "@std/path";
import { start } from "../../lib/compute/backend.ts";
import { demandSymbols } from "../../lib/compute/tensorflow/c_api.ts";
import type { Library } from "../../lib/compute/tensorflow/library.ts";
import { inspect } from "../../lib/compute/native_file.ts";
import { elf, machO, pe } from "./native.ts";

const path = join(await Deno.makeTempDir(), "library");

/** Looks into a file with these bytes. */
async function look(bytes: Uint8Array, platform: string) {
  await Deno.writeFile(path, bytes);
  return await inspect(path, platform);
}

const WHOLE: Readonly<Record<string, [Uint8Array, string][]>> = {
  "linux-x86_64": [[elf({ length: 500 }), "one"]],
  "linux-aarch64": [[elf({ machine: 183, length: 500 }), "one"]],
  "darwin-aarch64": [
    [machO({ machine: 0x0100000c, length: 500 }), "one"],
    [machO({ machine: 0x0100000c, length: 500 }, 300), "one of several"],
  ],
  "windows-x86_64": [[pe({ length: 500 }), "one"]],
};

for (const [platform, files] of Object.entries(WHOLE)) {
  Deno.test(`a library for ${platform}: whole, and cut anywhere`, async () => {
    for (const [bytes] of files) {
      await look(bytes, platform);
      for (let length = 4; length < bytes.length; length += 9) {
        await assert.rejects(look(bytes.subarray(0, length), platform), {
          name: "EnvironmentError",
          message: new RegExp(`^${path} is damaged: it has ${length} bytes, and its headers speak of \\d+$`),
        });
      }
    }
  });

  Deno.test(`a library for ${platform} with any byte of its headers changed is read or refused`, async () => {
    for (const [bytes] of files) {
      for (let at = 0; at < 160; at++) {
        for (const value of [1, 0xff]) {
          await look(bytes.with(at, value), platform).catch(({ name }) =>
            assert.equal(name, "EnvironmentError")
          );
        }
      }
    }
  });
}

Deno.test("another processor's library is told apart, also in a file for several", async () => {
  const others: [Uint8Array, string, string][] = [
    [elf(), "linux-aarch64", "x86_64"],
    [elf({ machine: 3 }), "linux-x86_64", "number 3"],
    [machO({ machine: 0x0100000c }), "darwin-x86_64", "aarch64"],
    [machO({ machine: 0x0100000c }, 100), "darwin-x86_64", "number 7"],
    [pe({ machine: 0xaa64 }), "windows-x86_64", "aarch64"],
  ];
  for (const [bytes, platform, name] of others) {
    await assert.rejects(look(bytes, platform), {
      message: `${path} is for another processor (${name}), not for ${platform.split("-")[1]}`,
    });
  }
});

Deno.test("exported symbols are looked up by their hashes", async () => {
  const symbols = Array.from({ length: 40 }, (_, at) => `TF_Symbol${at}`);
  const exports = await look(elf({ symbols }), "linux-x86_64");
  for (const symbol of symbols) assert.ok(exports(symbol), symbol);
  for (const symbol of symbols) assert.ok(!exports(`${symbol}_2`), symbol);
  // Without a table only loading it tells.
  assert.ok((await look(elf(), "linux-x86_64"))("TF_Any"));
});

Deno.test("the library that runs here is whole, and has what is called", async () => {
  const library = (await start()).library as Library, platform = `${Deno.build.os}-${Deno.build.arch}`;
  const files = [library.path, library.framework].filter((file) => file !== undefined);
  const exports = await Promise.all(files.map((file) => inspect(file, platform)));
  demandSymbols(library.path, (_, name) => exports.some((has) => has(name)));
  if (Deno.build.os === "linux") assert.ok(!exports.some((has) => has("TF_NoSuchFunction")));
});
