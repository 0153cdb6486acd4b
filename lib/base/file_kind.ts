// deno-lint-ignore-file no-control-regex -- first bytes are not meant for people.
/**
 * What a file really is: its first bytes say it, whatever its name says.
 *
 * @module
 */

/** What a file is, and how to come to the one that was meant. */
export interface FileKind {
  /** With its article, such as "an HTML page". */
  readonly what: string;
  readonly advice: string;
}

const ONLY = "Only ResNets that PyTorch saved can be read: take one of those.";
const UNPACK = "Unpack it, and name the file that comes out.";
/** A way to the tensors of a pickle, which is a program, by what loads it. */
const pickle = (load: string) =>
  `Save its tensors alone, in Python: state = ${load}; safetensors.torch.save_file({k: ` +
  'torch.as_tensor(v).contiguous() for k, v in state.items()}, "encoder.safetensors"); where it holds more ' +
  'than a state dict, with state["state_dict"] or state["model"] for state.';
const TORCH = pickle('torch.load(FILE, "cpu", weights_only=True)');
const PYTHON = pickle('pickle.load(open(FILE, "rb")), which runs its program, if you trust its maker');

/** Patterns of the first bytes, one character a byte; the first that fits says what it is. */
const KINDS: readonly (readonly [RegExp, FileKind])[] = [
  [/^$/, { what: "empty", advice: "Fetch it or save it again." }],
  [/^version https:\/\/git-lfs/, {
    what: "a pointer of Git LFS, which stands for a file that was not fetched",
    advice: "Fetch it with: git lfs pull, in the repository that it is from.",
  }],
  [/^\s*<(!doctype|html|\?xml)/i, {
    what: "an HTML page",
    advice: "Open it in a browser to see why the page came, and fetch the file itself.",
  }],
  // What torch.save writes: a zip archive whose first member is named so, or before PyTorch 1.6 a bare pickle.
  [/^(PK\x03\x04.{26}[^/]*\/data\.pkl|\x80\x02\x8a\n)/s, { what: "a pickle of PyTorch's", advice: TORCH }],
  [/^(\x80[\x02-\x05]|\(?[dl]p0\n|c[\w.]+\n\w+\n|[\]}]q\0)/, {
    what: "a pickle of Python's",
    advice: PYTHON,
  }],
  [/^(\x93NUMPY|PK\x03\x04.{26}[\w.-]*\.npy)/s, {
    what: "a file of NumPy's",
    advice: "If its arrays have the names of a state dict, in Python: " +
      'safetensors.numpy.save_file(dict(numpy.load(FILE)), "encoder.safetensors").',
  }],
  [/^\x89HDF\r\n\x1a\n/, { what: "an HDF5 file, as Keras writes them", advice: ONLY }],
  [/^\x08[\x01-\x1f][\x12\x3a]/, { what: "a model in protocol buffers, as ONNX has them", advice: ONLY }],
  [/^PK\x03\x04/, { what: "a zip archive", advice: UNPACK }],
  [/^(\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd)/, { what: "a compressed file", advice: UNPACK }],
  [/^.{257}ustar/s, { what: "a tar archive", advice: UNPACK }],
  [/^\s*[{[]\s*["{[\]}]/, { what: "JSON", advice: "It holds no tensors: name the file that does." }],
];

/**
 * Tells what a file is that was taken for another one.
 *
 * @param bytes The file, or its first 512 bytes.
 * @returns What it is; undefined if that is not known.
 * @example
 * ```ts
 * import { fileKind } from "./file_kind.ts";
 * const page = new TextEncoder().encode("<!doctype html><title>404</title>");
 * if (fileKind(page)?.what !== "an HTML page") throw new Error("it begins as a page does");
 * ```
 */
export function fileKind(bytes: Uint8Array): FileKind | undefined {
  const first = Array.from(bytes.subarray(0, 512), (byte) => String.fromCharCode(byte)).join("");
  const found = KINDS.find(([pattern]) => pattern.test(first));
  if (found) return found[1];
  const [line] = first.split(/\r?\n/);
  if (line.length > 80 || !/^[\x20-\x7e]+$/.test(line)) return;
  return { what: `a text that begins with ${JSON.stringify(line)}`, advice: "Fetch the file itself." };
}
