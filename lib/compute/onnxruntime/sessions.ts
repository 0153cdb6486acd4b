/**
 * Runs a graph: its models one after another, those of different lanes side by side.
 *
 * @module
 */
import type { OnnxRuntime, Session, SessionUse } from "./c_api.ts";
import type { Graph, Part, Value } from "./graph.ts";

type Pointer = Deno.PointerObject;

/** A model ready to run. */
interface Ready extends Pick<Part, "inputs" | "outputs"> {
  readonly session: Session;
}

/** The sessions of a graph. */
export class Sessions {
  readonly #runtime: OnnxRuntime;
  /** What may run at once in each stage. */
  readonly #stages: readonly (readonly Ready[])[];
  readonly #inputs: readonly string[];
  readonly #outputs: readonly string[];
  /** How many parts need each value; the caller needs all inputs and outputs once more. */
  readonly #users = new Map<string, number>();

  /**
   * @param runtime Where they run.
   * @param graph The graph.
   * @param wanted What of it is wanted.
   * @param use What they are for.
   * @throws {ComputeError} ONNX Runtime does not take it.
   */
  constructor(
    runtime: OnnxRuntime,
    graph: Graph,
    wanted: readonly Value[],
    use: Omit<SessionUse, "lanes">,
  ) {
    const { stages, inputs, outputs } = graph.stages(wanted);
    this.#runtime = runtime;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#stages = stages.map((parts) =>
      parts.map(({ bytes, inputs, outputs }) => ({
        session: runtime.session(bytes, inputs, outputs, { ...use, lanes: parts.length }),
        inputs,
        outputs,
      }))
    );
    const uses = [inputs, outputs, ...this.#stages.flat().map(({ inputs }) => inputs)].flat();
    uses.forEach((name) => this.#users.set(name, (this.#users.get(name) ?? 0) + 1));
  }

  /**
   * Runs it at once.
   *
   * @param values One for each input of the graph.
   * @returns One for each tensor that was wanted, the caller's to release.
   * @throws {ComputeError} ONNX Runtime cannot compute it.
   */
  runNow(values: readonly Pointer[]): Pointer[] {
    const run = this.#begin(values);
    for (const part of this.#stages.flat()) run.end(part, part.session.runNow(run.inputs(part)));
    return run.outputs();
  }

  /** The same on other threads; the values must not be released before. */
  async run(values: readonly Pointer[]): Promise<Pointer[]> {
    const run = this.#begin(values);
    for (const parts of this.#stages) {
      const ends = await Promise.allSettled(
        parts.map(async (part) => run.end(part, await part.session.run(run.inputs(part)))),
      );
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) {
        run.abandon();
        throw failed.reason;
      }
    }
    return run.outputs();
  }

  /** The values of one run. */
  #begin(values: readonly Pointer[]) {
    const known = new Map(values.map((value, at) => [this.#inputs[at], value]));
    const users = new Map(this.#users);
    const take = (names: readonly string[]) => names.map((name) => known.get(name)!);
    return {
      inputs: (part: Ready) => take(part.inputs),
      outputs: () => take(this.#outputs),
      /** Keeps what a part gave, and forgets what it was the last one to need. */
      end: ({ inputs, outputs }: Ready, results: readonly Pointer[]) => {
        results.forEach((value, at) => known.set(outputs[at], value));
        for (const name of inputs) {
          const left = users.get(name)! - 1;
          users.set(name, left);
          if (left > 0) continue;
          this.#runtime.release(known.get(name)!);
          known.delete(name);
        }
      },
      /** Forgets all that was computed. */
      abandon: () => {
        this.#inputs.forEach((name) => known.delete(name));
        known.forEach((value) => this.#runtime.release(value));
      },
    };
  }

  /** Frees them. No call may run. */
  free(): void {
    this.#stages.flat().forEach(({ session }) => session.free());
  }
}
