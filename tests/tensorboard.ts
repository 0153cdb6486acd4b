/** The real TensorBoard, where `SJEA_PYTHON` names a Python that has it. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

/** That Python. */
export const PYTHON = Deno.env.get("SJEA_PYTHON") ?? "";

/** Whether tests that need TensorBoard are skipped. */
export const noTensorBoard = PYTHON === "" ||
  !(await new Deno.Command(PYTHON, { args: ["-c", "import tensorboard"], stderr: "null" }).output()).success;

/** TensorBoard's server of a folder. */
export interface TensorBoard extends AsyncDisposable {
  readonly url: string;
}

/** Starts it, on a port that is free. */
export async function startTensorBoard(logdir: string): Promise<TensorBoard> {
  const args = ["-m", "tensorboard.main", "--logdir", logdir, "--host=127.0.0.1", "--port=0"];
  const server = new Deno.Command(PYTHON, { args, stdout: "null", stderr: "piped" }).spawn();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const read = (async () => {
    let told = "";
    for await (const text of server.stderr.pipeThrough(new TextDecoderStream())) {
      const url = (told += text).match(/http:\S+/g)?.find((url) => url.startsWith("http://127.0.0.1:"));
      if (url) resolve(url);
    }
    reject(new Error(told));
  })();
  return {
    url: await promise,
    async [Symbol.asyncDispose]() {
      server.kill();
      await Promise.all([server.status, read]);
    },
  };
}

/** What TensorBoard's embedding projector shows of a tensor. */
export interface Projected {
  readonly tensorShape: readonly [number, number];
  readonly values: Float32Array;
  /** The columns' names, then an image a line. */
  readonly metadata: readonly (readonly string[])[];
  readonly sprite: Uint8Array;
  /** Width and height of an image in the sprite. */
  readonly singleImageDim: readonly [number, number];
}

/** Asks it for all tensors of a run, by their names, as its page does. */
export async function projected(logdir: string, run: string): Promise<Record<string, Projected>> {
  await using server = await startTensorBoard(logdir);
  const ask = async (what: string, query: Record<string, string> = {}) => {
    const answer = await fetch(`${server.url}data/plugin/projector/${what}?${new URLSearchParams(query)}`);
    const bytes = await answer.bytes();
    assert.ok(answer.ok, `${what}: ${new TextDecoder().decode(bytes)}`);
    return bytes;
  };
  const text = async (...args: Parameters<typeof ask>) => new TextDecoder().decode(await ask(...args));
  // It looks for runs once it serves.
  for (let tries = 0; !JSON.parse(await text("runs")).includes(run); tries++) {
    assert.ok(tries < 100, `TensorBoard sees no ${run} in ${logdir}`);
    await pause(100);
  }
  const tensors: Record<string, Projected> = {};
  for (const info of JSON.parse(await text("info", { run })).embeddings) {
    const query = { run, name: info.tensorName, num_rows: "100000" };
    tensors[info.tensorName] = {
      tensorShape: info.tensorShape,
      values: new Float32Array((await ask("tensor", query)).buffer),
      metadata: (await text("metadata", query)).trimEnd().split("\n").map((line) => line.split("\t")),
      sprite: await ask("sprite_image", query),
      singleImageDim: info.sprite.singleImageDim,
    };
  }
  return tensors;
}
