/**
 * What the browser's backend is loaded from.
 *
 * @module
 */

/** The file of TensorFlow.js's WebAssembly backend that a page holds: for one thread, with SIMD. */
export const WASM = "tfjs-backend-wasm-simd.wasm";
