import assert from "node:assert/strict";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { type Cell, writeNotebook } from "../../lib/notebook/ipynb.ts";

const SCRIPT = fileURLToPath(new URL("../../lib/cli/check_notebooks.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Checks a notebook of these cells, which stands where `../lib` resolves. */
async function check(...sources: string[]): Promise<{ code: number; findings: string[]; summary: string }> {
  const folder = await Deno.makeTempDir({ dir: ROOT, prefix: ".check_test_" });
  try {
    const cells = sources.map((source, at): Cell =>
      source.startsWith("#")
        ? { cell_type: "markdown", id: `cell-${at}`, metadata: {}, source }
        : { cell_type: "code", id: `cell-${at}`, metadata: {}, source, execution_count: null, outputs: [] }
    );
    const path = join(folder, "00_it.ipynb"), metadata = { kernelspec: { name: "deno" } };
    await writeNotebook(path, { cells, metadata, nbformat: 4, nbformat_minor: 5 });
    const before = await Deno.readTextFile(path);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", SCRIPT, folder],
      cwd: ROOT,
    }).output();
    assert.deepEqual(
      [...Deno.readDirSync(folder)].map(({ name }) => name),
      ["00_it.ipynb"],
      "nothing is left",
    );
    assert.equal(await Deno.readTextFile(path), before);
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    const findings = text(stderr).replaceAll(`${path}: `, "").split(/\n(?=cell )/);
    return { code, findings: findings.filter(Boolean), summary: text(stdout) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a good notebook has no findings", async () => {
  const found = await check(
    "# Title\n\nText.",
    'import { humanBytes } from "../lib/base/files.ts";\n\nconst size = await Promise.resolve(1000);',
    "",
    "// Uses what another cell made.\nconsole.log(humanBytes(size));",
    'import { join } from "@std/path";\nconsole.log(join("a", "b"));',
  );
  assert.deepEqual(found, { code: 0, findings: [], summary: "Notebooks: 1, findings: 0" });
});

Deno.test("findings name the cell and the line in it", async () => {
  const { code, findings, summary } = await check(
    "# Title",
    "const count = 1;\nconsole.log(count);",
    'console.log("");\nconst wrong: number = "text";\nconsole.log(wrong);',
    "const unused = 1;",
    "console.log( 'single' )",
    "# Title\n* item",
    'import { missing } from "../lib/base/files.ts";\nmissing();',
  );
  assert.equal(code, 1);
  assert.equal(summary, "Notebooks: 1, findings: 5");
  assert.match(
    findings[0],
    /^cell 3 \(cell-2\), line 2: TS2322 .*Type 'string' is not assignable to type 'number'\./,
  );
  assert.match(findings[1], /^cell 7 \(cell-6\), line 1: TS2305 .* has no exported member 'missing'\./);
  assert.equal(findings[2], "cell 4 (cell-3), line 1: `unused` is never used (no-unused-vars)");
  assert.match(findings[3], /^cell 5 \(cell-4\): not formatted; deno fmt .*it\.ipynb does it$/);
  assert.match(findings[4], /^cell 6 \(cell-5\): not formatted; /);
});

Deno.test("code that cannot be parsed is one finding", async () => {
  const { code, findings } = await check("console.log(1);", "\nconst = 3;");
  assert.equal(code, 1);
  assert.equal(findings.length, 1);
  assert.match(findings[0], /^cell 2 \(cell-1\), line 2: SyntaxError: Unexpected token/);
});
