import "../needs.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { cacheFolder } from "../../lib/base/places.ts";
import { cifar10 } from "../../lib/data/cifar10.ts";
import { cifar100 } from "../../lib/data/cifar100.ts";
import { findTinyImagenet } from "../../lib/data/tiny_imagenet.ts";

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const DATA = Deno.env.get("SJEA_DATA"), place = { folder: DATA ?? "" };
const CIFAR = DATA && await cifar10.find!(place) && await cifar100.find!(place);
const TINY = CIFAR && await findTinyImagenet(place);
if (!CIFAR) console.log("SJEA_DATA has not both CIFAR data sets: the test of the tasks on them is skipped.");
if (!TINY) {
  console.log("SJEA_DATA has no unpacked Tiny ImageNet besides: the test of the tasks on it is skipped.");
}

/** As little of a run and of its evaluation as tells whether classes are told apart. */
const SPEC = [
  ...["data.images=900", "batch=64", "epochs=1"],
  ...[
    "levels.0.encoder.width=8",
    "levels.1.encoder.width=8",
    "levels.0.projector=32",
    "levels.1.projector=32",
  ],
].map((field) => `--set=${field}`);
const EVALUATION = [
  ...["--preset=smoke", "--set=trainImages=900", "--set=heldOutImages=200", "--set=testImages=900"],
  ...["--set=neighbours=10", "--set=probeEpochs=2"],
];

Deno.test({
  name:
    "real data sets: trained on, evaluated at each level of labels and by transfer, with the tasks' own rights",
  ignore: !CIFAR,
  fn: async (test) => {
    await Deno.mkdir(cacheFolder(), { recursive: true });
    const runs = await Deno.makeTempDir({ dir: cacheFolder(), prefix: "tests of data sets " });
    const task = async (...args: string[]) => {
      const options = {
        args: ["task", "--quiet", "--config", CONFIG, ...args, `--runs=${runs}`],
        env: { NO_COLOR: "1" },
      };
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
      const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trimEnd());
      assert.equal(code, 0, errors);
      return out;
    };
    const trained = async (name: string) => {
      const spec = join(runs, `${name}.json`);
      await Deno.writeTextFile(spec, JSON.stringify({ extends: "smoke/s-jea", data: { dataset: { name } } }));
      return /^([0-9a-f]{12}) is trained/.exec(await task("train", spec, ...SPEC))![1];
    };
    /** k-NN of stack 0 in percent. */
    const evaluated = async (id: string, images: string, ...options: string[]) => {
      const out = await task("evaluate", id, ...EVALUATION, ...options);
      assert.ok(out.includes(`: 900 test images of ${images}, bank of 900, `), out);
      return Number(/^stack 0 +\S+ +(\S+)$/m.exec(out)![1]);
    };
    try {
      let id = "";
      await test.step("trained on CIFAR-100, evaluated at both levels of its labels", async () => {
        id = await trained("cifar100");
        const coarse = await evaluated(id, "cifar100 (coarse)", "--labels=coarse");
        const fine = await evaluated(id, "cifar100");
        // Three standard errors above what chance gives, 5 and 1 of 100.
        assert.ok(coarse > 7.2 && fine > 2 && coarse > fine, `${coarse} and ${fine}`);
      });
      await test.step("trained on CIFAR-10, evaluated on CIFAR-100", async () => {
        id = await trained("cifar10");
        const fine = await evaluated(id, "cifar100", "--dataset=cifar100");
        assert.ok(fine > 2, `${fine}`);
      });
      await test.step({
        name: "and on Tiny ImageNet's groups of classes, which a table names",
        ignore: !TINY,
        fn: async () => {
          const groups = await evaluated(
            id,
            "tinyimagenet (group)",
            "--dataset=tinyimagenet",
            "--labels=group",
          );
          // As above: who guesses each group as often as it is there is right in 8.7 of 100.
          assert.ok(groups > 11.5, `${groups}`);
        },
      });
    } finally {
      await Deno.remove(runs, { recursive: true });
    }
  },
});
