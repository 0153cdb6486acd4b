/**
 * Batches of views, computed ahead in workers while the last one is trained on.
 *
 * @module
 */
import { generator, permutation } from "../base/random.ts";
import type { ImageSet } from "./dataset.ts";
import type { ViewOptions } from "./views.ts";

/** What to stream. */
export interface ViewStreamOptions {
  readonly set: ImageSet;
  /** Seed of the order and of the views. */
  readonly seed: number;
  /** Images a step. */
  readonly batch: number;
  /** Passes over the set; the last incomplete batch of each is dropped. */
  readonly epochs: number;
  /** Views of each image. */
  readonly views: number;
  readonly view: ViewOptions;
  /** First step, for a run that goes on. */
  readonly startStep?: number;
  /** Workers to compute in. */
  readonly workers?: number;
}

/** The views of one step. */
export interface ViewBatch {
  readonly step: number;
  readonly epoch: number;
  /** Positions of the images in the set. */
  readonly indices: Int32Array;
  /** `[batch, size, size, 3]` in 0..1, one entry a view. */
  readonly views: readonly Float32Array<ArrayBuffer>[];
}

/** A worker's task: the views of one step. */
export interface ViewTask {
  readonly step: number;
  readonly epoch: number;
  readonly indices: Int32Array;
}

/** What a worker is told once. */
export interface ViewWorkerSetup {
  readonly set: ImageSet;
  readonly seed: number;
  readonly views: number;
  readonly view: ViewOptions;
}

/** Batches that are computed or waiting at any time. */
const AHEAD = 4;

/**
 * Streams batches of views in the order of their steps. Each view depends on
 * (seed, epoch, image, view) alone, so neither the number of workers nor a
 * resumed run changes it.
 *
 * @param options What to stream.
 * @returns The batches; disposing of the stream stops its workers.
 */
export function viewStream(options: ViewStreamOptions): AsyncIterable<ViewBatch> & AsyncDisposable {
  const { set, seed, batch, epochs, views, view, startStep = 0, workers = 1 } = options;
  const count = set.labels.length, stepsPerEpoch = Math.floor(count / batch), steps = stepsPerEpoch * epochs;
  const images = new Uint8Array(new SharedArrayBuffer(set.images.length));
  images.set(set.images);
  const setup: ViewWorkerSetup = { set: { ...set, images }, seed, views, view };

  const pending = new Map<number, PromiseWithResolvers<ViewBatch>>();
  const pool = Array.from({ length: workers }, () => {
    const worker = new Worker(new URL("./view_worker.ts", import.meta.url), { type: "module" });
    worker.postMessage(setup);
    worker.onmessage = ({ data }: MessageEvent<ViewBatch>) => pending.get(data.step)?.resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(`Views could not be computed: ${event.message}`);
      for (const { reject } of pending.values()) reject(error);
    };
    return worker;
  });

  let order: Int32Array, orderOf = -1;
  const request = (step: number) => {
    if (step >= steps) return;
    const epoch = Math.floor(step / stepsPerEpoch), from = step % stepsPerEpoch * batch;
    if (epoch !== orderOf) order = permutation(count, generator("order", seed, orderOf = epoch));
    const promise = Promise.withResolvers<ViewBatch>();
    promise.promise.catch(() => {}); // Reported when its step is awaited.
    pending.set(step, promise);
    const task: ViewTask = { step, epoch, indices: order.slice(from, from + batch) };
    pool[step % workers].postMessage(task);
  };

  return {
    async *[Symbol.asyncIterator]() {
      for (let step = startStep; step < startStep + AHEAD; step++) request(step);
      for (let step = startStep; step < steps; step++) {
        const ready = await pending.get(step)!.promise;
        pending.delete(step);
        request(step + AHEAD);
        yield ready;
      }
    },
    [Symbol.asyncDispose]() {
      for (const worker of pool) worker.terminate();
      return Promise.resolve();
    },
  };
}
