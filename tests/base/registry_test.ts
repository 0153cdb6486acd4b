import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { exists } from "../../lib/base/files.ts";
import { places } from "../../lib/base/places.ts";
import { npmRegistry } from "../../lib/base/registry.ts";
import { DENO_DIR } from "../cli/deno_dir.ts";

const NAMES = ["NPM_CONFIG_REGISTRY", "npm_config_registry", "NPM_TOKEN", "HOME", "USERPROFILE"];

/** The registry that is found with such variables and such `.npmrc` files, what counts most first. */
async function found(variables: Record<string, string>, ...contents: string[]) {
  const before = NAMES.map((name) => Deno.env.get(name)), folder = await Deno.makeTempDir();
  const files = contents.map((_, at) => join(folder, `${at}.npmrc`));
  for (const [at, content] of contents.entries()) await Deno.writeTextFile(files[at], content);
  NAMES.forEach((name) => Deno.env.delete(name));
  Object.entries(variables).forEach(([name, value]) => Deno.env.set(name, value));
  try {
    const { url, headers } = await npmRegistry(files.length > 0 ? files : undefined);
    return [url, headers.authorization];
  } finally {
    NAMES.forEach((name, at) =>
      before[at] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[at])
    );
    await Deno.remove(folder, { recursive: true });
  }
}

const registry = (address: string) => `registry=${address}\n`;

Deno.test("the registry is the environment's, the project's, the home's, else npm's", async () => {
  const files = [registry("https://project.example/"), registry("https://home.example/a")];
  const upper = { NPM_CONFIG_REGISTRY: "https://upper.example/npm" };
  const lower = { npm_config_registry: "http://lower.example:4873" };
  assert.deepEqual(await found({ ...lower, ...upper }, ...files), ["https://upper.example/npm/", undefined]);
  assert.deepEqual(await found(lower, ...files), ["http://lower.example:4873/", undefined]);
  assert.deepEqual(await found({ NPM_CONFIG_REGISTRY: "" }, ...files), [
    "https://project.example/",
    undefined,
  ]);
  assert.deepEqual(await found({}, "fund=false", files[1]), ["https://home.example/a/", undefined]);
  assert.deepEqual(await found({}, "", "@scope:registry=https://other.example/"), [
    "https://registry.npmjs.org/",
    undefined,
  ]);
});

Deno.test({
  name: "the home's .npmrc is read, and a home without one is as good",
  // The project's would count more.
  ignore: await exists(places.npmrc),
  async fn() {
    const home = await Deno.makeTempDir(), read = () => found({ HOME: home });
    const [without] = await read();
    await Deno.writeTextFile(join(home, ".npmrc"), registry("https://home.example/"));
    assert.deepEqual([without, (await read())[0]], ["https://registry.npmjs.org/", "https://home.example/"]);
    await Deno.remove(home, { recursive: true });
  },
});

Deno.test("credentials are those for the address or the nearest folder above it, of whichever file", async () => {
  const at = registry("https://host.example/a/b/");
  for (const place of ["/a/b/", "/a/b", "/a/", "/a", "/", ""]) {
    const [, authorization] = await found({}, at, `//host.example${place}:_authToken=it\n`);
    assert.equal(authorization, "Bearer it", place);
  }
  for (const place of ["//host.example/c/", "//host.example/a/b/c/", "//host.example:8080/", "//host/", ""]) {
    assert.deepEqual(await found({}, at, `${place}:_authToken=it\n`), [
      "https://host.example/a/b/",
      undefined,
    ]);
  }
  const several = "//host.example/:_authToken=far\n//host.example/a/:_auth=bmVhcg==\n";
  assert.equal((await found({}, at, several))[1], "Basic bmVhcg==");
  const both = ["//host.example/:_authToken=project", "//host.example/:_authToken=home"];
  assert.equal((await found({}, at + both[0], both[1]))[1], "Bearer project");
  assert.equal((await found({ NPM_CONFIG_REGISTRY: "https://host.example" }, both[1]))[1], "Bearer home");
});

Deno.test("credentials are a token, a pair, or a name and a password", async () => {
  const given = async (...lines: string[]) =>
    (await found({ NPM_CONFIG_REGISTRY: "https://h/" }, lines.map((line) => `//h/:${line}\n`).join("")))[1];
  assert.equal(await given("_authToken=to=ken="), "Bearer to=ken=");
  assert.equal(await given("_auth=bWU6c2VjcmV0"), "Basic bWU6c2VjcmV0");
  assert.equal(await given("_auth=bWU6c2VjcmV0", "_authToken=it"), "Bearer it");
  assert.equal(await given("username=me", "_password=c2VjcmV0"), `Basic ${btoa("me:secret")}`);
  assert.equal(await given("username=me"), undefined);
});

Deno.test("the environment's variables are filled in; those that are not set stay, but for optional ones", async () => {
  const at = { NPM_CONFIG_REGISTRY: "https://h/" }, set = { ...at, NPM_TOKEN: "it" };
  const lines = ["${NPM_TOKEN}", "x-${NPM_TOKEN?}-y"].map((token) => `//h/:_authToken=${token}\n`);
  assert.equal((await found(set, lines[0]))[1], "Bearer it");
  assert.equal((await found(set, lines[1]))[1], "Bearer x-it-y");
  assert.equal((await found(at, lines[0]))[1], "Bearer ${NPM_TOKEN}");
  assert.equal((await found(at, lines[1]))[1], "Bearer x--y");
  assert.equal((await found(at, "//h/:_authToken=${NPM_TOKEN?}\n"))[1], undefined);
  assert.equal(
    (await found({ NPM_TOKEN: "h" }, registry("https://${NPM_TOKEN}.example/")))[0],
    "https://h.example/",
  );
});

Deno.test("what cannot be used is an error that keeps secrets; those in an address are dropped", async () => {
  for (const address of ["u:secret@host", "ftp://u:secret@host/", "https://a.example,b.example/", "none"]) {
    await assert.rejects(found({ NPM_CONFIG_REGISTRY: address }), {
      name: "EnvironmentError",
      message: "The registry that NPM_CONFIG_REGISTRY or .npmrc names is no address such as " +
        "https://registry.npmjs.org/: correct it there.",
    });
  }
  const at = { NPM_CONFIG_REGISTRY: "https://u:secret@host/a?b#c" };
  assert.deepEqual(await found(at), ["https://host/a/", undefined]);
  const token = "//host/:_authToken=${NPM_TOKEN}";
  assert.equal((await found({ ...at, NPM_TOKEN: "it" }, token))[1], "Bearer it");
  await assert.rejects(found({ ...at, NPM_TOKEN: "sec\nret" }, token), {
    name: "EnvironmentError",
    message:
      "The credentials for host in .npmrc have characters, such as a line's end, that cannot be sent: " +
      "correct them there, or in the environment variable that is named there.",
  });
});

Deno.test("a task may read the usual variables; of another one it says how to call it", async () => {
  const home = await Deno.makeTempDir(), script = join(home, "script.ts");
  await Deno.writeTextFile(
    script,
    `import { npmRegistry } from "${import.meta.resolve("../../lib/base/registry.ts")}";
    console.log(await npmRegistry().then(({ headers }) => headers.authorization, ({ message }) => message));`,
  );
  // Deno has its packages from this one, and would want them from another one, too.
  const { url } = await npmRegistry(), place = url.replace(/^https?:/, "");
  const root = fileURLToPath(new URL("../..", import.meta.url));
  for (
    const [name, said] of [
      ["NPM_TOKEN", "Bearer it"],
      ["NODE_AUTH_TOKEN", "Bearer it"],
      [
        "MY_TOKEN",
        ".npmrc names the environment variable MY_TOKEN, which this task may not read: call it NPM_TOKEN, " +
        "NODE_AUTH_TOKEN or something else that begins with NPM_.",
      ],
    ]
  ) {
    await Deno.writeTextFile(join(home, ".npmrc"), `${place}:_authToken=\${${name}}\n`);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--no-prompt",
        `--config=${join(root, "deno.json")}`,
        "-P=run",
        script,
      ],
      env: { HOME: home, NPM_CONFIG_REGISTRY: url, DENO_DIR, [name]: "it" },
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), said, new TextDecoder().decode(stderr));
  }
  await Deno.remove(home, { recursive: true });
});
