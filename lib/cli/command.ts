/**
 * What all commands have in common.
 *
 * @module
 */
import { PEER_LOST, PeerLostError, SjeaError } from "../base/errors.ts";
import { exitCode, Interrupted } from "../base/interrupt.ts";
import { settleEnvironment } from "./paths.ts";

/**
 * Runs a command; a foreseeable error is printed as one message without a stack.
 * The environment's paths are settled before it begins.
 *
 * @param command The command.
 */
export async function runCommand(command: () => void | Promise<void>): Promise<void> {
  try {
    settleEnvironment();
    await command();
  } catch (error) {
    if (error instanceof Interrupted) {
      console.error(error.message);
      Deno.exit(exitCode(error.signal));
    }
    if (!(error instanceof SjeaError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(error instanceof PeerLostError ? PEER_LOST : 1);
  }
}
