import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "@std/path";
import "ini";
import { fileURLToPath } from "node:url";
import { exists } from "../../lib/base/files.ts";
import { writeNotebook } from "../../lib/notebook/ipynb.ts";
import { DENO_DIR } from "./deno_dir.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json"))) as {
  tasks: Record<string, { command: string }>;
};
const { tasks } = config;

/** Tasks that run programs of others with all rights: tests, a measurement against PyTorch. */
const UNRESTRICTED = /^(bench|test)(:|$)/;
/** Tasks that may write data, and what they fetch for the user. */
const WRITING = Object.keys(tasks).filter((name) => tasks[name].command.includes('--allow-write="data,'));

/** Where nothing may be written (but the numbers of README and manual by `report`), below the folders that stand for the project and for the user's home. */
const ELSEWHERE = [
  "lib/mod.ts",
  "deno.json",
  "README.md",
  "notebooks/manual.md",
  "../beside",
  "home/.bashrc",
  "home/.ssh/authorized_keys",
  "home/.cache/other/file",
];
const ALLOWED = ["data/runs/file", "data/temporary/file"];

/** Tries to write each of its arguments and prints those where it could. */
const PROBE = `for (const path of Deno.args) {
  try {
    Deno.writeTextFileSync(path, "", { append: true });
    console.log(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}`;

/** A project with the tasks of this one, which try to write instead, and with a home directory in it. */
async function probeProject(): Promise<string> {
  const project = join(await Deno.makeTempDir({ prefix: "it's a #1 " }), "project");
  for (
    const path of ["lib", "notebooks", "data/runs", "data/temporary", "home/.ssh", "home/.cache/other", "sub"]
  ) {
    await Deno.mkdir(join(project, path), { recursive: true });
  }
  for (const { command } of Object.values(tasks)) {
    for (const [program] of command.matchAll(/\S+\/(?:cache|registry)\.ts/g)) {
      await copyModule(program, project);
    }
  }
  // Deno has its packages from one registry, and would want them from another one, too.
  const ini = createRequire(import.meta.url).resolve("ini/package.json"),
    own = join(project, "node_modules", "ini");
  await Deno.mkdir(join(own, "lib"), { recursive: true });
  for (const file of ["package.json", "lib/ini.js"]) {
    await Deno.copyFile(join(dirname(ini), file), join(own, file));
  }
  const probing = Object.entries(tasks).map(([name, { command }]) => [
    name,
    { command: command.replace(/\S+$/, "--no-prompt --no-lock probe.ts") },
  ]);
  await Deno.writeTextFile(
    join(project, "deno.json"),
    JSON.stringify({ ...config, nodeModulesDir: "manual", tasks: Object.fromEntries(probing) }),
  );
  await Deno.writeTextFile(join(project, "probe.ts"), PROBE);
  return project;
}

/** Copies a module of this project and what it imports. */
async function copyModule(path: string, project: string): Promise<void> {
  const text = await Deno.readTextFile(join(root, path)), copy = join(project, path);
  if (await exists(copy)) return;
  await Deno.mkdir(dirname(copy), { recursive: true });
  await Deno.writeTextFile(copy, text);
  for (const [, imported] of text.matchAll(/from "(\..+)"/g)) {
    await copyModule(join(dirname(path), imported), project);
  }
}

/** Runs a task there; says what it could write. */
async function written(name: string, project: string, paths: string[], env: Record<string, string> = {}) {
  const home = join(project, "home");
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name, ...paths],
    cwd: join(project, "sub"),
    env: { DENO_DIR, HOME: home, INIT_CWD: join(project, "sub"), SJEA_CACHE: "", XDG_CACHE_HOME: "", ...env },
  }).output();
  const errors = new TextDecoder().decode(stderr);
  return { success, errors, paths: new TextDecoder().decode(stdout).trim().split("\n").filter(Boolean) };
}

for (const name of Object.keys(tasks)) {
  if (UNRESTRICTED.test(name)) continue;
  Deno.test(`deno task ${name} can write nowhere but where it has to`, async () => {
    const project = await probeProject(), outside = join(await Deno.makeTempDir(), "file");
    const { paths, errors } = await written(name, project, [...ELSEWHERE, outside, ...ALLOWED]);
    const own = name === "report" ? ["README.md", "notebooks/manual.md"] : [
      ...name === "reproduce" ? ["notebooks/manual.md"] : [],
      // Jupyter is given its kernel by way of a temporary folder.
      ...WRITING.includes(name) || name === "notebook" ? ALLOWED : [],
    ];
    assert.deepEqual(paths, own, errors);
  });
}

Deno.test({
  name: "tasks may write in the cache, wherever the user has it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const project = await probeProject(), scratch = await Deno.makeTempDir({ prefix: "scratch #2 " });
    const caches: [Record<string, string>, string][] = [
      [{}, join(project, "home", ".cache", "sjea")],
      [{ XDG_CACHE_HOME: scratch }, join(scratch, "sjea")],
      [{ SJEA_CACHE: join(scratch, "own") }, join(scratch, "own")],
      [{ SJEA_CACHE: "relative", XDG_CACHE_HOME: scratch }, join(project, "sub", "relative")],
      [{ SJEA_CACHE: "~/own" }, join(project, "home", "own")],
      [{ HOME: "" }, join(project, "data", ".cache", "sjea")],
    ];
    const files = caches.map(([, cache]) => join(cache, "file"));
    for (const [, cache] of caches) await Deno.mkdir(cache, { recursive: true });
    assert.ok(WRITING.length > 3);
    for (const [at, [env]] of caches.entries()) {
      for (const name of at === 0 ? WRITING : WRITING.slice(0, 1)) {
        const { paths, errors } = await written(name, project, files, env);
        // What is in data may always be written.
        assert.deepEqual(paths, [...new Set([files[at], files.at(-1)!])], errors);
      }
    }
    const { success, errors } = await written(WRITING[0], project, files, { SJEA_CACHE: "/a,/b" });
    assert.ok(!success);
    assert.match(
      errors,
      /^error: The cache is \/a,\/b, but Deno cannot .* Set SJEA_CACHE to another folder\.\n/,
    );
  },
});

/** Tasks that may start an engine, and so fetch ONNX Runtime. */
const COMPUTING = WRITING.filter((name) => name !== "data");

Deno.test("tasks may reach npm's registry, wherever the user has it, and else only the hosts of the project", async () => {
  const project = await probeProject();
  await Deno.writeTextFile(
    join(project, "probe.ts"),
    `for (const host of Deno.args) {
      if (Deno.permissions.querySync({ name: "net", host }).state === "granted") console.log(host);
    }`,
  );
  const mirrors = ["registry.npmjs.org", "mirror.example:4873", "other.example", "[::1]:4873"];
  const hosts = [
    "storage.googleapis.com",
    "www.cs.toronto.edu",
    "ai.stanford.edu",
    "example.org",
    ...mirrors,
  ];
  for (const name of WRITING) {
    const computes = COMPUTING.includes(name), own = computes ? hosts.slice(0, 3) : hosts.slice(1, 3);
    const reached = async (mirror: string, env: Record<string, string> = {}) => {
      const none = { NPM_CONFIG_REGISTRY: "", npm_config_registry: "" };
      const { paths, errors } = await written(name, project, hosts, { ...none, ...env });
      assert.deepEqual(paths, computes ? [...own, mirror] : own, errors);
    };
    await reached(mirrors[0]);
    await Deno.writeTextFile(join(project, "home", ".npmrc"), `registry=http://${mirrors[1]}/npm/\n`);
    await reached(mirrors[1]);
    await reached(mirrors[2], { NPM_CONFIG_REGISTRY: `https://${mirrors[2]}` });
    await Deno.writeTextFile(join(project, ".npmrc"), `registry=http://${mirrors[3]}\n`);
    await reached(mirrors[3]);
    await Deno.remove(join(project, ".npmrc"));
    await Deno.remove(join(project, "home", ".npmrc"));
  }
});

Deno.test("a notebook is executed without the system's temporary folder", async () => {
  const folder = await Deno.makeTempDir(), path = join(folder, "it.ipynb"), script = join(folder, "it.ts");
  const module = JSON.stringify(import.meta.resolve("../../lib/notebook/execute.ts"));
  await writeNotebook(path, {
    cells: [{
      ...{ cell_type: "code", id: "cell", metadata: {}, execution_count: null, outputs: [] },
      source: 'console.log(1);\nthrow new Error("on purpose");',
    }],
    ...{ metadata: {}, nbformat: 4, nbformat_minor: 5 },
  });
  await Deno.writeTextFile(
    script,
    `import { executeNotebook } from ${module};
    await executeNotebook(${JSON.stringify(path)}).catch(({ message }) => console.log(message));`,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--config=deno.json",
      "-P=reproduce",
      "--allow-net=127.0.0.1",
      `--allow-write=data,${folder}`,
      script,
    ],
    cwd: root,
    env: { TMPDIR: join(folder, "nowhere") },
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    `${path}: cell 1 (cell): Error: on purpose (line 2)\n`,
    new TextDecoder().decode(stderr),
  );
});

Deno.test("only tests and the measurement against others run with all rights", () => {
  const all = Object.keys(tasks).filter((name) => /-A|--allow-all|-P=(test|bench)/.test(tasks[name].command));
  assert.deepEqual(all, Object.keys(tasks).filter((name) => UNRESTRICTED.test(name)));
});
