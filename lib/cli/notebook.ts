/**
 * `deno task notebook`: JupyterLab on the notebooks, with Deno's kernel.
 *
 * @module
 */
import { join } from "@std/path";
import { EnvironmentError } from "../base/errors.ts";
import { places, temporaryFolder } from "../base/places.ts";
import { runCommand } from "./command.ts";
import { parse } from "./parse.ts";

/** Runs a program to its end; undefined if it is not there. */
async function run(program: string, args: string[]): Promise<boolean | undefined> {
  try {
    const { success } = await new Deno.Command(program, { args, stdin: "inherit" }).spawn().status;
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Deno's kernel, where this Jupyter looks for kernels; `deno jupyter --install` does not know of JUPYTER_DATA_DIR. */
async function installKernel(): Promise<boolean | undefined> {
  const folder = await Deno.makeTempDir({ dir: await temporaryFolder() });
  try {
    const argv = [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"];
    const kernel = { argv, display_name: "Deno", language: "typescript" };
    await Deno.writeTextFile(join(folder, "kernel.json"), JSON.stringify(kernel));
    return await run("jupyter", ["kernelspec", "install", "--user", "--name", "deno", folder]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const HELP = `deno task notebook

Opens the notebooks in JupyterLab on Deno's kernel, which it installs first.

  --help             this text`;

await runCommand(async () => {
  const { values } = parse({ options: { help: { type: "boolean", default: false } } });
  if (values.help) return console.log(HELP);
  if (await run("jupyter", ["lab", "--version"]) !== true) {
    throw new EnvironmentError(
      "JupyterLab was not found. Install it (pip install jupyterlab, or pipx install jupyterlab) and run " +
        "deno task notebook again. The notebooks also open in VS Code with its Deno and Jupyter extensions, " +
        "and their rendered reports are in notebooks/reports.",
    );
  }
  if (!await installKernel()) {
    throw new EnvironmentError("Deno's kernel could not be installed: see the lines above.");
  }
  await run("jupyter", ["lab", places.notebooks]);
});
