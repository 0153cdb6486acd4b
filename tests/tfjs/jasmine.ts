/**
 * Jasmine, and the tests that `@tensorflow/tfjs-core` ships, as far as they are needed here.
 *
 * @module
 */
import { statSync } from "node:fs";
import * as module from "node:module";
import { pathToFileURL } from "node:url";

/** Named where it is imported, so that nothing else fetches it. */
const JASMINE = "npm:jasmine-core@6.3.0";

/** Longest time that a test may take, in milliseconds; the machine may be busy. */
const TIMEOUT = 60_000;

/** What Jasmine reports of a test or of a group of tests. */
export interface Report {
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string; readonly stack?: string }[];
}

interface Environment {
  configure(options: Record<string, unknown>): void;
  addReporter(reporter: Record<string, (report: Report) => void>): void;
  execute(): Promise<Report>;
}

interface Jasmine {
  DEFAULT_TIMEOUT_INTERVAL: number;
  getEnv(): Environment;
}

type Resolve = (name: string, context: { parentURL?: string }) => unknown;
/** Node's type has it, Deno's not yet. */
const { registerHooks } = module as unknown as {
  registerHooks(hooks: { resolve(...of: [...Parameters<Resolve>, next: Resolve]): unknown }): void;
};

/**
 * Loads the tests into Jasmine, without running them.
 *
 * @param backend Name of the registered backend that they run on.
 * @returns Jasmine's environment.
 */
export async function loadTests(backend: string): Promise<Environment> {
  const { default: core } = await import(JASMINE) as { default: { noGlobals(): { jasmine: Jasmine } } };
  const globals = core.noGlobals();
  Object.assign(globalThis, globals);
  const environment = globals.jasmine.getEnv();
  environment.configure({ random: false, forbidDuplicateNames: false });

  const folder = openTests();
  const { setTestEnvs } = await import(`${folder}/jasmine_util.js`) as {
    setTestEnvs(environments: object[]): void;
  };
  setTestEnvs([{ name: backend, backendName: backend, flags: {}, isDataSync: true }]);
  await import(`${folder}/tests.js`);
  globals.jasmine.DEFAULT_TIMEOUT_INTERVAL = TIMEOUT;
  return environment;
}

/**
 * Makes the tests importable: they are written for a bundler, which completes the names of modules and knows
 * `require`. They share engine, kernels and gradients with the TensorFlow.js in use, through its globals.
 *
 * @returns Where they lie.
 */
function openTests(): string {
  const tfjs = module.createRequire(import.meta.resolve("@tensorflow/tfjs"));
  const folder = new URL("dist", pathToFileURL(tfjs.resolve("@tensorflow/tfjs-core/package.json"))).href;
  const require = module.createRequire(folder);
  const seedrandom = JSON.stringify(pathToFileURL(require.resolve("seedrandom")).href);
  const named = `data:text/javascript,import all from ${seedrandom}; export const { alea } = all;`;
  Object.assign(globalThis, {
    require: Object.assign(
      // They set a timeout on a Jasmine of their own.
      (name: string) => name.startsWith("jasmine-core/") ? { core: () => ({}) } : require(name),
      { resolve: require.resolve },
    ),
  });
  registerHooks({
    resolve(name, context, next) {
      const { parentURL } = context;
      if (!parentURL?.startsWith(folder)) return next(name, context);
      if (name === "seedrandom") return { url: named, shortCircuit: true };
      const file = [name, `${name}.js`, `${name}/index.js`].find((name) =>
        name.startsWith(".") && statSync(new URL(name, parentURL), { throwIfNoEntry: false })?.isFile()
      );
      return next(file ?? name, context);
    },
  });
  return folder;
}
