import assert from "node:assert/strict";
import { commit, commitName, fingerprintOf } from "../../lib/base/code.ts";

Deno.test("a fingerprint is that of names and contents", async () => {
  const one = await fingerprintOf(["base/random.ts", "loss"]);
  assert.match(one, /^[0-9a-f]{12}$/);
  assert.equal(await fingerprintOf(["loss", "base/random.ts"]), one);
  assert.notEqual(await fingerprintOf(["loss"]), one);
  await assert.rejects(fingerprintOf(["nowhere"]), { name: "NotFound" });
});

Deno.test("the commit is git's, where there is one", async () => {
  const { commit: hash, dirty } = await commit();
  const git = async (...args: string[]) =>
    new TextDecoder().decode(
      (await new Deno.Command("git", { args, cwd: "lib", stderr: "null" }).output()).stdout,
    )
      .trim();
  const isRepository = await git("rev-parse", "--show-prefix").catch(() => "") === "lib/";
  assert.equal(hash, isRepository ? await git("rev-parse", "HEAD") : null);
  assert.equal(dirty, isRepository && await git("status", "--porcelain", ".") !== "");
});

Deno.test("a commit's name says when there are changes", () => {
  const commit = "0123456789abcdef";
  assert.equal(commitName({ commit, dirty: false }), "0123456");
  assert.equal(commitName({ commit, dirty: true }), "0123456 with changes");
  assert.equal(commitName({ commit: null, dirty: false }), "of an unknown commit");
});
