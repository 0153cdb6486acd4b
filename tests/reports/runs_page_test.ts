import assert from "node:assert/strict";
import { request } from "node:http";
import type { RunSummary } from "../../lib/experiments/run_summaries.ts";
import { renderRunsPage, runsTable } from "../../lib/reports/runs_page.ts";
import { type Changes, serveRuns } from "../../lib/reports/runs_server.ts";
import { writeRun } from "../experiments/run_folder.ts";
import { HOSTILE } from "../notebook/example.ts";
import { spec } from "../training/tiny.ts";

const run = (id: string, fields: Record<string, string>, more: Partial<RunSummary> = {}): RunSummary => ({
  ...{
    id,
    name: `name of ${id}`,
    fields: new Map(Object.entries(fields)),
    done: 3,
    steps: 12,
    state: "training",
  },
  ...{ begun: new Date("2026-01-02T03:04:05Z"), seconds: 200, coreHours: 0.5, scores: {} },
  tracks: [{ epochs: [1, 2], measures: { loss: [[3, 1.5], [4, NaN]] } }],
  ...more,
});

const titles = (runs: readonly RunSummary[]) =>
  [...runsTable(runs).head.matchAll(/<th[^>]*>(.*?)<\/th>/g)].map(([, title]) =>
    title.replaceAll("<wbr>", "")
  );
const cells = (row: string) => [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell);

Deno.test("of specs the table has the fields in which runs differ, each other thing once", () => {
  const level = { "levels.1.width": "4", "levels.1.kind": '"resnet"' };
  const runs = [
    run("a", { seed: "0", loss: '"vicreg"', epochs: "5", ...level }, {
      scores: { "stack 0: k-NN 20 %": 43.21 },
    }),
    run("b", { seed: "1", loss: '"vicreg"', epochs: "5" }, { coreHours: undefined, state: "finished" }),
    run("c", { seed: "2", loss: '"byol"', epochs: "5", ...level }),
  ];
  const last = ["stack 0: loss at last", "stack 1: loss at last", "duration", "core-hours", "begun"];
  assert.deepEqual(titles(runs), [
    ...["run", "name", "state", "seed", "loss", "levels.1.width", "stack 0: k-NN 20 %", ...last],
  ]);
  const { rows } = runsTable(runs), took = ["1.50", "", "3 min 20 s"], begun = "2026-01-02 03:04";
  assert.deepEqual([...rows.values()].map(cells), [
    ["name of a", "training, 25 %", "0", "vicreg", "4", "43.2", ...took, "0.50", begun],
    ["name of b", "finished", "1", "vicreg", "", "", ...took, "", begun],
    ["name of c", "training, 25 %", "2", "byol", "4", "", ...took, "0.50", begun],
  ]);
  assert.deepEqual(titles(runs.slice(0, 1)).slice(3, 4), ["stack 0: k-NN 20 %"]);
  assert.deepEqual(titles([]).slice(0, 3), ["run", "name", "state"]);
});

Deno.test("words of specs and folders stay words, and the page may ask nobody", async () => {
  const runs = [
    run("a", { [HOSTILE]: JSON.stringify(HOSTILE) }),
    run("b", {}, { name: HOSTILE, id: HOSTILE }),
  ];
  const html = await renderRunsPage(runs, { folder: HOSTILE });
  const main = /<main [^>]*>([^]*)<\/main>/.exec(html)![1].replace(/="[^"<>]*"/g, '=""');
  assert.doesNotMatch(main.replaceAll('<script type="" id="">', ""), /<(script|img)/);
  assert.match(
    html,
    /default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-[^;]*; base-uri/,
  );
  const live = await renderRunsPage(runs, { folder: "", revision: 3 });
  assert.match(live, /script-src 'sha256-[^;]*; connect-src 'self'; base-uri/);
});

/** A request whose host is what it says. */
function ask(
  port: number,
  path: string,
  host: string,
  method = "GET",
): Promise<{ status?: number; text: string }> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, method, headers: { host } }, async (answer) => {
      let text = "";
      for await (const part of answer) text += part;
      resolve({ status: answer.statusCode, text });
    }).on("error", reject).end();
  });
}

Deno.test("the server answers this machine by its own name, and only about its page", async () => {
  const runs = await Deno.makeTempDir();
  await using server = serveRuns(runs, 0);
  const { port, hostname } = server.addr, own = `127.0.0.1:${port}`;
  assert.equal(hostname, "127.0.0.1");
  const status = async (path: string, host = own, method?: string) =>
    (await ask(port, path, host, method)).status;
  assert.deepEqual([await status("/"), await status("/index.html", `localhost:${port}`)], [200, 200]);
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1", `127.0.0.1:${port + 1}`]) {
    for (const path of ["/", "/changes?since=0"]) assert.equal(await status(path, host), 421, host);
  }
  for (const path of ["/../spec.json", "/data", "/%2e%2e/deno.json"]) {
    assert.equal(await status(path), 404, path);
  }
  for (const method of ["POST", "PUT", "DELETE"]) assert.equal(await status("/", own, method), 405);
  assert.throws(() => serveRuns(runs, port), {
    name: "EnvironmentError",
    message: `Port ${port} is taken. Name another one, or leave out --port.`,
  });
  await Deno.remove(runs, { recursive: true });
});

Deno.test("changes since a revision are those that came after it", async () => {
  const runs = await Deno.makeTempDir();
  await using server = serveRuns(runs, 0);
  const { port } = server.addr;
  const since = async (revision: number): Promise<Changes> =>
    JSON.parse((await ask(port, `/changes?since=${revision}`, `localhost:${port}`)).text);
  const ids = ({ runs }: Changes) => runs.map(({ id }) => id);
  const [one, other] = [spec, { ...spec, seed: 1 }];
  const first = await writeRun(runs, one, 3), before = await since(0);
  assert.deepEqual([before.order, ids(before)], [[first.slice(-12)], [first.slice(-12)]]);
  assert.deepEqual(await since(before.revision), {
    revision: before.revision,
    order: before.order,
    runs: [],
  });
  // One more step of it.
  await writeRun(runs, one, 4);
  const grown = await since(before.revision);
  assert.deepEqual([ids(grown), grown.head], [before.order, undefined]);
  assert.equal(grown.runs[0].tracks[0].epochs.length, 4);
  // Of two runs the seeds differ: a column more, in both.
  const second = await writeRun(runs, other, 4, "2026-02-01T00:00:00.000Z"),
    both = await since(grown.revision);
  assert.deepEqual(both.order, [second.slice(-12), first.slice(-12)]);
  assert.deepEqual(ids(both), both.order);
  assert.match(both.head!, />seed</);
  await Deno.remove(second, { recursive: true });
  const left = await since(both.revision);
  assert.deepEqual(left.order, before.order);
  assert.doesNotMatch(left.head!, />seed</);
  // A page of a server before this one has to learn all.
  assert.deepEqual(ids(await since(before.revision - 1e6)), before.order);
  await Deno.remove(runs, { recursive: true });
});
