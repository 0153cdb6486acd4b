/**
 * Computes views in a worker: first it is told the set and the options, then
 * one task a batch.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { generator } from "../base/random.ts";
import type { ViewBatch, ViewTask, ViewWorkerSetup } from "./view_stream.ts";
import { augment } from "./views.ts";

let setup: ViewWorkerSetup;

self.onmessage = ({ data }: MessageEvent<ViewWorkerSetup | ViewTask>) => {
  if ("set" in data) {
    setup = data;
    return;
  }
  const batch = compute(setup, data);
  self.postMessage(batch, batch.views.map((view) => view.buffer));
};

function compute({ set, seed, views, view }: ViewWorkerSetup, { step, epoch, indices }: ViewTask): ViewBatch {
  const { images, height, width } = set;
  const source = height * width * 3, target = view.size * view.size * 3;
  const outputs = Array.from({ length: views }, (_, number) => {
    const output = new Float32Array(indices.length * target);
    indices.forEach((index, at) =>
      augment(
        images.subarray(index * source, (index + 1) * source),
        height,
        width,
        view,
        generator("view", seed, epoch, index, number),
        output.subarray(at * target, (at + 1) * target),
      )
    );
    return output;
  });
  return { step, epoch, indices, views: outputs };
}
