import assert from "node:assert/strict";
import { join } from "@std/path";
import { trainingBytes } from "../../../lib/experiments/estimate.ts";
import { logOf, type Wishes } from "../../../lib/experiments/executors/executor.ts";
import { slurmKind } from "../../../lib/experiments/executors/slurm.ts";
import { arraysOf, jobArray, quote, submission } from "../../../lib/experiments/executors/slurm_script.ts";
import { planSweep } from "../../../lib/experiments/sweep.ts";
import { type SweepResults, sweepTable } from "../../../lib/experiments/sweep_results.ts";
import { readOrigins } from "../../../lib/training/origin.ts";
import { until } from "../../training/tiny.ts";
import { inFolder, refusal, startSweep, SWEEP, trainApart, weightsDigest, WILD } from "../sweeps.ts";
import { startCluster, whyNone } from "./cluster.ts";

const HOSTILE = "a b  c'd\"e$HOME`f`\\g\n*#;&|(h)!{1,2}~";

/** What bash prints, each text ended by NUL. */
async function bash(script: string, env: Record<string, string> = {}): Promise<string[]> {
  const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", script], env }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

Deno.test({
  name: "whatever is in names, a shell reads each word as it is",
  ignore: Deno.build.os === "windows",
  async fn() {
    assert.deepEqual(await bash(`printf '%s\\0' ${["", HOSTILE].map(quote).join(" ")}`), ["", HOSTILE]);
    await inFolder(
      { ...SWEEP, variants: { [HOSTILE]: {}, plain: { stopGradient: true } } },
      async (path, runs) => {
        const { rounds: [configurations] } = await planSweep(path, { runs: join(runs, HOSTILE) });
        const all = configurations.flatMap(({ runs }) => runs);
        const array = await jobArray(all, "name", {
          ...{ partition: HOSTILE, nodes: 1, limit: "2", setup: "module load x" },
        });
        for (const [at, run] of all.entries()) {
          const [head] = array.script.split("\nexec ");
          const words = await bash(`${head}\nprintf '%s\\0' "$folder" "$log" "\${training[@]}"`, {
            SLURM_ARRAY_TASK_ID: `${at}`,
          });
          assert.deepEqual(words, [run.folder, logOf(run), Deno.execPath(), ...await run.command()]);
        }
        assert.ok(array.args.includes("--array=0-3%2"));
        assert.ok(array.script.includes("\nmodule load x\n"));
        const submitted = `sbatch() { printf '%s\\0' "$@"; cat; printf '\\0'; }\n${
          submission(array, "name")
        }`;
        assert.deepEqual(await bash(submitted), [...array.args, array.script]);
      },
    );
  },
});

Deno.test("what is asked of Slurm is what the options say; the rest is left to it", async () => {
  await inFolder({ ...SWEEP, variants: { small: {}, large: { batch: 48 } } }, async (path, runs) => {
    const { rounds: [configurations] } = await planSweep(path, { runs });
    const all = configurations.flatMap(({ runs }) => runs);
    const own = ["--partition=gpu", "--gres=gpu:1", "--cpus-per-task=8", "--time=4:00:00"];
    const wishes = { partition: "gpu", gres: "gpu:1", cpus: "8", time: "4:00:00", "array-limit": "3" };
    const preview = async (wishes: Wishes) => (await slurmKind.preview!(wishes, all)).split("\n")[0];
    const [told, plain] = [await preview(wishes), await preview({})];
    for (const option of own) {
      assert.ok(told.includes(` '${option}'`) && !plain.includes(option.split("=")[0]));
    }
    assert.ok(told.includes("'--array=0-3%3'") && plain.includes("'--array=0-3'"));
    const memory = (nodes: number) => {
      const shares = all.map(({ spec }) => trainingBytes({ ...spec, batch: spec.batch / nodes }));
      return `'--mem=${Math.ceil(1.5 * Math.max(...shares) / 2 ** 20)}M'`;
    };
    assert.ok(plain.includes(`'--nodes=1' '--ntasks=1' '--ntasks-per-node=1' ${memory(1)}`), plain);
    const two = await preview({ nodes: "2" });
    assert.ok(two.includes(`'--nodes=2' '--ntasks=2' '--ntasks-per-node=1' ${memory(2)}`), two);
    for (const name of ["nodes", "cpus", "array-limit"]) {
      assert.throws(() => slurmKind.open({ [name]: "0" }), {
        name: "UsageError",
        message: `--${name} takes a whole number from 1 on, not "0".`,
      });
    }
  });
});

Deno.test({
  name: "on two machines a training is a process on each, which know all addresses",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inFolder({ ...SWEEP, variants: {} }, async (path, runs) => {
      const { rounds: [[{ runs: [run] }]] } = await planSweep(path, { runs });
      const { script } = await jobArray([run], "name", { nodes: 2 }), [head] = script.split("\nelement=");
      const words = await bash(
        `scontrol() { [ "$*" = "show hostnames n[1,7]" ] && printf 'n1\nn7\n'; }
        ${
          head.replace("exec >", "true >")
        }\nprintf '%s\\0' "\${SJEA_TASK-none}" "$SJEA_CLUSTER" "\${training[@]}"`,
        {
          ...{ SLURM_ARRAY_TASK_ID: "0", SLURM_JOB_ID: "20123", SLURM_JOB_NODELIST: "n[1,7]" },
          ...{ SLURM_CPUS_ON_NODE: "4", SJEA_TASK: "9" },
        },
      );
      assert.deepEqual(words, [
        ...["none", "n1:10123,n7:10123", "srun", "--nodes=2", "--ntasks=2", "--cpus-per-task=4"],
        ...[Deno.execPath(), ...await run.command()],
      ]);
    });
  },
});

Deno.test("where there is no Slurm, that is said", async () => {
  await inFolder({ ...SWEEP, variants: {} }, async (path, runs) => {
    const { rounds: [[{ runs: [run] }]] } = await planSweep(path, { runs }), own = Deno.env.get("PATH")!;
    Deno.env.set("PATH", path);
    try {
      await assert.rejects(slurmKind.open({}).train([run], () => {}), {
        name: "EnvironmentError",
        message: "There is no squeue on the PATH. --executor slurm needs a machine of a cluster.",
      });
    } finally {
      Deno.env.set("PATH", own);
    }
  });
  for (const options of [["--dry-run"], ["--dry-run", "--executor=local", "--jobs=1"]]) {
    assert.equal(
      await refusal("none.json", ...options),
      "error: --dry-run is an option of --executor slurm.\n",
    );
  }
});

Deno.test("of more than a thousand runs each is in one array, under a name of its own", async () => {
  await inFolder({ ...SWEEP, variants: {} }, async (path, runs) => {
    const { rounds: [[{ runs: [run] }]] } = await planSweep(path, { runs });
    const all = Array.from({ length: 2001 }, (_, at) => ({ ...run, id: `${at}` })), arrays = arraysOf(all);
    assert.deepEqual(arrays.map(({ part }) => part.length), [1000, 1000, 1]);
    assert.deepEqual(arrays.flatMap(({ part }) => part), all);
    assert.equal(new Set(arrays.map(({ name }) => name)).size, 3);
  });
});

Deno.test({
  name: "ten thousand runs are planned in 10 s and 250 MB beside the engine",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const weights = Array.from({ length: 1000 }, (_, at) => (at + 1) / 1000);
    const seeds = Array.from({ length: 10 }, (_, at) => at);
    await inFolder({ ...SWEEP, grid: { "levels.1.weight": weights }, seeds }, async (path, runs) => {
      const script = join(path, "..", "plan.ts");
      const from = (path: string) => JSON.stringify(import.meta.resolve(`../../../lib/${path}`));
      await Deno.writeTextFile(
        script,
        `import { start } from ${from("compute/backend.ts")};
        import { planSweep } from ${from("experiments/sweep.ts")};
        await start();
        const status = () => Deno.readTextFileSync("/proc/self/status");
        const megabytes = () => Number(/VmHWM:\\s+(\\d+) kB/.exec(status())[1]) / 1000;
        const engine = megabytes(), before = process.cpuUsage();
        const { rounds: [all] } = await planSweep(${JSON.stringify(path)}, { runs: ${JSON.stringify(runs)} });
        const { user, system } = process.cpuUsage(before);
        console.log(all.flatMap(({ runs }) => runs).length);
        console.log((user + system) / 1e6);
        console.log(megabytes() - engine);`,
      );
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--config=deno.json", "-A", script],
        cwd: new URL("../../..", import.meta.url),
      }).output();
      const [count, seconds, megabytes] = new TextDecoder().decode(stdout).trim().split("\n").map(Number);
      assert.equal(count, 10_000, new TextDecoder().decode(stderr));
      assert.ok(seconds < 10, `${seconds} s`);
      assert.ok(megabytes < 250, `${megabytes} MB`);
    });
  },
});

const none = await whyNone();

/** Epochs of a run that trains when Slurm looks at its time limit, twice a minute, and of one without end. */
const LONG = { epochs: 400 }, ENDLESS = { epochs: 1_000_000 };

Deno.test({
  name:
    "on a real Slurm one is killed, one reaches its time limit, one is cancelled, one diverges, the controller " +
    `is restarted, who follows them leaves: the rest end as trained here${none ? ` (skipped: ${none})` : ""}`,
  ignore: none !== undefined,
  async fn() {
    const variants = { short: {}, killed: { epochs: 100 }, limited: LONG, cancelled: ENDLESS, wild: WILD };
    await inFolder({ ...SWEEP, variants, seeds: [0] }, async (path, runs) => {
      await using cluster = await startCluster();
      const sweep = () => startSweep(path, runs, { executor: "slurm", cpus: "1", setup: "echo set up" });
      const { rounds: [configurations] } = await planSweep(path, { runs });
      const [short, killed, limited, cancelled] = configurations.map(({ runs: [run] }) => run);
      const first = await sweep();
      await until(async () => await killed.done() > 5 && await limited.done() > 5);
      const [array] = (await cluster.slurm("squeue", "--noheader", "--array", "--format=%F")).split("\n");
      const pid = /^process (\d+) on/.exec(await Deno.readTextFile(join(killed.folder, "lock")))![1];
      Deno.kill(Number(pid), "SIGKILL");
      await cluster.slurm("scontrol", "update", `JobId=${array}_2`, "TimeLimit=1");
      first.kill("SIGINT");
      const { code, stderr } = await first.output(), errors = new TextDecoder().decode(stderr);
      assert.equal(code, 130, errors);
      assert.ok(errors.includes(`scancel ${array} cancels them.`), errors);
      await cluster.restart();
      const second = await sweep();
      for (const [element, limit] of [[`${array}_1`, []], [`${array}_2`, ["TimeLimit=60"]]] as const) {
        await until(async () => {
          const job = await cluster.slurm("scontrol", "show", "job", element);
          return /JobState=PENDING [^]* Restarts=1 /.test(job);
        });
        // Slurm would wait for two minutes.
        await cluster.slurm("scontrol", "update", `JobId=${element}`, "StartTime=now+10", ...limit);
      }
      await until(async () => await cancelled.done() > 5);
      await cluster.slurm("scancel", `${array}_3`);
      const last = await second.output(), said = new TextDecoder().decode(last.stderr);
      assert.equal(last.code, 0, said);
      const results: SweepResults = JSON.parse(new TextDecoder().decode(last.stdout));
      const failed = results.runs.map(({ failed }) => failed);
      assert.deepEqual(failed.slice(0, 3), [null, null, null], said);
      assert.ok(failed[3]!.startsWith(`The training (job ${array}_3) ended as CANCELLED.`), said);
      assert.match(failed[4]!, /^Training diverged: /);
      assert.deepEqual(sweepTable(results).notes.slice(1), [
        "Without an encoder: cancelled, seed 0; wild, seed 0.",
      ]);
      assert.match(await Deno.readTextFile(logOf(short)), /^set up\n/);
      const { rounds: [here] } = await planSweep(path, { runs: join(runs, "..", "here") });
      for (const [at, run] of [short, killed, limited].entries()) {
        const origins = await readOrigins(run.folder);
        assert.equal(origins.length, at === 0 ? 1 : 2, run.title);
        assert.ok(origins.every(({ threads }) => threads === 1));
        await trainApart(here[at].runs, 1);
        assert.deepEqual(
          await weightsDigest(run.folder),
          await weightsDigest(here[at].runs[0].folder),
          run.title,
        );
      }
    });
  },
});
