/**
 * The page of all runs from a server on this machine, which the page asks for what changed.
 *
 * @module
 */
import { EnvironmentError } from "../base/errors.ts";
import { runReader, type RunSummary, type Track } from "../experiments/run_summaries.ts";
import { renderRunsPage, runsTable } from "./runs_page.ts";

/** What changed since a revision. */
export interface Changes {
  /** The revision that this leads to. */
  readonly revision: number;
  /** The row of titles, if it changed. */
  readonly head?: string;
  /** Ids of all runs, in their order. */
  readonly order: readonly string[];
  /** Runs of which something changed. */
  readonly runs: readonly { readonly id: string; readonly row: string; readonly tracks: readonly Track[] }[];
}

/**
 * Serves the page of all runs, to this machine alone. A request for another host than this one, as a page of
 * somebody else's makes it whose name was bound to this address, is refused.
 *
 * @param runs Folder of all runs, read as requests come: of each run, what changed.
 * @param port Port to listen at; 0: a free one.
 * @returns The server.
 * @throws {EnvironmentError} The port is taken.
 */
export function serveRuns(runs: string, port: number): Deno.HttpServer<Deno.NetAddr> {
  const look = lookout(runs);
  try {
    const server = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, async (request) => {
      const { pathname, searchParams } = new URL(request.url), { addr } = server;
      const hosts = ["127.0.0.1", "localhost"].map((name) => `${name}:${addr.port}`);
      if (!hosts.includes(request.headers.get("host") ?? "")) return answer("not this host", PLAIN, 421);
      if (request.method !== "GET") return answer("pages are only read", PLAIN, 405);
      if (pathname === "/changes") {
        const since = Number(searchParams.get("since"));
        return answer(JSON.stringify((await look()).since(since)), "application/json");
      }
      if (pathname !== "/" && pathname !== "/index.html") return answer("no such page", PLAIN, 404);
      const { summaries, revision } = await look();
      return answer(
        await renderRunsPage(summaries, { folder: runs, revision }),
        "text/html; charset=utf-8",
      );
    });
    return server;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new EnvironmentError(`Port ${port} is taken. Name another one, or leave out --port.`);
  }
}

const PLAIN = "text/plain";

function answer(body: string, type: string, status = 200): Response {
  const headers = {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
  };
  return new Response(body, { status, headers });
}

/** What a look at the runs found. */
interface Look {
  readonly summaries: readonly RunSummary[];
  readonly revision: number;
  readonly since: (revision: number) => Changes;
}

/** Looks at a folder of runs, at one time once, and notes in which revision each part of the table changed last. */
function lookout(runs: string): () => Promise<Look> {
  const read = runReader(runs), rows = new Map<string, { row: string; run: RunSummary; changed: number }>();
  let head = { html: "", changed: 0 }, order = "";
  // No page knows a revision of a server that was started after it.
  let revision = Date.now();
  const look = async (): Promise<Look> => {
    const summaries = await read(),
      table = runsTable(summaries),
      ids = [...table.rows.keys()],
      next = revision + 1;
    const changed: boolean[] = [head.html !== table.head, order !== ids.join()];
    if (changed[0]) head = { html: table.head, changed: next };
    order = ids.join();
    for (const id of rows.keys()) if (!table.rows.has(id)) rows.delete(id);
    for (const run of summaries) {
      const row = table.rows.get(run.id)!, before = rows.get(run.id);
      const same = before?.row === row && before.run === run;
      changed.push(!same);
      if (!same) rows.set(run.id, { row, run, changed: next });
    }
    if (changed.includes(true)) revision = next;
    const now = revision;
    return {
      summaries,
      revision: now,
      since: (known) => ({
        revision: now,
        ...head.changed > known && { head: head.html },
        order: ids,
        runs: ids.flatMap((id) => {
          const { row, run, changed } = rows.get(id)!;
          return changed > known ? [{ id, row, tracks: run.tracks }] : [];
        }),
      }),
    };
  };
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const next = last.then(look, look);
    last = next;
    return next;
  };
}
