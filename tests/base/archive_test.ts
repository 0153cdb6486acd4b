import assert from "node:assert/strict";
import { join } from "@std/path";
import { packTar } from "modern-tar";
import { zipSync } from "fflate";
import { unpackTarGz, unzipEntries } from "../../lib/base/archive.ts";
import { exists } from "../../lib/base/files.ts";

async function tarGz(entries: Parameters<typeof packTar>[0]): Promise<string> {
  const folder = await Deno.makeTempDir(), path = join(folder, "archive.tar.gz");
  const packed = new Blob([await packTar(entries) as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(path, packed);
  return path;
}

const file = (name: string, body = "content") => ({ header: { name, size: body.length }, body });

Deno.test("a tar archive replaces its folder", async () => {
  const archive = await tarGz([
    file("lib/libx.so.2.1"),
    { header: { name: "lib/libx.so.2", size: 0, type: "symlink" as const, linkname: "libx.so.2.1" } },
  ]);
  const folder = archive.replace(".tar.gz", "");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "old"), "old");
  await unpackTarGz(archive, folder);
  assert.equal(await Deno.readTextFile(join(folder, "lib", "libx.so.2")), "content");
  assert.equal(await exists(join(folder, "old")), false);
});

for (
  const [what, entry] of Object.entries({
    "a path upwards": file("a/../../evil"),
    "an absolute path": file("/tmp/evil"),
    "a link upwards": { header: { name: "link", size: 0, type: "symlink" as const, linkname: "../../evil" } },
  })
) {
  Deno.test(`${what} is refused, and nothing is left`, async () => {
    const archive = await tarGz([file("good"), entry]);
    const folder = archive.replace(".tar.gz", "");
    await assert.rejects(unpackTarGz(archive, folder), {
      name: "DataError",
      message: /wants to write outside its folder/,
    });
    assert.deepEqual([...Deno.readDirSync(join(archive, ".."))].map(({ name }) => name), ["archive.tar.gz"]);
  });
}

Deno.test("a truncated archive is refused", async () => {
  const archive = await tarGz([file("big", "x".repeat(100_000))]);
  await Deno.writeFile(archive, (await Deno.readFile(archive)).subarray(0, 90));
  await assert.rejects(unpackTarGz(archive, archive.replace(".tar.gz", "")), { name: "DataError" });
});

Deno.test("wanted entries of a zip archive are unpacked, packed and stored", async () => {
  const folder = await Deno.makeTempDir(), archive = join(folder, "a.whl");
  const text = new TextEncoder().encode("library ".repeat(10_000));
  await Deno.writeFile(
    archive,
    zipSync({ "x/liba.so": text, "x/libb.so": [text, { level: 0 }], "x/other": text }),
  );
  await unzipEntries(archive, (name) => name.endsWith(".so"), join(folder, "out"));
  const names = [...Deno.readDirSync(join(folder, "out"))].map(({ name }) => name).sort();
  assert.deepEqual(names, ["liba.so", "libb.so"]);
  for (const name of names) assert.deepEqual(await Deno.readFile(join(folder, "out", name)), text);
});

Deno.test("a damaged zip archive is refused", async () => {
  const folder = await Deno.makeTempDir(), archive = join(folder, "a.whl");
  const whole = zipSync({ "liba.so": new TextEncoder().encode("library ".repeat(10_000)) });
  const cases: [string, Uint8Array, RegExp][] = [
    ["truncated", whole.subarray(0, whole.length - 30), /it has no directory/],
    ["no archive", new TextEncoder().encode("<html>"), /it has no directory/],
    ["flipped", whole.map((byte, at) => at > 45 && at < 60 ? byte ^ 0xff : byte), /liba\.so/],
  ];
  for (const [name, bytes, message] of cases) {
    await Deno.writeFile(archive, bytes);
    await assert.rejects(unzipEntries(archive, () => true, join(folder, "out")), {
      name: "DataError",
      message,
    }, name);
    assert.equal(await exists(join(folder, "out")), false);
  }
});
