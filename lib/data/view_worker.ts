/**
 * Computes views in a worker: first it is told the set and the options, then
 * the number of one step after the other.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { generator, permutation } from "../base/random.ts";
import type { ViewBatch, ViewFault, ViewWorkerSetup } from "./view_stream.ts";
import { drawView, viewsOf } from "./views.ts";

let setup: ViewWorkerSetup;
let order: Int32Array, orderOf = -1;

self.onmessage = ({ data }: MessageEvent<ViewWorkerSetup | number>) => {
  if (typeof data !== "number") {
    setup = data;
    return;
  }
  try {
    const batch = compute(setup, data);
    self.postMessage(batch, batch.views.map((view) => view.buffer));
  } catch (error) {
    self.postMessage({ step: data, error: error as Error } satisfies ViewFault);
  }
};

function compute({ set, seed, batch, view, share, steps }: ViewWorkerSetup, step: number): ViewBatch {
  const { labels } = set, stepsPerEpoch = Math.floor(labels.length / batch);
  const epoch = Math.floor(step / stepsPerEpoch), start = step % stepsPerEpoch * batch;
  if (epoch !== orderOf) order = permutation(labels.length, generator("order", seed, orderOf = epoch));
  const indices = order.slice(start, start + batch), rows = batch / share.of;
  const own = indices.subarray(share.task * rows, (share.task + 1) * rows);
  const all = viewsOf(view, step / steps);
  const views = all.map(({ size }, number) => {
    const target = size * size * 3, output = new Float32Array(rows * target);
    own.forEach((index, at) => drawView(set, { seed, epoch, index, number }, all, output, at * target));
    return output;
  });
  return { step, epoch, indices, views };
}
