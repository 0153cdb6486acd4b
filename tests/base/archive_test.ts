import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { packTar } from "modern-tar";
import { gzipSync, zipSync } from "fflate";
import { unpackTarGz, unzipEntries } from "../../lib/base/archive.ts";
import { exists } from "../../lib/base/files.ts";
import { DAMAGED, mutatedBytes, type Outcome, survive } from "../mutate.ts";

async function tarGz(entries: Parameters<typeof packTar>[0]): Promise<string> {
  const folder = await Deno.makeTempDir(), path = join(folder, "archive.tar.gz");
  const packed = new Blob([await packTar(entries) as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(path, packed);
  return path;
}

const file = (name: string, body = "content") => ({ header: { name, size: body.length }, body });
const symlink = (name: string, linkname: string) => ({
  header: { name, size: 0, type: "symlink" as const, linkname },
});

Deno.test("a tar archive replaces its folder", async () => {
  const archive = await tarGz([
    symlink("lib/libx.so", "libx.so.2"),
    symlink("lib/libx.so.2", "libx.so.2.1"),
    file("lib/libx.so.2.1"),
  ]);
  const folder = archive.replace(".tar.gz", "");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "old"), "old");
  await unpackTarGz(archive, folder);
  for (const name of ["libx.so", "libx.so.2", "libx.so.2.1"]) {
    const path = join(folder, "lib", name);
    assert.equal(await Deno.readTextFile(path), "content");
    assert.equal((await Deno.lstat(path)).isSymlink, false);
  }
  assert.equal(await exists(join(folder, "old")), false);
});

Deno.test("of a tar archive some entries are unpacked, and it is an error if none of them is there", async () => {
  const archive = await tarGz([file("a/one", "1"), file("a/two", "2".repeat(2000)), file("b/one", "3")]);
  const folder = archive.replace(".tar.gz", "");
  await unpackTarGz(archive, folder, (name) => name === "b/one");
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["b"]);
  assert.equal(await Deno.readTextFile(join(folder, "b", "one")), "3");
  await assert.rejects(unpackTarGz(archive, folder, (name) => name === "one"), {
    name: "DataError",
    message: `${archive} does not hold what is wanted. Fetch it again.`,
  });
  assert.ok(await exists(join(folder, "b", "one")));
});

for (
  const [kind, linkname] of [["symlink", "elsewhere/libx.so"], ["link", "good"], ["fifo", undefined]] as const
) {
  Deno.test(`an entry of another kind is refused, not left out: ${kind} to ${linkname}`, async () => {
    const archive = await tarGz([file("good"), { header: { name: "odd", size: 0, type: kind, linkname } }]);
    await assert.rejects(unpackTarGz(archive, archive.replace(".tar.gz", "")), {
      name: "DataError",
      message: `${archive} holds a ${kind} (odd), which is not unpacked. It is refused.`,
    });
    assert.deepEqual([...Deno.readDirSync(join(archive, ".."))].map(({ name }) => name), ["archive.tar.gz"]);
  });
}

for (
  const [what, entry] of Object.entries({
    "a path upwards": file("a/../../evil"),
    "an absolute path": file("/tmp/evil"),
    "a link upwards": symlink("link", "../../evil"),
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

Deno.test("links in a circle or to nothing are refused", async () => {
  for (const links of [[symlink("a", "b"), symlink("b", "a")], [symlink("a", "a")], [symlink("a", "none")]]) {
    const archive = await tarGz([file("good"), ...links]);
    await assert.rejects(unpackTarGz(archive, archive.replace(".tar.gz", "")), { name: "DataError" });
  }
});

/** What a process prints that may read, and write in one folder. */
async function printed(folder: string, program: string): Promise<string> {
  const module = new URL("../../lib/base/archive.ts", import.meta.url);
  const path = join(folder, "program.ts");
  await Deno.writeTextFile(path, `import { unpackTarGz, unzipEntries } from "${module}";\n${program}`);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      `--allow-write=${folder}`,
      "--config",
      fileURLToPath(new URL("../../deno.json", import.meta.url)),
      path,
    ],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("a permission to write in one folder is enough", async () => {
  const archive = await tarGz([file("libx.so.2"), symlink("libx.so", "libx.so.2")]);
  const folder = archive.replace(/archive\.tar\.gz$/, "");
  await printed(folder, `await unpackTarGz("${archive}", "${folder}out");`);
  assert.ok(await exists(join(folder, "out", "libx.so")));
});

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

Deno.test("an entry of a zip archive far larger than memory may be is unpacked as it is read", async () => {
  const folder = await Deno.makeTempDir(), archive = join(folder, "a.whl"), size = 2 ** 28;
  await Deno.writeFile(archive, zipSync({ "liba.so": new Uint8Array(size) }, { level: 1 }));
  const peak = await printed(
    folder,
    `let peak = 0;
const { rss } = Deno.memoryUsage();
const timer = setInterval(() => peak = Math.max(peak, Deno.memoryUsage().rss), 5);
await unzipEntries("${archive}", () => true, "${folder}/out");
clearInterval(timer);
console.log(peak - rss);`,
  );
  assert.ok(Number(peak) > 0 && Number(peak) < size / 2, `${peak} bytes`);
  assert.equal((await Deno.stat(join(folder, "out", "liba.so"))).size, size);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a damaged zip archive is refused", async () => {
  const folder = await Deno.makeTempDir(), archive = join(folder, "a.whl");
  const text = new TextEncoder().encode("library ".repeat(10_000));
  const whole = zipSync({ "liba.so": text }), stored = zipSync({ "liba.so": text }, { level: 0 });
  // Where its directory says how long the one entry is.
  const size = whole.length - 22 - 53 + 24;
  const cases: [string, Uint8Array, RegExp][] = [
    ["truncated", whole.subarray(0, whole.length - 30), /End of central directory record/],
    ["no archive", new TextEncoder().encode("<html>"), /End of central directory record/],
    ["flipped", whole.map((byte, at) => at > 45 && at < 60 ? byte ^ 0xff : byte), /cannot be unpacked: inv/],
    ["moved", whole.with(0, 0), /invalid local file header signature/],
    ["longer", whole.with(size, 0).with(size + 1, 2), /too many bytes/],
    ["shorter", whole.with(size + 2, 2), /not enough bytes/],
    ["another", stored.with(100, 0), /liba\.so has not the checksum/],
    ["upwards", zipSync({ "liba.so": text, "../libb.so": text }), /invalid relative path: \.\.\/libb\.so/],
    ["absolute", zipSync({ "/tmp/libb.so": text }), /absolute path: \/tmp\/libb\.so/],
  ];
  for (const [name, bytes, message] of cases) {
    await Deno.writeFile(archive, bytes);
    await assert.rejects(unzipEntries(archive, () => true, join(folder, "out")), (error: Error) => {
      assert.equal(error.name, "DataError", name);
      assert.ok(error.message.startsWith(`${archive} cannot be unpacked: `), name);
      assert.match(error.message, message, name);
      assert.ok(error.message.endsWith(". Delete it and fetch it again."), name);
      return true;
    });
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.whl"], name);
  }
});

Deno.test("it is an error if no entry of a zip archive is wanted", async () => {
  const folder = await Deno.makeTempDir(), archive = join(folder, "a.whl");
  await Deno.writeFile(archive, zipSync({ "liba.so": SMALL }));
  await assert.rejects(unzipEntries(archive, (name) => name === "libb.so", join(folder, "out")), {
    name: "DataError",
    message: `${archive} does not hold what is wanted. Fetch it again.`,
  });
  assert.equal(await exists(join(folder, "out")), false);
});

/** Thousands of small files are fastest where no disk is behind them. */
const memory = await exists("/dev/shm") ? { dir: "/dev/shm" } : {};

const SMALL = new TextEncoder().encode("small ".repeat(20));

/** Unpacks damaged copies; whatever they say, nothing appears beside the folder that they are for. */
async function unpackDamaged(
  copies: Iterable<Uint8Array>,
  unpack: (archive: string, folder: string) => Promise<void>,
): Promise<Outcome> {
  const folder = await Deno.makeTempDir(memory);
  const archive = join(folder, "in", "archive"), out = join(folder, "in", "out");
  await Deno.mkdir(join(folder, "in"));
  try {
    const outcome = await survive(copies, async (bytes) => {
      await Deno.writeFile(archive, bytes);
      await unpack(archive, out);
    });
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["in"]);
    const inside = [...Deno.readDirSync(join(folder, "in"))].map(({ name }) => name);
    assert.deepEqual(inside.filter((name) => name !== "out"), ["archive"]);
    return outcome;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(`${DAMAGED} damaged zip archives: unpacked or refused, never worse`, async () => {
  const whole = zipSync({ "liba.so": SMALL, "x/libb.so": [SMALL, { level: 0 }], "x/other": SMALL });
  const { read, refused } = await unpackDamaged(
    mutatedBytes(whole, "zip"),
    (archive, folder) => unzipEntries(archive, (name) => !name.endsWith("other"), folder),
  );
  assert.ok(read > 0.03 * DAMAGED && refused > 0.3 * DAMAGED, `${read} were unpacked, ${refused} refused`);
});

Deno.test(`${DAMAGED} damaged tar archives: unpacked or refused, never worse`, async () => {
  const whole = await packTar([
    symlink("lib/libx.so", "libx.so.2"),
    { header: { name: "lib/libx.so.2", size: SMALL.length }, body: SMALL },
    { header: { name: `${"long/".repeat(30)}name`, size: 0 } },
  ]);
  const packed = gzipSync(whole, { level: 1 });
  function* copies() {
    yield* mutatedBytes(packed, "tar.gz", DAMAGED / 2);
    // Behind gzip's checksum, and most behind tar's own.
    for (const bytes of mutatedBytes(whole, "tar", DAMAGED / 2)) {
      yield gzipSync(resummed(bytes), { level: 1 });
    }
  }
  const { read, refused } = await unpackDamaged(copies(), unpackTarGz);
  assert.ok(read > 0.03 * DAMAGED && refused > 0.3 * DAMAGED, `${read} were unpacked, ${refused} refused`);
});

/** A tar archive whose headers have the checksums of what they say. */
function resummed(tar: Uint8Array): Uint8Array {
  const bytes = tar.slice(), view = new TextEncoder();
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const header = bytes.subarray(at, at + 512);
    if (String.fromCharCode(...header.subarray(257, 262)) !== "ustar") continue;
    header.fill(32, 148, 156);
    const sum = header.reduce((sum, byte) => sum + byte, 0);
    header.set(view.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  }
  return bytes;
}
