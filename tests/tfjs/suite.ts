/**
 * Runs TensorFlow.js's own tests on this project's backend, compares each op call with the same call recorded
 * as a graph, and says where either differs from `expected.json`. `run.ts` starts it.
 *
 * @module
 */
import { backend, start } from "../../lib/compute/backend.ts";
import type { Binding } from "../../lib/compute/tensorflow/binding.ts";
import { tf } from "../../lib/compute/tf.ts";
import expected from "./expected.json" with { type: "json" };
import { surprises } from "./expected.ts";
import { loadTests, type Report } from "./jasmine.ts";
import { compareRecorded } from "./recorded.ts";

/** How many tests `@tensorflow/tfjs-core` has for a backend whose values can be read at once. */
const TESTS = 4225;

const [text = ""] = Deno.args;
const { name, version } = await start();
const recorded = compareRecorded(backend().binding as Binding);
const environment = await loadTests(tf.getBackend());
environment.configure({ specFilter: (test: { getFullName(): string }) => test.getFullName().includes(text) });

const ran = new Set<string>(), failed = new Map<string, string>();
let tests = 0;
function note({ fullName, failedExpectations }: Report): void {
  if (failedExpectations.length > 0) failed.set(fullName, failedExpectations[0].message);
}
environment.addReporter({
  specDone(report) {
    if (!["passed", "failed"].includes(report.status)) return;
    tests++;
    ran.add(report.fullName);
    note(report);
  },
  suiteDone: note,
  jasmineDone: (report) => note({ ...report, fullName: "all tests together" }),
});

const { log, warn, error } = console;
Object.assign(console, { log() {}, warn() {}, error() {} });
await environment.execute();
Object.assign(console, { log, warn, error });

const lines = [
  ...surprises(failed, expected.tests, (name) => text === "" || ran.has(name)),
  ...surprises(recorded.differences, expected.recorded, () => text === ""),
];
if (text === "" && tests !== TESTS) lines.push(`${tests} tests ran, not ${TESTS}`);
lines.forEach((line) => console.log(line));
console.log(
  `TensorFlow ${version}, ${name}: ${tests - failed.size} of TensorFlow.js's tests passed, ` +
    `${failed.size} failed; ${recorded.calls} calls of ${recorded.ops} ops recorded, ` +
    `${recorded.differences.size} kinds of difference; ${lines.length} of this unexpected`,
);
Deno.exit(lines.length > 0 ? 1 : 0);
