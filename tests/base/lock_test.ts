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
  let taken = false;
  const told = Promise.withResolvers<string>();
  const second = lock(path, told.resolve).then((lock) => {
    taken = true;
    return lock;
  });
  assert.match(await told.promise, new RegExp(`^process ${first.pid} on .+`));
  // Long enough for another try.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(taken, false);
  first.kill("SIGKILL");
  await first.status;
  (await second)[Symbol.dispose]();
  // Nobody is waited for now, and no name is left that could be mistaken for an owner.
  const third = await lock(path, () => assert.fail("it is free"));
  assert.match(await Deno.readTextFile(path), new RegExp(`^process ${Deno.pid} `));
  third[Symbol.dispose]();
});

Deno.test("an owner that has not written its name yet is told of once it has", async () => {
  const path = join(await Deno.makeTempDir(), "lock"), names: string[] = [];
  using owner = await Deno.open(path, { write: true, create: true });
  await owner.lock(true);
  const second = lock(path, (name) => names.push(name));
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(names, []);
  await owner.write(new TextEncoder().encode("process 1 on it\n"));
  while (names.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await owner.unlock();
  (await second)[Symbol.dispose]();
  assert.deepEqual(names, ["process 1 on it"]);
});
