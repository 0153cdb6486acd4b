import assert from "node:assert/strict";
import { DataError } from "../../lib/base/errors.ts";
import { markdownRenderer, takeTitle } from "../../lib/notebook/markdown.ts";
import { mutatedBytes, survive } from "../mutate.ts";

const render = (markdown: string) => markdownRenderer("notebooks/a.ipynb").render(markdown);

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

Deno.test("10,000 damaged texts are rendered; the few that name an image are refused", async () => {
  const decoder = new TextDecoder();
  const { read } = await survive(mutatedBytes(new TextEncoder().encode(WHOLE), "markdown"), async (bytes) => {
    const text = decoder.decode(bytes);
    takeTitle(text);
    await render(text);
  });
  assert.ok(read > 9_900, `${read} were rendered`);
});

Deno.test("a text nested beyond the stack is a DataError that quotes it", async () => {
  for (
    const text of [
      ">".repeat(20_000),
      `${"- ".repeat(20_000)}a`,
      `$${"{".repeat(20_000)}${"}".repeat(20_000)}$`,
    ]
  ) {
    await assert.rejects(
      render(text),
      new DataError(
        `The text that begins with ${JSON.stringify(text.slice(0, 40))} is nested too deeply to be shown. ` +
          "Take its lists, quotes or braces apart.",
      ),
    );
  }
  assert.throws(() => takeTitle(">".repeat(20_000)), DataError);
});

Deno.test("an image whose address is no address, or that cannot be read, is a DataError", async () => {
  for (const href of ["%.png", `${"a".repeat(300)}.png`, "../lib%00.png"]) {
    await assert.rejects(render(`![x](${href})`), (error) => {
      assert(error instanceof DataError);
      assert.ok(
        error.message.startsWith(`notebooks/a.ipynb: the image ${href} cannot be read (`),
        error.message,
      );
      return true;
    });
  }
});

Deno.test("ten thousand headings of one name have ids of their own, in no time", async () => {
  const began = performance.now(), html = await render("## a\n".repeat(10_000));
  assert.ok(performance.now() - began < 5_000);
  assert.equal(new Set(html.match(/ id="[^"]*"/g)).size, 10_000);
  assert.ok(html.includes(' id="a-10000"'));
});
