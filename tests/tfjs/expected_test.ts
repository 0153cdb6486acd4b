import assert from "node:assert/strict";
import expected from "./expected.json" with { type: "json" };
import { surprises } from "./expected.ts";

const CAUSES = [{ cause: "a", failures: ["one", "two"] }, { cause: "b", failures: ["three"] }];
const failed = (...names: string[]) => new Map(names.map((name) => [name, `why ${name}`]));

Deno.test("failures as listed are no surprise", () => {
  assert.deepEqual(surprises(failed("three", "two", "one"), CAUSES), []);
});

Deno.test("a failure that is not listed is one, and so is a listed one that does not fail", () => {
  assert.deepEqual(surprises(failed("one", "four", "three"), CAUSES), [
    "failed and is not listed: four\n    why four",
    "listed, but did not fail: two",
  ]);
});

Deno.test("what was not tried may be listed", () => {
  assert.deepEqual(surprises(failed("one"), CAUSES, (name) => name === "one"), []);
});

Deno.test("every expected failure is listed once, with its cause", () => {
  for (const causes of [expected.tests, expected.recorded]) {
    const names = causes.flatMap(({ failures }) => failures);
    assert.equal(new Set(names).size, names.length);
    assert.ok(causes.every(({ cause, failures }) => cause.length > 20 && failures.length > 0));
  }
});
