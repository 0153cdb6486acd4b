import assert from "node:assert/strict";
import { join } from "@std/path";
import { lock } from "../../lib/base/lock.ts";

/** A process that takes a lock, says so and keeps it. */
async function owner(path: string) {
  const script = `
    import { lock } from ${JSON.stringify(import.meta.resolve("../../lib/base/lock.ts"))};
    using _ = await lock(${JSON.stringify(path)});
    console.log("taken");
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, script);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--config=deno.json", "-A", file],
    cwd: new URL("../..", import.meta.url),
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

Deno.test("the second process waits and is told for whom; the lock of a killed one is free at once", async () => {
  const path = join(await Deno.makeTempDir(), "folder", "lock");
  const first = await owner(path);
  let name = "", taken = false;
  const second = lock(path, (owner) => name = owner).then((lock) => {
    taken = true;
    return lock;
  });
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.match(name, new RegExp(`^process ${first.pid} on .+`));
  assert.equal(taken, false);
  first.kill("SIGKILL");
  await first.status;
  (await second)[Symbol.dispose]();
  // Nobody is waited for now, and no name is left that could be mistaken for an owner.
  const third = await lock(path, () => assert.fail("it is free"));
  assert.match(await Deno.readTextFile(path), new RegExp(`^process ${Deno.pid} `));
  third[Symbol.dispose]();
});
