import assert from "node:assert/strict";
import { z } from "zod";
import { checked, nearest } from "../../lib/base/schema.ts";

const schema = z.strictObject({
  epochs: z.int().positive(),
  wiring: z.enum(["prepool", "embedding"]).default("prepool"),
  levels: z.array(z.strictObject({
    loss: z.discriminatedUnion("name", [
      z.strictObject({ name: z.literal("vicreg"), variance: z.number() }),
      z.strictObject({ name: z.literal("simclr"), temperature: z.number() }),
    ]),
    depth: z.literal([18, 50]).optional(),
  })),
});

const level = { loss: { name: "vicreg", variance: 1 } };
const told = (data: unknown) => {
  try {
    return checked(schema, data, (wrong) => new Error(wrong));
  } catch (error) {
    return (error as Error).message;
  }
};

Deno.test("what is right comes back with its defaults", () => {
  assert.deepEqual(told({ epochs: 1, levels: [level] }), { epochs: 1, wiring: "prepool", levels: [level] });
});

const CASES: [data: unknown, message: string][] = [
  [{ epoch: 1, epochs: 1, levels: [] }, "there is no field epoch. Did you mean epochs?"],
  [
    { epochs: 1, levels: [{ loss: { ...level.loss, zzzzz: 1 } }] },
    "there is no field levels.0.loss.zzzzz. Valid: name, variance, temperature.",
  ],
  [{ epochs: 1, levels: [], wiring: "prepol" }, 'wiring is "prepol". Did you mean prepool?'],
  [
    { epochs: 1, levels: [{ loss: { name: "vicrge", variance: 1 } }] },
    'levels.0.loss.name is "vicrge". Did you mean vicreg?',
  ],
  [{ epochs: 1, levels: [{ ...level, depth: 19 }] }, "levels.0.depth is 19. Valid: 18, 50."],
  [{ epochs: "3", levels: [] }, "epochs: Invalid input: expected number, received string."],
  [{ epochs: 1 }, "levels: Invalid input: expected array, received undefined."],
  [null, "Invalid input: expected object, received null."],
];
for (const [data, message] of CASES) {
  Deno.test(`${JSON.stringify(data)} is refused`, () => assert.equal(told(data), message));
}

Deno.test("the nearest name is near", () => {
  const names = ["encoder", "projector", "loss", "weight"];
  assert.equal(nearest("encodr", names), "encoder");
  assert.equal(nearest("Weihgt", names), "weight");
  assert.equal(nearest("temperature", names), undefined);
  assert.equal(nearest("x", names), undefined);
  assert.equal(nearest("x", []), undefined);
});
