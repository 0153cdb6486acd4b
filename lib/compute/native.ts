/**
 * Calling native libraries.
 *
 * @module
 */

/**
 * Opens a loaded library once more and never closes it: Deno closes its own
 * libraries before the process's exit handlers run, and the engines have some.
 */
export function keepLoaded(file: string): void {
  const name = { linux: "libc.so.6", darwin: "libSystem.dylib" }[Deno.build.os as string];
  if (!name) return;
  const libc = Deno.dlopen(name, { dlopen: { parameters: ["buffer", "i32"], result: "pointer" } });
  libc.symbols.dlopen(cString(file), 1);
  libc.close();
}

/** A NUL-terminated copy of a text, made once for each text. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  let bytes = cStrings.get(text);
  if (!bytes) cStrings.set(text, bytes = new TextEncoder().encode(text + "\0"));
  return bytes;
}
const cStrings = new Map<string, Uint8Array<ArrayBuffer>>();

/** The text a C string points to. */
export function text(pointer: Deno.PointerValue): string {
  return pointer ? Deno.UnsafePointerView.getCString(pointer) : "";
}

type BackgroundCall = (...values: unknown[]) => Promise<unknown>;

/** The arguments of calls that have not returned yet. */
const inFlight = new Set<readonly unknown[]>();

/** Keeps a background call's buffers, which are a mere address to it, from being collected before it returns. */
export function holding(call: BackgroundCall): BackgroundCall {
  return (...values) => {
    const returned = call(...values);
    inFlight.add(values);
    return returned.finally(() => inFlight.delete(values));
  };
}
