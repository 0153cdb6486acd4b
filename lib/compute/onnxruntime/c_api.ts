/**
 * The part of ONNX Runtime's C API that this project calls, opened with
 * `Deno.dlopen`. The library has one symbol, which leads to a table of functions;
 * the table only grows, so that an index stays what it is.
 *
 * @module
 */
import { ComputeError, EnvironmentError } from "../../base/errors.ts";
import { cString, holding, keepLoaded, text } from "../native.ts";

const p = "pointer", b = "buffer", i32 = "i32", size = "usize";

/** Version of the table; ONNX Runtime 1.24 and newer have it. */
const API_VERSION = 24;

/** Index in the table, parameters and result of each function; what gives a pointer gives a status or null. */
const functions = {
  GetErrorMessage: { index: 2, parameters: [p], result: p },
  CreateSessionFromArray: { index: 8, parameters: [p, b, size, p, b], result: p },
  Run: { index: 9, parameters: [p, p, b, b, size, b, size, b], result: p },
  /** The same call on a thread of its own, for work that takes longer than a frame. */
  RunInBackground: { index: 9, parameters: [p, p, b, b, size, b, size, b], result: p, nonblocking: true },
  CreateSessionOptions: { index: 10, parameters: [b], result: p },
  DisableMemPattern: { index: 17, parameters: [p], result: p },
  SetSessionGraphOptimizationLevel: { index: 23, parameters: [p, i32], result: p },
  SetIntraOpNumThreads: { index: 24, parameters: [p, i32], result: p },
  CreateTensorWithDataAsOrtValue: { index: 49, parameters: [p, b, size, b, size, i32, b], result: p },
  GetTensorMutableData: { index: 51, parameters: [p, b], result: p },
  CreateCpuMemoryInfo: { index: 69, parameters: [i32, i32, b], result: p },
  ReleaseStatus: { index: 93, parameters: [p], result: "void" },
  ReleaseSession: { index: 95, parameters: [p], result: "void" },
  ReleaseValue: { index: 96, parameters: [p], result: "void" },
  CreateEnvWithGlobalThreadPools: { index: 119, parameters: [i32, b, p, b], result: p },
  DisablePerSessionThreads: { index: 120, parameters: [p], result: p },
  CreateThreadingOptions: { index: 121, parameters: [b], result: p },
  AddSessionConfigEntry: { index: 130, parameters: [p, b, b], result: p },
  CreateAndRegisterAllocator: { index: 144, parameters: [p, p, p], result: p },
  SetGlobalIntraOpNumThreads: { index: 147, parameters: [p, i32], result: p },
  SetGlobalSpinControl: { index: 149, parameters: [p, i32], result: p },
} as const satisfies Record<string, Deno.ForeignFunction & { index: number }>;

type Functions = { [Name in keyof typeof functions]: Deno.UnsafeFnPointer<(typeof functions)[Name]>["call"] };

/** Log lines from this severity on: errors. */
const LOG_ERRORS = 3;

/** Levels of the optimiser: none, and all. */
const OPTIMISE_NOTHING = 0, OPTIMISE_ALL = 99;

/** A model ready to run. */
export interface Session {
  /** Runs it at once; takes a value for each input and gives one for each output, the caller's to release. */
  runNow(values: readonly Deno.PointerObject[]): Deno.PointerObject[];
  /** Runs it on other threads; the values must not be released before. */
  run(values: readonly Deno.PointerObject[]): Promise<Deno.PointerObject[]>;
  /** Frees it. No call may run. */
  free(): void;
}

/** What a session is for. */
export interface SessionUse {
  /** Its name in errors. */
  readonly name: string;
  /** Whether it holds large constants, such as weights, that it pays to prepare. */
  readonly constants?: boolean;
  /** How many sessions run at once, each on its part of the threads. */
  readonly lanes?: number;
}

/** ONNX Runtime on some number of threads. */
export interface OnnxRuntime {
  readonly version: string;
  /**
   * @param model A serialized model.
   * @param inputs Names of its inputs, in the order in which they are given.
   * @param outputs Names of its outputs, in the order in which they are returned.
   * @param use What it is for.
   * @throws {ComputeError} ONNX Runtime does not take it.
   */
  session(
    model: Uint8Array<ArrayBuffer>,
    inputs: readonly string[],
    outputs: readonly string[],
    use: SessionUse,
  ): Session;
  /** A value of ONNX's element type over memory that the caller keeps until the value is released. */
  value(type: number, shape: readonly number[], memory: ArrayBuffer): Deno.PointerObject;
  /** The memory of a value, without a copy; it ends with the value. */
  memory(value: Deno.PointerObject, bytes: number): ArrayBuffer;
  release(value: Deno.PointerObject): void;
}

/**
 * Opens ONNX Runtime's library.
 *
 * @param path Where it lies.
 * @param threads Threads that all sessions share.
 * @returns What this project needs of it.
 * @throws {EnvironmentError} The file cannot be loaded, or is too old.
 */
export function openOnnxRuntime(path: string, threads: number): OnnxRuntime {
  const { api, version } = open(path);
  const check = (what: string, status: Deno.PointerValue) => {
    if (status === null) return;
    const message = text(api.GetErrorMessage(status));
    api.ReleaseStatus(status);
    throw new ComputeError(`ONNX Runtime refused ${what}: ${message}`);
  };
  /** The pointer that a function writes. */
  const made = (what: string, make: (result: BigUint64Array<ArrayBuffer>) => Deno.PointerValue) => {
    const result = new BigUint64Array(1);
    check(what, make(result));
    return Deno.UnsafePointer.create(result[0])!;
  };
  const pool = made("its threads", (result) => api.CreateThreadingOptions(result));
  check("its threads", api.SetGlobalIntraOpNumThreads(pool, threads));
  // Threads that wait would take the time of those that compute views.
  check("its threads", api.SetGlobalSpinControl(pool, 0));
  const environment = made(
    "to start",
    (result) => api.CreateEnvWithGlobalThreadPools(LOG_ERRORS, cString("sjea"), pool, result),
  );
  // An arena's memory, of the default kind.
  const host = made("memory", (result) => api.CreateCpuMemoryInfo(1, 0, result));
  check("memory", api.CreateAndRegisterAllocator(environment, host, null));
  const options = (level: number, lanes: number) => {
    const options = made("options", (result) => api.CreateSessionOptions(result));
    const set = (key: string, value: string) =>
      check("options", api.AddSessionConfigEntry(options, cString(key), cString(value)));
    if (lanes === 1) check("options", api.DisablePerSessionThreads(options));
    else {
      check("options", api.SetIntraOpNumThreads(options, Math.max(Math.floor(threads / lanes), 1)));
      set("session.intra_op.allow_spinning", "0");
    }
    check("options", api.SetSessionGraphOptimizationLevel(options, level));
    // A plan of all memory at once takes a tenth more of it, and no less time.
    check("options", api.DisableMemPattern(options));
    set("session.use_env_allocators", "1");
    return options;
  };
  const known = new Map<string, Deno.PointerObject>();
  return {
    version,
    session(model, inputs, outputs, { name, constants = false, lanes = 1 }) {
      const level = constants ? OPTIMISE_ALL : OPTIMISE_NOTHING, key = `${level} ${lanes}`;
      const chosen = known.get(key) ?? options(level, lanes);
      known.set(key, chosen);
      const session = made(
        `the model of ${name}`,
        (result) => api.CreateSessionFromArray(environment, model, BigInt(model.length), chosen, result),
      );
      const inputNames = names(inputs), outputNames = names(outputs);
      const call = <Result>(
        run: (...call: Parameters<Functions["Run"]>) => Result,
        values: readonly Deno.PointerObject[],
        results: BigUint64Array<ArrayBuffer>,
      ) =>
        run(
          session,
          null,
          inputNames.pointers,
          BigUint64Array.from(values, (value) => Deno.UnsafePointer.value(value)),
          BigInt(inputs.length),
          outputNames.pointers,
          BigInt(outputs.length),
          results,
        );
      const pointers = (results: BigUint64Array) =>
        Array.from(results, (address) => Deno.UnsafePointer.create(address)!);
      return {
        runNow(values) {
          const results = new BigUint64Array(outputs.length);
          check(`to compute ${name}`, call(api.Run, values, results));
          return pointers(results);
        },
        async run(values) {
          const results = new BigUint64Array(outputs.length);
          check(`to compute ${name}`, await call(api.RunInBackground, values, results));
          return pointers(results);
        },
        free: () => api.ReleaseSession(session),
      };
    },
    value: (type, shape, memory) =>
      made("a tensor", (result) =>
        api.CreateTensorWithDataAsOrtValue(
          host,
          memory,
          BigInt(memory.byteLength),
          BigInt64Array.from(shape, BigInt),
          BigInt(shape.length),
          type,
          result,
        )),
    memory: (value, bytes) =>
      Deno.UnsafePointerView.getArrayBuffer(
        made("a tensor's memory", (result) => api.GetTensorMutableData(value, result)),
        bytes,
      ),
    release: (value) => api.ReleaseValue(value),
  };
}

/** The table of functions. */
function open(path: string): { api: Functions; version: string } {
  let base: Deno.PointerValue;
  // It reports its use to Microsoft else, from its start on.
  Deno.env.set("ORT_DISABLE_TELEMETRY", "1");
  try {
    base = Deno.dlopen(path, { OrtGetApiBase: { parameters: [], result: p } }).symbols.OrtGetApiBase();
    keepLoaded(path);
  } catch (error) {
    throw new EnvironmentError(`${path} cannot be loaded: ${(error as Error).message}`);
  }
  // OrtApiBase: { const OrtApi* GetApi(version); const char* GetVersionString(); }
  const view = new Deno.UnsafePointerView(base!);
  const versionOf = new Deno.UnsafeFnPointer(view.getPointer(8)!, { parameters: [], result: p });
  const getApi = new Deno.UnsafeFnPointer(view.getPointer(0)!, { parameters: ["u32"], result: p });
  const version = text(versionOf.call()), table = getApi.call(API_VERSION);
  if (!table) {
    throw new EnvironmentError(`${path} is ONNX Runtime ${version}: 1.${API_VERSION} or newer is needed`);
  }
  const entries = Object.entries(functions).map(([name, { index, ...definition }]) => {
    const pointer = new Deno.UnsafePointerView(table).getPointer(8 * index)!;
    const fn = new Deno.UnsafeFnPointer(pointer as never, definition as Deno.ForeignFunction);
    const call = fn.call.bind(fn);
    return [name, "nonblocking" in definition ? holding(call as never) : call];
  });
  return { api: Object.fromEntries(entries) as unknown as Functions, version };
}

/** C strings and the list of their addresses; whoever keeps the list keeps them. */
function names(list: readonly string[]): { pointers: BigUint64Array<ArrayBuffer>; strings: unknown } {
  const strings = list.map(cString);
  const pointers = BigUint64Array.from(
    strings,
    (string) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(string)),
  );
  return { pointers, strings };
}
