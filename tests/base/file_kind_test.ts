import assert from "node:assert/strict";
import { DataError } from "../../lib/base/errors.ts";
import { fileKind } from "../../lib/base/file_kind.ts";
import { decodeSafetensors, encodeSafetensors } from "../../lib/base/safetensors.ts";

const text = (text: string) => new TextEncoder().encode(text);
const hex = (start: string, zeros = 500) => Uint8Array.fromHex(start + "00".repeat(zeros));
/** A zip archive's start, whose first member has this name. */
const zip = (name: string) =>
  Uint8Array.of(...text("PK\x03\x04"), ...new Uint8Array(26), ...text(name), ...new Uint8Array(99));

const LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 46830571\n";
const files: Record<string, Uint8Array> = {
  "empty": new Uint8Array(),
  "a pointer of Git LFS, which stands for a file that was not fetched": text(LFS),
  "an HTML page": text("\n<!DOCTYPE html><html><head><title>Not found</title></head></html>"),
  "a pickle of PyTorch's": zip("archive/data.pkl"),
  "a pickle of Python's": hex("80049511000000000000007d948c0a"),
  "a file of NumPy's": zip("layer1.0.conv1.weight.npy"),
  "a zip archive": zip("model.safetensors"),
  "an HDF5 file, as Keras writes them": hex("894844460d0a1a0a"),
  "a model in protocol buffers, as ONNX has them": Uint8Array.of(8, 7, 0x12, 7, ...text("pytorch"), 0x1a, 5),
  "a compressed file": hex("1f8b0808"),
  "a tar archive": Uint8Array.of(...text("weights.bin"), ...new Uint8Array(246), ...text("ustar\x0000")),
  "JSON": text('{"metadata":{"total_size":1},"weight_map":{}}'),
  'a text that begins with "404: Not Found"': text("404: Not Found\n"),
};

/** Pickles by protocol, of Python 3.11. */
const PICKLES = {
  "0": "286470300a56730a70310a49310a732e",
  "0, OrderedDict": "63636f6c6c656374696f6e730a4f726465726564446963740a70300a28",
  "1": "7d710058010000007371014b01732e",
  "2": "80027d710058010000007371014b01732e",
  "3": "80037d710058010000007371014b01732e",
  "4": "80049511000000000000007d948c0a73746174655f6469637494",
  "5": "80059511000000000000007d948c0a73746174655f6469637494",
};

for (const [what, bytes] of Object.entries(files)) {
  Deno.test(`${what} is known by its first bytes`, () => {
    const kind = fileKind(bytes)!;
    assert.equal(kind.what, what);
    assert.throws(
      () => decodeSafetensors(bytes, "f"),
      new DataError(`f is ${what}, no safetensors file. ${kind.advice}`),
    );
  });
}

Deno.test("a pickle of any protocol is known", () => {
  for (const [protocol, start] of Object.entries(PICKLES)) {
    assert.equal(fileKind(Uint8Array.fromHex(start))?.what, "a pickle of Python's", protocol);
  }
  // What torch.save wrote before PyTorch 1.6.
  assert.equal(fileKind(Uint8Array.fromHex("80028a0a6cfc9c46f9206aa85019"))?.what, "a pickle of PyTorch's");
});

Deno.test("what is not known is none of these, and a whole safetensors file is never asked", () => {
  assert.equal(fileKind(Uint8Array.of(1, 2, 3)), undefined);
  assert.equal(fileKind(text("x".repeat(81))), undefined);
  // Headers of lengths whose first byte is that of an opening brace, a pickle, an HTML page.
  for (const first of ["{", "\x80", "<", "(", "]"]) {
    const header = encodeSafetensors({}).length;
    const bytes = encodeSafetensors({}, { x: "y".repeat(first.charCodeAt(0) + 512 - header) });
    assert.deepEqual(decodeSafetensors(bytes, "f").tensors, {});
  }
});
