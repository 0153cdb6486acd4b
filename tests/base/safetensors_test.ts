import assert from "node:assert/strict";
import { join } from "@std/path";
import { DataError } from "../../lib/base/errors.ts";
import { generator } from "../../lib/base/random.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/base/safetensors.ts";

const tensors = {
  "bytes": { shape: [3], data: Uint8Array.of(0, 127, 255) },
  "a/weight": { shape: [2, 3], data: Float32Array.of(-1.5, 0, 1e-30, 3e38, Infinity, 7) },
  "ganze Zahlen ü": { shape: [2, 1], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  "scalar": { shape: [], data: Float32Array.of(0.1) },
  "empty": { shape: [0, 4], data: new Float32Array() },
};
const metadata = { step: "12", note: "größer" };

/** A file with this header, written as it stands, and a body of zeros. */
function file(header: unknown, body = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + body);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

Deno.test("tensors and metadata come back as they were", () => {
  assert.deepEqual(decodeSafetensors(encodeSafetensors(tensors, metadata), "x"), { tensors, metadata });
  assert.deepEqual(decodeSafetensors(encodeSafetensors({}), "x"), { tensors: {}, metadata: {} });
});

Deno.test("a part of a larger buffer is written and read as well", () => {
  const data = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
  const bytes = encodeSafetensors({ x: { shape: [2], data } });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  assert.deepEqual(decodeSafetensors(shifted.subarray(3), "x").tensors.x.data, Float32Array.of(1, 2));
});

Deno.test("the header ends on a multiple of 8 bytes and every tensor on one of its elements' size", () => {
  for (let length = 0; length < 9; length++) {
    const bytes = encodeSafetensors({ ["n".repeat(length)]: tensors.bytes, ...tensors });
    const size = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assert.equal(size % 8, 0);
    const { __metadata__: _, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
    for (
      const { dtype, data_offsets: [from] } of Object.values<{ dtype: string; data_offsets: number[] }>(
        entries,
      )
    ) {
      assert.equal(from % { F32: 4, I32: 4, U8: 1 }[dtype]!, 0);
    }
  }
});

Deno.test("what another implementation wrote is read", () => {
  // Metadata absent, no padding, tensors out of order, blanks in the JSON.
  const bytes = file(
    `{"b": {"dtype": "U8", "shape": [1], "data_offsets": [4, 5]},` +
      ` "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}`,
    5,
  );
  bytes.set(new Uint8Array(Float32Array.of(2.5).buffer), bytes.length - 5);
  bytes[bytes.length - 1] = 9;
  const { tensors, metadata } = decodeSafetensors(bytes, "x");
  assert.deepEqual([tensors.a.data, tensors.b.data], [Float32Array.of(2.5), Uint8Array.of(9)]);
  assert.deepEqual(metadata, {});
});

const python = await new Deno.Command("/usr/bin/env", {
  args: ["python3", "-c", "import safetensors.numpy"],
  stderr: "null",
}).output().then(({ success }) => success, () => false);

Deno.test({
  name: "Python's safetensors reads what is written, and the other way round",
  ignore: !python,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const [ours, theirs] = ["ours", "theirs"].map((name) => join(folder, name));
      await Deno.writeFile(ours, encodeSafetensors(tensors, metadata));
      const program = `
import sys
from safetensors import safe_open
from safetensors.numpy import save_file
with safe_open(sys.argv[1], framework="np") as f:
    save_file({name: f.get_tensor(name) for name in f.keys()}, sys.argv[2], metadata=f.metadata())
`;
      const { success, stderr } = await new Deno.Command("/usr/bin/env", {
        args: ["python3", "-c", program, ours, theirs],
      }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      assert.deepEqual(decodeSafetensors(await Deno.readFile(theirs), theirs), { tensors, metadata });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };

Deno.test("a malformed file is refused with what is wrong in it", () => {
  const long = file({});
  new DataView(long.buffer).setBigUint64(0, 1n << 40n, true);
  const notText = file("{}");
  notText[8] = 0xff;
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(5), "it has 5 bytes, fewer than the 8 of a header's length"],
    [long, "its header is given as 1099511627776 bytes, where there can be 2 at most"],
    [file("{"), "its header is no JSON"],
    [notText, "its header is no JSON"],
    [file([]), "its header's form is wrong (Invalid input: expected object, received array)"],
    [
      file({ x: { ...entry, dtype: "F64" } }, 8),
      `its header's x.dtype is wrong (Invalid option: expected one of "F32"|"I32"|"U8")`,
    ],
    [
      file({ x: { ...entry, shape: [-2] } }, 8),
      "its header's x.shape.0 is wrong (Too small: expected number to be >=0)",
    ],
    [
      file({ x: { ...entry, data_offsets: [0] } }, 8),
      "its header's x.data_offsets is wrong (Too small: expected array to have >=2 items)",
    ],
    [
      file({ x: { ...entry, data_offsets: [0, 16] } }, 8),
      "x lies at 0–16 of 8 bytes, not right after the tensor before it",
    ],
    [
      file({ x: { ...entry, data_offsets: [8, 0] } }, 8),
      "x lies at 8–0 of 8 bytes, not right after the tensor before it",
    ],
    [
      file({ x: entry, y: { ...entry, data_offsets: [4, 12] } }, 12),
      "y lies at 4–12 of 12 bytes, not right after the tensor before it",
    ],
    [file({ x: { ...entry, shape: [3] } }, 8), "x of shape [3] needs 12 bytes, not 8"],
    [file({ x: entry }, 9), "1 bytes follow its last tensor"],
    [
      file({ __metadata__: { a: 1 } }),
      "its header's __metadata__.a is wrong (Invalid input: expected string, received number)",
    ],
  ];
  for (const [bytes, what] of cases) {
    assert.throws(
      () => decodeSafetensors(bytes, "run.safetensors"),
      new DataError(`run.safetensors is not a whole safetensors file: ${what}. Delete it and make it again.`),
    );
  }
});

Deno.test("a damaged file gives a DataError or other values, never another error", () => {
  const whole = encodeSafetensors(tensors, metadata);
  const random = generator("damaged files");
  let refused = 0;
  for (let trial = 0; trial < 500; trial++) {
    const bytes = trial % 5 === 0 ? whole.slice(0, random.integer(whole.length)) : whole.slice();
    for (let edits = trial % 5 && random.integer(4) + 1; edits > 0; edits--) {
      bytes[random.integer(bytes.length)] = random.integer(256);
    }
    try {
      decodeSafetensors(bytes, "x");
    } catch (error) {
      assert.ok(error instanceof DataError, `${error}`);
      refused++;
    }
  }
  assert.ok(refused > 300, `${refused} of 500 were refused`);
});
