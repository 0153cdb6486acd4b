import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { namedCluster } from "../../lib/compute/cluster.ts";
import { freeAddresses } from "../../lib/cli/processes.ts";
import { onTensorFlow } from "../engine.ts";
import { CONFIGS, type Outcome, outcomes } from "./share.ts";

/** Of terms, relative, and of how far tensors came, of the farthest. */
const CLOSE = 1e-4, NEAR = 1e-2;

/** The largest difference of two records of numbers. */
const apart = (a: Record<string, number[]>, b: Record<string, number[]>) =>
  Object.entries(a).flatMap(([name, values]) => values.map((value, at) => Math.abs(value - b[name][at])))
    .reduce((most, off) => off <= most ? most : off, 0);

const group = (moved: Outcome["moved"], name: string) =>
  Object.fromEntries(Object.entries(moved).filter(([path]) => path.startsWith(name)));

Deno.test({
  name: "two processes with half of each batch train what one process trains with all of it",
  ignore: !onTensorFlow,
  async fn() {
    const folder = await Deno.makeTempDir(), addresses = freeAddresses(2);
    const script = fileURLToPath(new URL("share.ts", import.meta.url));
    const files = addresses.map((_, task) => join(folder, `${task}.json`));
    const ended = files.map((file, task) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--config=deno.json", "-A", script, file],
        cwd: new URL("../..", import.meta.url),
        env: { SJEA_CLUSTER: addresses.join(), SJEA_TASK: `${task}`, SJEA_THREADS: "1" },
        stdout: "null",
      }).output()
    );
    for (const { code, stderr } of await Promise.all(ended)) {
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    }
    const [first, second] = await Promise.all(
      files.map(async (file): Promise<Record<string, Outcome>> => JSON.parse(await Deno.readTextFile(file))),
    );
    assert.deepEqual(second, first);
    const alone = await outcomes();
    for (const name of Object.keys(CONFIGS)) {
      const [ours, right] = [first[name], alone[name]];
      for (const [step, levels] of right.terms.entries()) {
        for (const [level, terms] of levels.entries()) {
          for (const [term, value] of Object.entries(terms)) {
            const off = Math.abs(ours.terms[step][level][term] / value - 1);
            assert.ok(off < CLOSE, `${name}, step ${step}, level ${level}, ${term} is off by ${off}`);
          }
        }
      }
      assert.ok(apart(right.levels, ours.levels) < CLOSE, `${name}: what the levels make`);
      for (const part of ["parameters", "statistics", ...name.includes("BYOL") ? ["momentum"] : []]) {
        const [own, theirs] = [ours, right].map(({ moved }) => group(moved, part));
        const way = Object.values(theirs).flat().reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        assert.ok(way > 0, `${name}, ${part}`);
        const off = apart(theirs, own);
        assert.ok(off < CLOSE && off < NEAR * way, `${name}: ${part} are off by ${off} on a way of ${way}`);
      }
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("what names a cluster names all its processes, and this one", () => {
  const named = (cluster: string, task: string) => {
    Deno.env.set("SJEA_CLUSTER", cluster);
    Deno.env.set("SJEA_TASK", task);
    try {
      return namedCluster();
    } finally {
      Deno.env.delete("SJEA_CLUSTER");
      Deno.env.delete("SJEA_TASK");
    }
  };
  assert.equal(namedCluster(), undefined);
  assert.deepEqual(named("a:1,b.c:65535", "1"), { addresses: ["a:1", "b.c:65535"], task: 1 });
  for (const cluster of ["a:1", "a:1,b", "a:1,b:0", "a:1, b:1"]) {
    assert.throws(() => named(cluster, "0"), {
      name: "UsageError",
      message: `SJEA_CLUSTER is "${cluster}"; expected the addresses of two processes or more, such as ` +
        "node1:4001,node2:4001.",
    });
  }
  for (const task of ["2", "-1", "x", ""]) {
    assert.throws(() => named("a:1,b:1", task), {
      name: "UsageError",
      message: `SJEA_TASK is "${task}"; expected which of the 2 addresses in SJEA_CLUSTER is that of this ` +
        "process, from 0 to 1.",
    });
  }
});
