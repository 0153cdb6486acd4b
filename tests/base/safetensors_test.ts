import assert from "node:assert/strict";
import { join } from "@std/path";
import { DataError } from "../../lib/base/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/base/safetensors.ts";
import { DAMAGED, mutatedBytes, mutatedJson, survive } from "../mutate.ts";

const tensors = {
  "bytes": { shape: [3], data: Uint8Array.of(0, 127, 255) },
  "a/weight": { shape: [2, 3], data: Float32Array.of(-1.5, 0, 1e-30, 3e38, Infinity, 7) },
  "ganze Zahlen ü": { shape: [2, 1], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  "scalar": { shape: [], data: Float32Array.of(0.1) },
  "empty": { shape: [0, 4], data: new Float32Array() },
};
const long = { shape: [2], data: BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n) };
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

Deno.test("integers of 64 bits come back as 32 bits, and those that do not fit are refused", () => {
  const back = decodeSafetensors(encodeSafetensors({ long, x: tensors.scalar }), "x").tensors;
  assert.deepEqual(back, {
    long: { shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
    x: tensors.scalar,
  });
  for (const value of [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n, 2n ** 63n - 1n]) {
    assert.throws(
      () =>
        decodeSafetensors(encodeSafetensors({ n: { shape: [2], data: BigInt64Array.of(1n, value) } }), "f"),
      new DataError(`f: n holds ${value}, more than 32 bits. Leave it out or store it as floats.`),
    );
  }
});

Deno.test("a type that cannot be represented here is named, with what to do", () => {
  for (const dtype of ["F64", "BOOL", "toString"]) {
    assert.throws(
      () => decodeSafetensors(file({ x: { ...entry, dtype } }, 8), "f"),
      new DataError(
        `f: x is of type ${dtype}, which cannot be read. Types: F32, F16, BF16, I64, I32, U8. ` +
          "In PyTorch, x.float() makes an F32 of any tensor.",
      ),
    );
  }
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
    const bytes = encodeSafetensors({ ["n".repeat(length)]: tensors.bytes, ...tensors, long });
    const size = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assert.equal(size % 8, 0);
    const { __metadata__: _, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
    for (
      const { dtype, data_offsets: [from] } of Object.values<{ dtype: string; data_offsets: number[] }>(
        entries,
      )
    ) {
      assert.equal(from % { F32: 4, I64: 8, I32: 4, U8: 1 }[dtype]!, 0);
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
  // Some write that there is none.
  assert.deepEqual(decodeSafetensors(file({ __metadata__: null }), "x").metadata, {});
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
      await Deno.writeFile(ours, encodeSafetensors({ ...tensors, long }, metadata));
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
      const narrowed = { ...long, data: Int32Array.from(long.data, Number) };
      assert.deepEqual(decodeSafetensors(await Deno.readFile(theirs), theirs), {
        tensors: { ...tensors, long: narrowed },
        metadata,
      });
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
    [Uint8Array.of(1, 2, 3, 4, 5), "it has 5 bytes, fewer than the 8 of a header's length"],
    [long, "its header is given as 1099511627776 bytes, where there can be 2 at most"],
    [file("{"), "its header is no JSON"],
    [notText, "its header is no JSON"],
    [file([]), "its header's form is wrong (Invalid input: expected object, received array)"],
    [
      file({ x: { ...entry, dtype: 1 } }, 8),
      "its header's x.dtype is wrong (Invalid input: expected string, received number)",
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

Deno.test(`${DAMAGED} damaged files and as many headers: other values or a DataError, never worse`, async () => {
  const whole = encodeSafetensors({ ...tensors, long }, metadata);
  const { read, refused } = await survive(
    mutatedBytes(whole, "safetensors"),
    (bytes) => decodeSafetensors(bytes, "x"),
  );
  assert.ok(read > 0.005 * DAMAGED && refused > 0.3 * DAMAGED, `${read} were read, ${refused} refused`);
  const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(whole.subarray(8, 8 + length));
  const headers = await survive(mutatedJson(header, "safetensors"), (header) => {
    const { tensors, metadata } = decodeSafetensors(file(header, whole.length - 8 - length), "x");
    // What was read is itself: no name has become something of its object, no size is another than its shape's.
    assert.equal(Object.getPrototypeOf(tensors), Object.prototype);
    assert.deepEqual(decodeSafetensors(encodeSafetensors(tensors, metadata), "y"), { tensors, metadata });
  });
  assert.ok(
    headers.read > 0.005 * DAMAGED && headers.refused > 0.3 * DAMAGED,
    `${headers.read} read, ${headers.refused} refused`,
  );
});
