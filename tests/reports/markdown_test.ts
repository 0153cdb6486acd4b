import assert from "node:assert/strict";
import { cpuUsage } from "node:process";
import { markdownRenderer, takeTitle } from "../../lib/reports/markdown.ts";
import { DAMAGED, mutatedBytes, survive } from "../mutate.ts";

const faults: string[] = [];
const render = (markdown: string) =>
  markdownRenderer("notebooks/a.ipynb").render(markdown, { leaveOut: (fault) => faults.push(fault) });

/** Everything that a text may hold but images: where they are damaged, there are none. */
const WHOLE = `# T <b>x</b>

words $x_1^{2}$ **a** _b_ [a](b.ipynb#c) <b title="q">x</b> \`code\` &amp; https://x.org a@b.c

$$\\ell(Z) = \\frac{1}{2}\\sum_j v(z_j)$$

| a | b |
|---|:-:|
| 1 | 2 |

- a
  > b
  1. c

\`\`\`bash
cd x && ls
\`\`\`

<details><summary>x</summary>

y
</details>

[r]: http://x.org
`;

Deno.test(`${DAMAGED} damaged texts are rendered`, async () => {
  const decoder = new TextDecoder();
  const { read } = await survive(mutatedBytes(new TextEncoder().encode(WHOLE), "markdown"), async (bytes) => {
    const text = decoder.decode(bytes);
    takeTitle(text);
    await render(text);
  });
  assert.equal(read, DAMAGED);
});

Deno.test("a text nested beyond the stack is left out and quoted", async () => {
  for (
    const text of [
      ">".repeat(20_000),
      `${"- ".repeat(20_000)}a`,
      `$${"{".repeat(20_000)}${"}".repeat(20_000)}$`,
    ]
  ) {
    faults.length = 0;
    assert.match(await render(text), /Not shown here/);
    assert.deepEqual(faults, [
      `The text that begins with ${JSON.stringify(text.slice(0, 40))} is nested too deeply to be shown. ` +
      "Take its lists, quotes or braces apart.",
    ]);
    assert.equal(takeTitle(text).rest, text);
  }
});

Deno.test("an image whose address is no address, or that cannot be read, is left out", async () => {
  for (const href of ["%.png", `${"a".repeat(300)}.png`, "../lib%00.png"]) {
    faults.length = 0;
    assert.equal(await render(`![x](${href})`), "<p>x</p>\n");
    assert.equal(faults.length, 1);
    assert.match(
      faults[0],
      /^(there is no image notebooks\/%\.png\.|the image .* cannot be read \(.*\)\.)$/s,
    );
  }
});

Deno.test("ten thousand headings of one name have ids of their own, in no time", async () => {
  // Of the processor's time: the clock goes on while others have it.
  const began = cpuUsage(), html = await render("## a\n".repeat(10_000)), { user, system } = cpuUsage(began);
  assert.ok(user + system < 5e6, `${user + system} microseconds`);
  assert.equal(new Set(html.match(/ id="[^"]*"/g)).size, 10_000);
  assert.ok(html.includes(' id="a-10000"'));
});
