/**
 * `deno task verdicts`: what the stored sweeps say of the paper's claims.
 *
 * @module
 */
import { join } from "@std/path";
import { places } from "../base/places.ts";
import { judgeClaims, verdictList } from "../experiments/claims.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";

const HELP = `deno task verdicts

Judges the paper's claims once more, by the sweeps in data/results/sweeps and
the rules of notebooks/protocol.md. Trains nothing.

  --help             this text`;

await runCommand(async () => {
  const { values } = parse({ options: { help: { type: "boolean", default: false } } });
  if (values.help) return console.log(HELP);
  console.log(verdictList(await judgeClaims(join(places.results, "sweeps"))));
});
