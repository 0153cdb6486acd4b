/**
 * Batches of views, computed ahead in workers while the last one is trained on.
 *
 * @module
 */
import type { ImageSet } from "./dataset.ts";
import type { ViewOptions } from "./views.ts";

/** What to stream. */
export interface ViewStreamOptions {
  /** The images. */
  readonly set: ImageSet;
  /** Seed of the order and of the views. */
  readonly seed: number;
  /** Images a step. */
  readonly batch: number;
  /** Passes over the set; the last incomplete batch of each is dropped. */
  readonly epochs: number;
  /** How views are made, and how many of an image. */
  readonly view: ViewOptions;
  /** First step, for a run that goes on. */
  readonly startStep?: number;
  /** Workers to compute in, at least one. */
  readonly workers?: number;
  /** Steps that are computed or waiting while one is in use, at least one. */
  readonly ahead?: number;
  /** Which of so many equal shares of each batch is computed, from 0; absent: all of it. */
  readonly share?: { readonly task: number; readonly of: number };
}

/** The views of one step. */
export interface ViewBatch {
  /** From 0. */
  readonly step: number;
  /** From 0. */
  readonly epoch: number;
  /** Positions of the whole batch's images in the set. */
  readonly indices: Int32Array;
  /** `[batch, size, size, 3]` in 0..1, of a share that many of its rows, one entry a view, in the order of `viewsOf`. */
  readonly views: readonly Float32Array<ArrayBuffer>[];
}

/** What a worker is told once; after that, a step's number asks for its views. */
export type ViewWorkerSetup =
  & Pick<ViewStreamOptions, "set" | "seed" | "batch" | "view">
  & Required<Pick<ViewStreamOptions, "share">>
  & {
    /** Steps of the whole training. */
    readonly steps: number;
  };

/** What a worker answers when a step's views cannot be computed. */
export interface ViewFault {
  /** From 0. */
  readonly step: number;
  readonly error: Error;
}

/**
 * Streams batches of views in the order of their steps. Each view depends on
 * (seed, epoch, image, view) and its size alone, so neither the number of workers nor a
 * resumed run changes it.
 *
 * @param options What to stream.
 * @returns The batches, to be walked through once; disposing of the stream stops its workers.
 * @throws The error of a worker, when its step is awaited.
 * @example
 * ```ts
 * import { generate } from "./generated.ts";
 * import { viewStream } from "./view_stream.ts";
 * const set = generate({ seed: 0, train: 20, test: 0 }).train;
 * const jitter = { probability: 0, brightness: 0, contrast: 0, saturation: 0, hue: 0 };
 * const view = { size: 8, cropScale: [0.3, 1], flip: 0.5, jitter, greyscale: 0, blur: 0, solarise: 0 } as const;
 * await using stream = viewStream({ set, seed: 0, batch: 10, epochs: 1, view });
 * let steps = 0;
 * for await (const { views } of stream) steps += views.length / 2;
 * if (steps !== 2) throw new Error("20 images are two batches of 10");
 * ```
 */
export function viewStream(options: ViewStreamOptions): AsyncIterable<ViewBatch> & AsyncDisposable {
  const {
    set,
    seed,
    batch,
    epochs,
    view,
    startStep = 0,
    workers = 1,
    ahead = 4,
    share = { task: 0, of: 1 },
  } = options;
  const steps = Math.floor(set.labels.length / batch) * epochs;
  const images = new Uint8Array(new SharedArrayBuffer(set.images.length));
  images.set(set.images);
  const setup: ViewWorkerSetup = { set: { ...set, images }, seed, batch, view, share, steps };

  const pending = new Map<number, PromiseWithResolvers<ViewBatch>>();
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    for (const { reject } of pending.values()) reject(failure);
  };
  const pool = Array.from({ length: workers }, () => {
    const worker = new Worker(new URL("./view_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<ViewBatch | ViewFault>) => {
      if ("error" in data) pending.get(data.step)?.reject(data.error);
      else pending.get(data.step)?.resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(`The worker that computes views stopped: ${event.message}`));
    };
    worker.postMessage(setup);
    return worker;
  });
  const request = (step: number) => {
    if (step >= steps) return;
    const answer = Promise.withResolvers<ViewBatch>();
    answer.promise.catch(() => {}); // Reported when its step is awaited.
    pending.set(step, answer);
    if (failure) answer.reject(failure);
    else pool[step % workers].postMessage(step);
  };

  return {
    async *[Symbol.asyncIterator]() {
      for (let step = startStep; step < startStep + ahead; step++) request(step);
      for (let step = startStep; step < steps; step++) {
        const ready = await pending.get(step)!.promise;
        pending.delete(step);
        request(step + ahead);
        yield ready;
      }
    },
    [Symbol.asyncDispose]() {
      for (const worker of pool) worker.terminate();
      fail(new Error("The stream of views is closed."));
      return Promise.resolve();
    },
  };
}
