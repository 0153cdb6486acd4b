/**
 * Where code runs.
 *
 * @module
 */

/**
 * Whether this runs in a notebook's kernel.
 *
 * @returns True there; elsewhere `Deno.jupyter` throws.
 */
export function inNotebook(): boolean {
  try {
    return Boolean(Deno.jupyter);
  } catch {
    return false;
  }
}
