import assert from "node:assert/strict";
import { UsageError } from "../../lib/base/errors.ts";
import { help, parseOptions } from "../../lib/cli/options.ts";
import { presets, presetSchema } from "../../lib/experiments/presets.ts";

const OPTIONS =
  "Options: --experiment, --all, --preset, --dataset, --seeds, --data, --set, --publish, --help.";

/** Checks the exact message for some arguments. */
function refuses(args: string[], message: string): void {
  Deno.test(`${args.join(" ")} is refused`, () => {
    assert.throws(() => parseOptions(args), new UsageError(message));
  });
}

Deno.test("no arguments: the defaults", () => {
  assert.deepEqual(parseOptions([]), {
    experiment: undefined,
    all: false,
    preset: undefined,
    dataset: "auto",
    seeds: undefined,
    data: undefined,
    set: [],
    publish: false,
    help: false,
  });
});

Deno.test("all options, in both spellings", () => {
  const args =
    "--experiment linear-evaluation --preset=smoke --dataset generated --seeds 2 --data=/d --set epochs=3 --set=batch=64 --publish --help";
  assert.deepEqual(parseOptions(args.split(" ")), {
    experiment: "linear-evaluation",
    all: false,
    preset: "smoke",
    dataset: "generated",
    seeds: 2,
    data: "/d",
    set: ["epochs=3", "batch=64"],
    publish: true,
    help: true,
  });
});

Deno.test("--all is every table", () => {
  const { experiment, all } = parseOptions(["--all"]);
  assert.deepEqual([experiment, all], ["all", true]);
});

refuses(
  ["--all", "--experiment", "linear-evaluation"],
  "--all does every table, --experiment linear-evaluation one alone: leave out one of them.",
);
refuses(["--presets", "cpu"], "Unknown option '--presets'. Did you mean --preset?");
refuses(["--plain", "cpu"], `Unknown option '--plain'. ${OPTIONS}`);
refuses(["--preset", "papr"], "--preset papr does not exist. Did you mean paper?");
refuses(
  ["--experiment=deep-vs-stack"],
  "--experiment deep-vs-stack does not exist. Did you mean deep-vs-stacked?",
);
refuses(["-p"], `Unknown option '-p'. ${OPTIONS}`);
refuses(["cpu"], `Unexpected argument 'cpu'. ${OPTIONS}`);
refuses(["--preset"], `Option '--preset <value>' argument missing. ${OPTIONS}`);
refuses(["--preset", "--help"], `Option '--preset' argument is ambiguous. ${OPTIONS}`);
refuses(["--help=yes"], `Option '--help' does not take an argument. ${OPTIONS}`);
refuses(["--preset", "huge"], "--preset huge does not exist. Valid: smoke, quick, cpu, evening, paper.");
refuses(
  ["--preset", "toString"],
  "--preset toString does not exist. Valid: smoke, quick, cpu, evening, paper.",
);
refuses(
  ["--experiment", "table-9"],
  "--experiment table-9 does not exist. Valid: all, linear-evaluation, deep-vs-stacked, projector-ablation.",
);
refuses(
  ["--dataset", "mnist"],
  "--dataset mnist does not exist. Valid: auto, cifar10, cifar100, stl10, tinyimagenet, folder, generated.",
);
for (const seeds of ["0", "1.5", "three", ""]) {
  refuses([`--seeds=${seeds}`], `--seeds takes a whole number from 1 on, not "${seeds}".`);
}

Deno.test("the help names every option, preset and field, with the preset's values", () => {
  // Of lines that are too long the rest stands below.
  const text = help("smoke").replace(/\n {21}/g, " ");
  for (const name of OPTIONS.match(/--\w+/g)!) assert(text.includes(`\n  ${name} `), name);
  for (const name of Object.keys(presets)) assert(text.includes(`\n  ${name} `), name);
  for (const [name, field] of Object.entries(presetSchema.shape)) {
    assert.match(
      text,
      new RegExp(`\n  ${name} +${presets.smoke[name as keyof typeof presets.smoke]} +`),
      name,
    );
    assert(text.includes(field.description!), name);
  }
});
