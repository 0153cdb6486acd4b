/** Whether the sentences that a notebook's code wrote agree with the tables that stand beside them. */
import assert from "node:assert/strict";
import type { CodeCell, Notebook } from "../../lib/notebook/ipynb.ts";

/** Rows of a table: cells by column. Columns of one name are told apart by their number, as in `paper 2`. */
type Rows = readonly Readonly<Record<string, string>>[];

/** A check of the sentences below a table that has some columns. */
interface Check {
  readonly columns: readonly string[];
  readonly sentence: RegExp;
  readonly holds: (match: readonly string[], rows: Rows, line: number) => void;
}

const number = (cell: string) => Number(cell.replace("−", "-").split(" ")[0]);

/** The rows whose cell is the least or the largest. */
function extremes(rows: Rows, column: string, choose: (...values: number[]) => number): Rows {
  const value = choose(...rows.map((row) => number(row[column])));
  return rows.filter((row) => number(row[column]) === value);
}

/** The words for a row's differences, top-1 first; undefined where there are none. */
function words(row: Rows[number], [top1, knn]: readonly [string, string]): [string, string] | undefined {
  const both = [row[top1], row[knn]].map((cell) => {
    if (cell === undefined || cell === "–") return "";
    const value = number(cell), margin = number(cell.split("± ")[1] ?? "-1");
    if (Math.abs(value) <= margin) return "not told apart from";
    return value === 0 ? "level with" : value > 0 ? "above" : "below";
  });
  return both.includes("") ? undefined : both as [string, string];
}

function demandWords(text: string, [top1, knn]: readonly [string, string]): void {
  if (top1 === knn) assert.match(text, new RegExp(`is ${top1} .*in (both measures|either measure)$`));
  else assert.match(text, new RegExp(`is ${top1} .* in top-1 and ${knn} .* in k-NN$`));
}

const CHECKS: readonly Check[] = [
  {
    columns: ["run", "stack", "variance term"],
    sentence: /^- The (.+) (?:falls|rises|stays level) in .*; it ends lowest in (.+) \((.+)\)\.$/,
    holds: ([, term, names, value], rows) => {
      for (const row of extremes(rows, term, Math.min)) {
        assert.equal(row[term], value);
        assert.ok(names.includes(row.run), `${row.run} has the lowest ${term}, not ${names}`);
      }
    },
  },
  {
    columns: ["difference, in points", "top-1", "k-NN"],
    sentence: /^- (.+ is .+)\.$/,
    holds: ([, text], rows, line) => {
      const [, sentence, paper] = text.match(/^(.*?)(?:, as in the paper|; in the paper it (is .*))?$/)!;
      const ours = words(rows[line], ["top-1", "k-NN"])!, papers = words(rows[line], ["paper", "paper 2"]);
      demandWords(sentence, ours);
      assert.equal(text.endsWith(", as in the paper"), papers?.join() === ours.join());
      if (papers && papers.join() !== ours.join()) demandWords(paper, papers);
    },
  },
  {
    columns: ["run", "images a second"],
    sentence: /^(\S+) trains on (\d+) images a second, (.*)\.$/,
    holds: ([, run, speed, others], rows) => {
      assert.deepEqual([run, speed], [rows[0].run, rows[0]["images a second"]]);
      for (const { run, "images a second": own } of rows.slice(1)) {
        assert.ok(
          others.includes(`${run} on ${own} (${Math.round(100 * Number(own) / Number(speed))} %`),
          others,
        );
      }
    },
  },
  {
    columns: ["run", "stack 0", "stack 1", "length"],
    sentence: /^- Stack 1 uses more directions than stack 0 in (\d+) of (\d+) runs\.$/,
    holds: ([, more, all], rows) => {
      const above = rows.filter((row) => number(row["stack 1"]) > number(row["stack 0"]));
      assert.deepEqual([more, all], [`${above.length}`, `${rows.length}`]);
    },
  },
  {
    columns: ["representation", "silhouette", "RankMe"],
    sentence: /^The largest .* is that of (.+) \((.+)\)\. That of (.+) is (larger|not larger) \((.+)\)\. .*$/,
    holds: ([, names, value, untrained, larger, its], rows) => {
      const [first, ...others] = extremes(rows.slice(0, -1), "silhouette", Math.max), last = rows.at(-1)!;
      assert.equal(value, first.silhouette);
      for (const { representation } of [first, ...others]) assert.ok(names.includes(representation), names);
      assert.deepEqual([untrained, its], [last.representation, last.silhouette]);
      assert.equal(larger === "larger", number(its) > number(value));
    },
  },
  {
    columns: ["representation", "silhouette", "RankMe"],
    sentence: /^RankMe counts most directions in (.+) \((.+) of \d+\) and fewest in (.+) \((.+) of \d+\)\.$/,
    holds: ([, most, value, fewest, least], rows) => {
      const [top, bottom] = [Math.max, Math.min].map((choose) => extremes(rows, "RankMe", choose));
      assert.deepEqual([value, least], [top[0].RankMe, bottom[0].RankMe]);
      for (const { representation } of top) assert.ok(most.includes(representation), most);
      for (const { representation } of bottom) assert.ok(fewest.includes(representation), fewest);
    },
  },
  {
    columns: ["covariance weight", "stack 0", "stack 1"],
    sentence: /^With the lowered weight (.+?\)) and (.+?\))\. .*$/,
    holds: ([, ...parts], [plain, lowered]) =>
      parts.forEach((part, at) => {
        const stack = `stack ${at}`;
        assert.ok(
          part.startsWith(`${stack} uses ${lowered[stack]} directions instead of ${plain[stack]} (`),
          part,
        );
      }),
  },
];

/**
 * Checks a notebook's sentences.
 *
 * @param notebook An executed notebook.
 * @returns How many sentences were compared with a table.
 * @throws {AssertionError} A sentence says what its table does not.
 */
export function compareSentences({ cells }: Notebook): number {
  let compared = 0;
  const tables: Rows[] = [];
  for (const cell of cells) {
    for (const text of cell.cell_type === "code" ? shown(cell) : []) {
      const rows = tableIn(text);
      if (rows.length > 0) {
        tables.push(rows);
        continue;
      }
      const lines = text.split("\n").filter((line) => line !== "");
      for (const { columns, sentence, holds } of CHECKS) {
        const table = tables.findLast(([row]) => columns.every((column) => column in row));
        if (!table) continue;
        lines.map((line) => line.match(sentence)).filter((match) => match !== null)
          .forEach((match, at) => {
            holds(match, table, at);
            compared++;
          });
      }
    }
  }
  return compared;
}

/** Tables and sentences that a cell shows. */
function shown({ outputs }: CodeCell): string[] {
  return outputs.flatMap((output) => {
    if (output.output_type !== "display_data") return [];
    const { "text/html": html, "text/markdown": markdown } = output.data;
    return [html ?? markdown ?? []].flat() as string[];
  });
}

/** Rows of a table in HTML, or at the head of a text in Markdown; none if there is no table. */
function tableIn(text: string): Rows {
  const lines = text.startsWith("<table>")
    ? Array.from(
      text.matchAll(/<tr>.*<\/tr>/g),
      ([row]) => Array.from(row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g), ([, cell]) => cell),
    )
    : text.split("\n").filter((line) => /^\| (?!---)/.test(line)).map((line) =>
      line.slice(2, -2).split(" | ")
    );
  if (lines.length === 0) return [];
  const [heads, ...rows] = lines;
  const columns = heads.map((head, at) => {
    const before = heads.slice(0, at).filter((other) => other === head).length;
    return before > 0 ? `${head} ${before + 1}` : head;
  });
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
}
