import assert from "node:assert/strict";
import { learningRate, type ScheduleConfig } from "../../lib/training/schedule.ts";

const released: ScheduleConfig = { name: "released", base: 1e-3, warmupEpochs: 1 };
const vicreg: ScheduleConfig = { name: "vicreg", base: 0.3, warmupEpochs: 10 };

/** Equal but for rounding. */
function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-12 * Math.abs(expected), `${actual}, expected ${expected}`);
}

Deno.test("the released schedule rises from 2e-4 to 1e-3 over the first epoch", () => {
  close(learningRate(released, 0, 2000, 100), 2e-4);
  close(learningRate(released, 50, 2000, 100), 6e-4);
  close(learningRate(released, 100, 2000, 100), 1e-3);
});

Deno.test("the released schedule follows a cosine to 1e-6 that is 1.25 times as long as the run", () => {
  for (const step of [100, 101, 700, 1999, 2500]) {
    const cosine = Math.cos(Math.PI * (step - 100) / (1.25 * 2000 - 100));
    close(learningRate(released, step, 2000, 100), 1e-6 + 0.5 * (1e-3 - 1e-6) * (1 + cosine));
  }
  assert.ok(learningRate(released, 1999, 2000, 100) > 1e-4);
});

Deno.test("VICReg's schedule rises from 0 and ends at a thousandth of its peak", () => {
  assert.equal(learningRate(vicreg, 0, 2000, 10), 0);
  close(learningRate(vicreg, 25, 2000, 10), 0.075);
  assert.equal(learningRate(vicreg, 100, 2000, 10), 0.3);
  close(learningRate(vicreg, 1050, 2000, 10), 0.3 * (0.5 + 0.5 * 0.001));
  close(learningRate(vicreg, 2000, 2000, 10), 0.3 * 0.001);
});

Deno.test("a schedule rises, then falls, and is positive after its first step", () => {
  for (const config of [released, vicreg]) {
    const rates = Array.from({ length: 300 }, (_, step) => learningRate(config, step, 300, 7));
    const peak = config.warmupEpochs * 7;
    rates.slice(1).forEach((rate, at) => assert.ok(rate > 0 && (rate > rates[at]) === (at + 1 <= peak)));
    assert.equal(Math.max(...rates), config.base);
  }
});

Deno.test("a run without warm-up starts at its peak, a run shorter than its warm-up never reaches it", () => {
  for (const config of [released, vicreg]) {
    assert.equal(learningRate({ ...config, warmupEpochs: 0 }, 0, 10, 5), config.base);
    const rates = Array.from(
      { length: 10 },
      (_, step) => learningRate({ ...config, warmupEpochs: 9 }, step, 10, 5),
    );
    assert.ok(rates.every((rate) => rate >= 0 && rate < config.base));
  }
});

Deno.test("a cosine between rates that are named, or none at all", () => {
  const config: ScheduleConfig = { name: "cosine", base: 0.4, warmupEpochs: 10, start: 3e-5, final: 0.01 };
  close(learningRate(config, 0, 2000, 10), 3e-5);
  close(learningRate(config, 50, 2000, 10), (3e-5 + 0.4) / 2);
  close(learningRate(config, 100, 2000, 10), 0.4);
  close(learningRate(config, 1050, 2000, 10), (0.4 + 0.01) / 2);
  close(learningRate(config, 2000, 2000, 10), 0.01);
  for (const step of [100, 777, 1999]) close(learningRate({ ...config, final: 0.4 }, step, 2000, 10), 0.4);
});
