/**
 * Data from outside, checked against a schema: the first fault is told with its
 * place, what is valid there, and the nearest name.
 *
 * @module
 */
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import { DataError } from "./errors.ts";

/** A node of a JSON schema, as far as it is looked at here. */
interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node | readonly Node[];
  readonly prefixItems?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
}

/**
 * The name that somebody may have meant.
 *
 * @param word What they wrote.
 * @param names What there is.
 * @returns The nearest one, or nothing where none is near.
 * @example
 * ```ts
 * import { nearest } from "./schema.ts";
 * if (nearest("widht", ["depth", "width"]) !== "width") throw new Error("not the nearest");
 * if (nearest("x", ["depth", "width"]) !== undefined) throw new Error("that is far");
 * ```
 */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const near = (name: string) => distance(word.toLowerCase(), name.toLowerCase());
  const [first] = names.toSorted((a, b) => near(a) - near(b));
  // Two letters that changed places are two changes.
  const most = Math.min(Math.max(2, word.length / 3), word.length - 1);
  return first !== undefined && near(first) <= most ? first : undefined;
}

/**
 * Checks data.
 *
 * @param schema What it should be.
 * @param data What it is.
 * @param fault Makes an error of what is wrong, a sentence such as `epochs: expected a number.`
 * @returns The data, with defaults filled in.
 */
export function checked<T>(schema: z.ZodType<T>, data: unknown, fault: (wrong: string) => Error): T {
  const { success, data: good, error } = schema.safeParse(data);
  if (success) return good;
  throw fault(explain(schema, data, error.issues[0]));
}

/**
 * Reads JSON and checks it.
 *
 * @param schema What it should be.
 * @param text JSON.
 * @param name Where it comes from, for messages.
 * @param advice What to do if it is wrong, a sentence.
 * @returns The data, with defaults filled in.
 * @throws {DataError} It is no JSON, or not what it should be.
 */
export function checkedJson<T>(schema: z.ZodType<T>, text: string, name: string, advice: string): T {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${name} is no JSON (${(error as Error).message}). ${advice}`);
  }
  return checked(schema, data, (wrong) => new DataError(`${name}: ${wrong} ${advice}`));
}

/** What is wrong, in a sentence. */
function explain(schema: z.ZodType, data: unknown, issue: z.core.$ZodIssue): string {
  const root = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Node;
  const { path, message } = issue, place = path.join(".");
  if (issue.code === "unrecognized_keys") {
    const [key] = issue.keys,
      names = at(root, path).flatMap(({ properties = {} }) => Object.keys(properties));
    return `there is no field ${[...path, key].join(".")}. ${suggest(key, [...new Set(names)])}`;
  }
  const ways = at(root, path).map((node) => node.enum ?? (node.const === undefined ? [] : [node.const]));
  const choices = [...new Set(ways.flat().map(String))], closed = ways.every((way) => way.length > 0);
  const given = path.reduce((value: unknown, key) => Object(value)[key], data);
  const meant = typeof given === "string" ? given : "";
  // Of what is nested, which may be endlessly deep, the place is enough.
  const named = choices.length > 0 && given !== undefined && Object(given) !== given;
  if (named && (closed || nearest(meant, choices) !== undefined)) {
    return `${place || "It"} is ${JSON.stringify(given)}. ${suggest(meant, choices)}`;
  }
  // Of a union that is none of names alone, each way has its own fault.
  const wrong = issue.code === "invalid_union" && issue.errors.every(([first]) => first?.path.length === 0)
    ? [...new Set(issue.errors.map(([first]) => first.message))].join("; or ")
    : message;
  return `${place && `${place}: `}${wrong}.`;
}

/**
 * What to say of a name that does not exist.
 *
 * @param word What they wrote.
 * @param names What there is.
 * @returns The nearest name, or all of them where none is near, as a sentence.
 */
export function suggest(word: string, names: readonly string[]): string {
  const meant = nearest(word, names);
  return meant === undefined ? `Valid: ${names.join(", ")}.` : `Did you mean ${meant}?`;
}

/** All nodes of a schema that a path can lead to. */
function at(node: Node, path: readonly PropertyKey[]): Node[] {
  const ways = [node.anyOf, node.oneOf].flatMap((nodes) => nodes ?? []);
  const here = ways.length > 0 ? ways.flatMap((way) => at(way, [])) : [node];
  if (path.length === 0) return here;
  const [key, ...rest] = path;
  return here.flatMap(({ properties, items, prefixItems }) => {
    const next = typeof key === "number" ? prefixItems?.[key] ?? items : properties?.[String(key)];
    return [next ?? []].flat().flatMap((next) => at(next as Node, rest));
  });
}

/**
 * A union of the options of a record's entries, told apart by the entry's name.
 *
 * @param tag The field that holds the name.
 * @param record The entries.
 * @returns Its schema.
 */
export function oneOf(
  tag: string,
  record: Readonly<Record<string, { readonly options: z.ZodObject }>>,
): z.ZodType {
  const [first, ...others] = Object.entries(record).map(([name, { options }]) =>
    z.strictObject({ [tag]: z.literal(name), ...options.shape })
  );
  return z.discriminatedUnion(tag, [first, ...others]);
}
