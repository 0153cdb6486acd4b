/**
 * What is asked for, as the engine can compute it.
 *
 * @module
 */
import { start } from "../compute/backend.ts";
import type { Precision } from "../compute/compile.ts";
import { ENGINES } from "../compute/engine.ts";

/**
 * Something that names a precision, in one that the engine has: what follows from it, runs' ids too, is of that
 * precision, which is said.
 *
 * @param wished A preset or a spec.
 * @returns The same, or a copy in float32.
 */
export async function supported<Wished extends { readonly precision: Precision }>(
  wished: Wished,
): Promise<Wished> {
  const { engine, precisions } = await start();
  if (precisions.includes(wished.precision)) return wished;
  console.error(
    `${ENGINES[engine]} computes in float32 only: so do these runs, instead of in ${wished.precision}.`,
  );
  return { ...wished, precision: "float32" };
}
