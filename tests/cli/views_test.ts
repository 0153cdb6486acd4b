import assert from "node:assert/strict";
import { join } from "@std/path";
import { decode } from "fast-png";
import { places } from "../../lib/base/places.ts";

async function views(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "views", ...args],
    cwd: join(places.lib, ".."),
    env: { NO_COLOR: "1" },
  }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  return { code, out, errors };
}

Deno.test("a picture of a run's views, with the task's own rights", async () => {
  const set = ["--set=data.dataset.train=64", "--set=data.images=32", "--set=data.dataset.test=10"];
  const of = async (...more: string[]) => {
    const { code, out, errors } = await views("smoke/s-jea", ...set, ...more);
    assert.equal(code, 0, errors);
    const { width, height, palette } = decode(await Deno.readFile(out));
    await Deno.remove(out);
    return { path: out, width, height, colours: palette!.length };
  };
  const one = await of("--images=2", "--pairs=1"), other = await of("--images=4", "--pairs=3");
  assert.ok(other.width > 2 * one.width && other.height > 1.8 * one.height, JSON.stringify([one, other]));
  assert.equal(one.path, other.path);
  // Grey views of grey images would have few colours.
  assert.ok(other.colours > 100);
  const blurred = await of("--set=view.blur=1");
  assert.notEqual(blurred.path, one.path);
});

Deno.test("an unknown field of a view is refused with what was meant", async () => {
  const { code, errors } = await views("smoke/s-jea", "--set=view.second.solarize=1");
  assert.equal(code, 1);
  assert.match(errors, /there is no field view\.second\.solarize\. Did you mean solarise\?/);
});
