import assert from "node:assert/strict";
import { join } from "@std/path";
import {
  digest,
  exists,
  explainFault,
  humanBytes,
  needRoom,
  sweep,
  writeAtomically,
  writePatiently,
} from "../../lib/base/files.ts";

Deno.test("a file is written whole, in folders that are made, over an older one", async () => {
  const folder = await Deno.makeTempDir(), path = join(folder, "a", "b", "file");
  await writeAtomically(path, "old");
  await writeAtomically(path, Uint8Array.of(1, 2, 3));
  assert.deepEqual(await Deno.readFile(path), Uint8Array.of(1, 2, 3));
  assert.deepEqual([...Deno.readDirSync(join(folder, "a", "b"))].map(({ name }) => name), ["file"]);
});

Deno.test("what cannot be written leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(join(folder, "taken"));
  await assert.rejects(writeAtomically(join(folder, "taken"), "text"));
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["taken"]);
});

Deno.test("a full disk is told apart from other faults", () => {
  explainFault(new Error("other"), "/disk/file");
  const full = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  assert.throws(() => explainFault(full, "/disk/file"), {
    name: "DiskFullError",
    message: "No space is left on the disk for /disk/file. Make room and try again.",
  });
});

Deno.test("digests of a file, as RFC 1321 and FIPS 180 give them", async () => {
  const path = join(await Deno.makeTempDir(), "abc");
  await Deno.writeTextFile(path, "abc");
  assert.equal(await digest(path, "md5"), "900150983cd24fb0d6963f7d28e17f72");
  assert.equal(
    await digest(path, "sha256"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

Deno.test("a path below a file does not exist, and that is no error", async () => {
  const path = join(await Deno.makeTempDir(), "file");
  await Deno.writeTextFile(path, "");
  assert.equal(await exists(path), true);
  assert.equal(await exists(join(path, "below")), false);
});

Deno.test("sizes for people", () => {
  const sizes = { 0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB" };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(humanBytes(Number(bytes)), text);
  assert.equal(humanBytes(853e6), "853.0 MB");
});

Deno.test("what was left half-written is swept away, the rest is kept", async () => {
  const folder = await Deno.makeTempDir();
  for (const name of ["whole", "half.0123abcd.part"]) await Deno.writeTextFile(join(folder, name), "");
  await sweep(folder);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["whole"]);
});

Deno.test("a missing right to write is told, with what to do", async () => {
  const script = `
    import { writeAtomically } from "${import.meta.resolve("../../lib/base/files.ts")}";
    await writeAtomically("data/file", "text").catch((error) => console.log(error.name + ": " + error.message));`;
  const path = join(await Deno.makeTempDir(), "script.ts");
  await Deno.writeTextFile(path, script);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "--allow-read", "--no-prompt", path],
    cwd: new URL("../..", import.meta.url),
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    "EnvironmentError: data/file may not be written: Deno was started without the right to. Choose a path in data/, " +
      "or start the program as its task in deno.json does, with --allow-write=data besides.\n",
  );
});

Deno.test("a disk without the room that is needed is told before anything is written", async () => {
  const folder = await Deno.makeTempDir();
  await needRoom(folder, 1, "A file");
  await assert.rejects(needRoom(folder, 1e18, "A file"), (error: Error) => {
    assert.equal(error.name, "DiskFullError");
    assert.match(error.message, /^A file needs 1000000\.0 TB in .+, where [\d.]+ .B are free\. Make room/);
    return true;
  });
});

Deno.test("writing waits for room and goes on; who does not want to wait gets the error", async () => {
  let tries = 0;
  const write = () => {
    if (tries++ === 0) explainFault(Object.assign(new Error(), { code: "ENOSPC" }), "file");
    return Promise.resolve();
  };
  await writePatiently(write, () => false);
  assert.equal(tries, 2);
  tries = 0;
  await assert.rejects(writePatiently(write, () => true), { name: "DiskFullError" });
});
