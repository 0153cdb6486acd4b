import assert from "node:assert/strict";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { DENO_DIR } from "./cli/deno_dir.ts";

Deno.test("without any TensorFlow the tests end with one message before the first", async () => {
  const empty = await Deno.makeTempDir(), root = fileURLToPath(new URL("..", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "test"],
    cwd: root,
    // Where nothing is, and nothing can be fetched.
    env: {
      ...{
        DENO_DIR,
        HOME: empty,
        PATH: empty,
        SJEA_CACHE: empty,
        SJEA_ENGINE: "",
        SJEA_LIBTENSORFLOW: "",
        VIRTUAL_ENV: "",
      },
      ...{ CONDA_PREFIX: "", NO_COLOR: "1", INIT_CWD: root, https_proxy: "http://127.0.0.1:1" },
    },
  }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 1, errors);
  assert.equal(out, "");
  const [, message, ...others] = errors.split(/^(?=error: )/m), lines = message.trimEnd().split("\n");
  assert.deepEqual(others, []);
  assert.equal(lines[0], "error: No libtensorflow was found, and none could be fetched. Tried:");
  assert.match(
    lines[1],
    new RegExp(`^  - the cache, ${join(empty, "libtensorflow")}: no libtensorflow there$`),
  );
  assert.match(lines.at(-1)!, /^Install TensorFlow for Python .* set SJEA_LIBTENSORFLOW to its folder\.$/);
  assert.equal(lines.length, 6, errors);
});
