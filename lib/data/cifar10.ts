/**
 * CIFAR-10 (Krizhevsky 2009): small pictures of 10 classes.
 *
 * @module
 */
import { type Cifar, cifarKind, type CifarLayout } from "./cifar.ts";
import type { DatasetKind } from "./dataset.ts";

function layout(folder: string, ending: string, names: string): CifarLayout {
  const train = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}${ending}`);
  const test = `test_batch${ending}`, pickled = ending === "";
  const shows = [train[0], test], needs = [...train, test, names];
  return { folder, train, test, names: () => names, pickled, shows, needs };
}

/** What its copies look like. */
export const CIFAR10: Cifar = {
  name: "cifar10",
  title: "CIFAR-10",
  source: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
  },
  layouts: [
    layout("cifar-10-batches-bin", ".bin", "batches.meta.txt"),
    layout("cifar-10-batches-py", "", "batches.meta"),
  ],
  contents: "five training batches, a test batch and the names of its classes",
  stem: "cifar-10-",
  mistaken: { title: "CIFAR-100", names: /^cifar-100|^fine_label_names/ },
  labels: [{ field: "labels", names: "label_names", classes: 10 }],
  count: 10_000,
};

/** CIFAR-10, kept in a folder. */
export const cifar10: DatasetKind<unknown> = cifarKind(CIFAR10);
