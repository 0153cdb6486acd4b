/**
 * CIFAR-100 (Krizhevsky 2009): small pictures of 100 fine classes in 20 coarse ones. A copy may have fewer
 * images than the official one, and no names of classes.
 *
 * @module
 */
import { type Cifar, cifarKind, type CifarLabel, type CifarLayout } from "./cifar.ts";
import type { DatasetKind } from "./dataset.ts";

function layout(folder: string, ending: string, names: CifarLayout["names"]): CifarLayout {
  const train = [`train${ending}`], test = `test${ending}`, files = [...train, test];
  return { folder, train, test, names, pickled: ending === "", shows: files, needs: files };
}

const labelOf = (kind: string, classes: number): CifarLabel => ({
  field: `${kind}_labels`,
  names: `${kind}_label_names`,
  classes,
});

/** What its copies look like. */
export const CIFAR100: Cifar = {
  name: "cifar100",
  title: "CIFAR-100",
  source: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    bytes: 168_513_733,
    md5: "03b5dce01913d631647c71ecec9e9cb8",
  },
  layouts: [
    layout("cifar-100-binary", ".bin", ({ names }) => `${names}.txt`),
    layout("cifar-100-python", "", () => "meta"),
  ],
  contents: "training images and test images",
  stem: "cifar-100-",
  mistaken: { title: "CIFAR-10", names: /^(cifar-10-|data_batch_|batches\.meta)/ },
  labels: [{ level: "coarse", ...labelOf("coarse", 20) }, labelOf("fine", 100)],
};

/** CIFAR-100, kept in a folder. */
export const cifar100: DatasetKind<unknown> = cifarKind(CIFAR100);
