import assert from "node:assert/strict";
import { join } from "@std/path";
import sharp from "sharp";
import { DataError } from "../../lib/base/errors.ts";
import { exists } from "../../lib/base/files.ts";
import { imageFile, readImageFiles } from "../../lib/data/image_files.ts";
import { laid } from "./packed.ts";

const PICTURE = await sharp({ create: { width: 4, height: 4, channels: 3, background: "#010203" } }).png()
  .toBuffer();

/** A folder of four files, two of which are no images, and how they are read. */
async function given() {
  const folder = await laid({ "a.png": PICTURE, "b.png": "no", "c.png": PICTURE, "d.png": "" });
  const files = ["a.png", "b.png", "c.png", "d.png"].map((name) =>
    imageFile(name, Deno.statSync(join(folder, name)))
  );
  return { files, reading: { folder, size: 1, kept: join(folder, "kept", "4.safetensors") } };
}

Deno.test("images and faults have their files' positions, decoded or kept", async () => {
  const { files, reading } = await given(), decoded = await readImageFiles(files, reading);
  assert.deepEqual([...decoded.images], [1, 2, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0]);
  assert.deepEqual(decoded.faults.map(([at, fault]) => [at, fault.slice(0, 9)]), [
    [1, "b.png is "],
    [3, "d.png is "],
  ]);
  // Nothing is left to be decoded.
  for (const { path } of files) await Deno.remove(join(reading.folder, path));
  assert.deepEqual(await readImageFiles(files, reading), decoded);
  await Deno.remove(reading.folder, { recursive: true });
});

Deno.test("a file that vanished is a fault", async () => {
  const { files, reading } = await given();
  await Deno.remove(join(reading.folder, "c.png"));
  const { faults } = await readImageFiles(files, reading);
  assert.match(faults[1][1], /^c\.png cannot be read \(.+\)\.$/);
  await Deno.remove(reading.folder, { recursive: true });
});

Deno.test("a fault that is refused is the end, and nothing is kept", async () => {
  const { files, reading } = await given(),
    refuse = (fault: string): never => {
      throw new DataError(`there: ${fault}`);
    };
  await assert.rejects(readImageFiles(files, { ...reading, refuse }), /^DataError: there: [bd]\.png is /);
  assert.ok(!await exists(reading.kept));
  await Deno.remove(reading.folder, { recursive: true });
});

Deno.test("images are kept for a size, and decoded again where what is kept is not what was kept", async () => {
  const { files, reading } = await given();
  const { images } = await readImageFiles(files, reading);
  assert.equal((await readImageFiles(files, { ...reading, size: 2 })).images.length, 4 * 2 * 2 * 3);
  await readImageFiles(files, reading);
  const kept = await Deno.readFile(reading.kept);
  // The last byte is a pixel's.
  await Deno.writeFile(reading.kept, kept.with(kept.length - 1, 9));
  assert.deepEqual((await readImageFiles(files, reading)).images, images);
  for (const { path } of files) await Deno.remove(join(reading.folder, path));
  assert.equal((await readImageFiles(files, reading)).faults.length, 2);
  await Deno.writeFile(reading.kept, kept.with(kept.length - 1, 9));
  assert.equal((await readImageFiles(files, reading)).faults.length, 4);
  await Deno.remove(reading.folder, { recursive: true });
});

Deno.test("what does not fit into memory is not begun", async () => {
  const { files, reading } = await given();
  await assert.rejects(readImageFiles(files, { ...reading, size: 1_000_000 }), {
    name: "EnvironmentError",
    message:
      /^4 images of 1000000×1000000 take 24\.0 TB of memory, of which .+ are free\. Choose a smaller size\.$/,
  });
  await Deno.remove(reading.folder, { recursive: true });
});
