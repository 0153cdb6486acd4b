/**
 * Whether the tests notice when a number is wrong: changes one token of the code
 * at a time, in a copy, and runs the tests of that file. A mutant that survives
 * names a place whose value nothing checks (`deno task test:mutants`).
 *
 * @module
 */
import { basename, dirname, join, relative } from "@std/path";
import ts from "typescript";
import { generator, permutation } from "../lib/base/random.ts";
import { natural, parse } from "../lib/cli/parse.ts";

const ROOT = join(import.meta.dirname!, "..");

/** What is mutated: a file, or all files of a folder. */
const TARGETS = [
  "lib/loss",
  "lib/model",
  "lib/training/step.ts",
  "lib/training/optimiser.ts",
  "lib/evaluation",
];

/** Seconds that the tests of a file may take: ten on two cores, more beside other work. */
const LIMIT = 300;

/** One change. */
interface Mutant {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

type Kind = "killed" | "timed out" | "survived";

const OPERATORS: Record<string, readonly string[]> = {
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "<<": [">>"],
  ">>": ["<<"],
  "<": ["<=", ">"],
  "<=": ["<", ">"],
  ">": [">=", "<"],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
  "??": ["&&"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "/=": ["*="],
};

/** Methods and functions that are each other's operator. */
const METHODS: Record<string, string> = Object.fromEntries(
  [
    ["add", "sub"],
    ["mul", "div"],
    ["mean", "sum"],
    ["max", "min"],
    ["maximum", "minimum"],
    ["argMax", "argMin"],
    ["floor", "ceil"],
    ["every", "some"],
    ["sin", "cos"],
    ["greater", "greaterEqual"],
  ].flatMap(([one, other]) => [[one, other], [other, one]]),
);

/** A place of a file, and what may stand there instead. */
type Place = readonly [from: number, to: number, texts: readonly string[]];

/** The places of a node itself, its children left out. */
function placesAt(node: ts.Node, source: ts.SourceFile): Place[] {
  const text = (node: ts.Node) => node.getText(source);
  const place = (node: ts.Node, ...texts: string[]): Place => [node.getStart(source), node.end, texts];
  if (ts.isBinaryExpression(node)) {
    const texts = OPERATORS[text(node.operatorToken)];
    return texts ? [place(node.operatorToken, ...texts)] : [];
  }
  if (ts.isNumericLiteral(node)) {
    const value = Number(node.text), others = new Set([value + 1, value - 1, 2 * value, 0]);
    others.delete(value);
    return [place(node, ...[...others].map((other) => other < 0 ? `(${other})` : `${other}`))];
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [place(node, "false")];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [place(node, "true")];
  if (ts.isPrefixUnaryExpression(node) && /^[-!]/.test(text(node))) return [place(node, text(node.operand))];
  if (ts.isConditionalExpression(node)) return [place(node.condition, `!(${text(node.condition)})`)];
  if (ts.isIfStatement(node)) return [place(node.expression, `!(${text(node.expression)})`, "false")];
  if (ts.isExpressionStatement(node)) return [place(node, ";")];
  if (!ts.isCallExpression(node)) return [];
  const found: Place[] = [], { expression, arguments: given } = node;
  // The call left out: what it was called on, or called with, in its place.
  const method = ts.isPropertyAccessExpression(expression) ? expression : undefined;
  const object = method && !/^(tf|[A-Z]\w*)$/.test(text(method.expression)) ? method.expression : given[0];
  if (object) found.push(place(node, text(object)));
  if (method && METHODS[method.name.text]) found.push(place(method.name, METHODS[method.name.text]));
  // Neighbouring arguments exchanged, where that changes anything.
  const commutes = /^(Math\.(max|min)|tf\.(add|mul|maximum|minimum))$/.test(text(expression));
  given.slice(1).forEach((argument, at) => {
    const [one, other] = [text(given[at]), text(argument)];
    const between = source.text.slice(given[at].end, argument.getStart(source));
    const texts = commutes || one === other ? [] : [`${other}${between}${one}`];
    found.push([given[at].getStart(source), argument.end, texts]);
  });
  return found;
}

/** All places of a file that can be changed, each with its mutants. */
function placesOf(file: string): Mutant[][] {
  const content = Deno.readTextFileSync(join(ROOT, file));
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.Latest, true);
  const places: Mutant[][] = [];
  const visit = (node: ts.Node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    for (const [from, to, texts] of placesAt(node, source)) {
      places.push(texts.map((text) => ({ file, from, to, text })));
    }
    node.forEachChild(visit);
  };
  visit(source);
  return places;
}

function filesBelow(path: string): string[] {
  if (path.endsWith(".ts")) return [path];
  return [...Deno.readDirSync(join(ROOT, path))].flatMap(({ name }) => filesBelow(join(path, name)))
    .toSorted();
}

/** Whether a file imports more than types of another one of the project. */
function imports(file: string, other: string): boolean {
  const content = Deno.readTextFileSync(join(ROOT, file));
  const found = content.matchAll(/^import (?!type )[^"]* from "(\.[^"]+)";$/gm);
  return [...found].some(([, path]) => join(dirname(file), path) === other);
}

/** The tests that import a file, the one of its own name first, then those of files beside it that import it. */
function testsOf(file: string): string[] {
  const own = `/${basename(file, ".ts")}_test.ts`;
  const all = ["tests/loss", "tests/model", "tests/training", "tests/evaluation", "tests/fixtures_test.ts"]
    .flatMap(filesBelow).filter((test) => test.endsWith("_test.ts"))
    .toSorted((a, b) => Number(b.endsWith(own)) - Number(a.endsWith(own)));
  const testing = (file: string) => all.filter((test) => imports(test, file));
  const beside = filesBelow(dirname(file)).filter((other) => imports(other, file));
  return [...new Set([file, ...beside].flatMap(testing))];
}

/** A copy of the project that is changed a place at a time. */
class Copy implements Disposable {
  readonly #folder = Deno.makeTempDirSync();

  constructor() {
    for (const name of ["deno.json", "deno.lock", "README.md"]) {
      Deno.copyFileSync(join(ROOT, name), join(this.#folder, name));
    }
    for (const folder of ["lib", "tests"]) copyFolder(join(ROOT, folder), join(this.#folder, folder));
  }

  /** Runs Deno here, for some seconds at most. */
  async run(seconds: number, ...args: string[]): Promise<{ code: number; said: string }> {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.#folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      signal: AbortSignal.timeout(1000 * seconds),
    }).output();
    return { code, said: new TextDecoder().decode(stderr) };
  }

  async test(tests: readonly string[], seconds = LIMIT): Promise<Kind> {
    if (tests.length === 0) return "survived";
    const { code } = await this.run(
      seconds,
      ...["test", "--no-check", "--quiet", "--fail-fast", "-P=test"],
      ...tests,
    );
    return code === 0 ? "survived" : code === TIMED_OUT ? "timed out" : "killed";
  }

  /** Those of some mutants that type-check: all are checked at once, each as a file of its own. */
  async wellTyped(mutants: readonly Mutant[]): Promise<Mutant[]> {
    const paths = mutants.map(({ file }, at) => file.replace(/\.ts$/, `.mutant${at}.ts`));
    mutants.forEach((mutant, at) => Deno.writeTextFileSync(join(this.#folder, paths[at]), changed(mutant)));
    const { said } = await this.run(10 * LIMIT, "check", "--quiet", ...paths);
    paths.forEach((path) => Deno.removeSync(join(this.#folder, path)));
    const wrong = new Set([...said.matchAll(/\.mutant(\d+)\.ts:\d/g)].map(([, at]) => Number(at)));
    return mutants.filter((_, at) => !wrong.has(at));
  }

  async judge(mutant: Mutant, tests: readonly string[]): Promise<Kind> {
    const path = join(this.#folder, mutant.file);
    await Deno.writeTextFile(path, changed(mutant));
    try {
      return await this.test(tests);
    } finally {
      await Deno.copyFile(join(ROOT, mutant.file), path);
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** A file with its change. */
function changed({ file, from, to, text }: Mutant): string {
  const content = Deno.readTextFileSync(join(ROOT, file));
  return content.slice(0, from) + text + content.slice(to);
}

/** 128 + SIGTERM, with which a process ends whose time is over. */
const TIMED_OUT = 143;

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

/** A change as a reader finds it: place, line before, line after. */
function describe({ file, from, to, text }: Mutant): string {
  const content = Deno.readTextFileSync(join(ROOT, file));
  const begin = content.lastIndexOf("\n", from) + 1, end = (content + "\n").indexOf("\n", to);
  const line = content.slice(0, from).split("\n").length;
  const shown = (text: string) => text.trim().replaceAll(/\s+/g, " ");
  return `${file}:${line}\n  ${shown(content.slice(begin, end))}\n  ${
    shown(content.slice(begin, from) + text + content.slice(to, end))
  }`;
}

const { values } = parse({
  args: Deno.args,
  options: {
    seed: { type: "string", default: "0" },
    count: { type: "string", default: "200" },
    jobs: { type: "string", default: "1" },
  },
});
const seed = natural("seed", values.seed), count = natural("count", values.count);
const random = generator("mutants", seed);
const files = TARGETS.flatMap(filesBelow);
const places = files.flatMap(placesOf);
const tests = Object.fromEntries(files.map((file) => [file, testsOf(file)]));
const drawn = [...permutation(places.length, random)].flatMap((at) =>
  places[at][random.integer(places[at].length)] ?? []
);

const mutants: Mutant[] = [];
let illTyped = 0;
{
  using whole = new Copy();
  if (await whole.test([...new Set(Object.values(tests).flat())], 10 * LIMIT) !== "survived") {
    throw new Error("The tests fail without a mutant.");
  }
  // What does not type-check is no mutant: others are drawn.
  while (mutants.length < count && drawn.length > 0) {
    const some = drawn.splice(0, count - mutants.length), good = await whole.wellTyped(some);
    illTyped += some.length - good.length;
    mutants.push(...good);
  }
}

const judged: { mutant: Mutant; kind: Kind }[] = [], began = performance.now(), queue = [...mutants];
await Promise.all(
  Array.from({ length: natural("jobs", values.jobs) }, async () => {
    using copy = new Copy();
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const kind = await copy.judge(mutant, tests[mutant.file]);
      judged.push({ mutant, kind });
      if (kind !== "killed") console.log(`${kind}: ${describe(mutant)}`);
    }
  }),
);

const alive = judged.filter(({ kind }) => kind === "survived").length;
const late = judged.filter(({ kind }) => kind === "timed out").length;
const score = (killed: number, all: number) => `${killed} of ${all} (${(100 * killed / all).toFixed(1)} %)`;
console.log(
  `Seed ${seed}: ${score(judged.length - alive, judged.length)} killed, ${late} of them by the limit of ` +
    `${LIMIT} s. ${illTyped} more did not type-check; there are ${places.length} places. ` +
    `${Math.round((performance.now() - began) / 1000)} s.`,
);
for (const file of files) {
  const here = judged.filter(({ mutant }) => mutant.file === file);
  const killed = here.filter(({ kind }) => kind !== "survived").length;
  if (here.length > 0) console.log(`  ${relative("lib", file)}: ${score(killed, here.length)}`);
}
