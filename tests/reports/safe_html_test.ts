import assert from "node:assert/strict";
import { safeHtml, safeParts } from "../../lib/reports/safe_html.ts";
import { DAMAGED, mutatedBytes } from "../mutate.ts";
import { launch, noBrowser } from "../notebook/browser.ts";

/** From OWASP's cheat sheet on evading filters, and what has passed the filters of others. */
const VECTORS = [
  `<SCRIPT SRC=https://xss.example/xss.js></SCRIPT>`,
  `<a onmouseover="alert(document.cookie)">xxs link</a>`,
  `<a onmouseover=alert(document.cookie)>xxs link</a>`,
  `<IMG SRC="javascript:alert('XSS');">`,
  `<IMG SRC=JaVaScRiPt:alert('XSS')>`,
  "<IMG SRC=`javascript:alert(\"RSnake says, 'XSS'\")`>",
  `<IMG """><SCRIPT>alert("XSS")</SCRIPT>">`,
  `<IMG SRC=# onmouseover="alert('xxs')">`,
  `<IMG SRC= onmouseover="alert('xxs')">`,
  `<IMG onmouseover="alert('xxs')">`,
  `<IMG SRC=/ onerror="alert(String.fromCharCode(88,83,83))"></img>`,
  `<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)">x</a>`,
  `<a href="&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)">x</a>`,
  `<a href="jav&#x09;ascript:alert('XSS');">x</a>`,
  `<a href="jav\nascript:alert('XSS');">x</a>`,
  `<a href=" &#14;  javascript:alert('XSS');">x</a>`,
  `<SCRIPT/XSS SRC="https://xss.example/xss.js"></SCRIPT>`,
  `<BODY onload!#$%&()*~+-_.,:;?@[/|\\]^\`=alert("XSS")>`,
  `<SCRIPT/SRC="https://xss.example/xss.js"></SCRIPT>`,
  `<<SCRIPT>alert("XSS");//\\<</SCRIPT>`,
  `<SCRIPT SRC=https://xss.example/xss.js?< B >`,
  `<IMG SRC="('XSS')"`,
  `<iframe src=https://xss.example/scriptlet.html <`,
  `</TITLE><SCRIPT>alert("XSS");</SCRIPT>`,
  `<INPUT TYPE="IMAGE" SRC="javascript:alert('XSS');">`,
  `<BODY BACKGROUND="javascript:alert('XSS')">`,
  `<IMG DYNSRC="https://xss.example/"><IMG LOWSRC="https://xss.example/">`,
  `<STYLE>li {list-style-image: url("https://xss.example/");}</STYLE><UL><LI>XSS</br>`,
  `<svg/onload=alert('XSS')>`,
  `<BGSOUND SRC="https://xss.example/"><BR SIZE="&{alert('XSS')}">`,
  `<LINK REL="stylesheet" HREF="https://xss.example/xss.css">`,
  `<STYLE>@import'https://xss.example/xss.css';</STYLE>`,
  `<META HTTP-EQUIV="refresh" CONTENT="0; URL=https://xss.example/?;URL=javascript:alert('XSS');">`,
  `<FRAMESET><FRAME SRC="javascript:alert('XSS');"></FRAMESET>`,
  `<TABLE BACKGROUND="https://xss.example/"><TD BACKGROUND="https://xss.example/">`,
  `<DIV STYLE="background-image: url(https://xss.example/)">`,
  `<DIV STYLE="text-align: left; position: fixed; inset: 0">x</DIV>`,
  `<!--[if gte IE 4]><SCRIPT>alert('XSS');</SCRIPT><![endif]-->`,
  `<BASE HREF="https://xss.example//">`,
  `<OBJECT TYPE="text/x-scriptlet" DATA="https://xss.example/scriptlet.html"></OBJECT>`,
  `<EMBED SRC="data:image/svg+xml;base64,PHN2Zy8+" type="image/svg+xml" AllowScriptAccess="always"></EMBED>`,
  `<XML ID="xss"><I><B><IMG SRC="javas<!-- -->cript:alert('XSS')"></B></I></XML>`,
  `<? echo('<SCR)'; echo('IPT>alert("XSS")</SCRIPT>'); ?>`,
  `<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
  `<svg><style><img src=x onerror=alert(1)></style></svg>`,
  `<svg><animate attributeName=href values="javascript:alert(1)"/><a id=x><text>x</text></a></svg>`,
  `<textarea><img title="</textarea/><img src=x onerror=alert(1)>"></textarea/><b>`,
  `<xmp><p title="</xmp><img src=x onerror=alert(1)>"></xmp>`,
  `<form action="javascript:alert(1)"><button formaction="javascript:alert(1)">x</button></form>`,
  `<details open ontoggle=alert(1)><summary>x`,
  `<video src=x onerror=alert(1)><source srcset="https://xss.example/" onerror=alert(1)></video>`,
  `<img srcset="https://xss.example/ 2x" src="//xss.example/"><img src="images/x.png">`,
  `<template><script>alert(1)</script></template><slot name=x>`,
  `<h1 class="nav" id="top">x</h1></div></section></main></body></html><nav>x</nav>`,
  `<table><tr><td>1</table></td></div></div><p></p></p></main>`,
  `<b><i><a href="#x"><u><table><td></b></i></div><b>`,
  `<plaintext><b onclick=alert(1)>`,
  `<b title="`,
  `<!-- `,
  `<![CDATA[<img src=x onerror=alert(1)>]]>`,
  `\0<scr\0ipt>alert(1)</scr\0ipt><img/\0src=x/\0onerror=alert(1)>`,
];

const HARMLESS = RegExp(
  '^</?(a|b|br|caption|code|col|colgroup|dd|del|details|div|dl|dt|em|h3|h4|hr|i|img|kbd|li|mark|ol|p|pre|progress|s|small|span|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|u|ul)( (open|(alt|title)(="[^"]*")?|' +
    'href="(https?:|mailto:|#)[^"]*"|src="data:image/[^"]*"|style="text-align: ?\\w+;?"))*( /)?>$',
  "i",
);

function assertHarmless(html: string): void {
  for (const [tag] of html.matchAll(/<[^>]*>?/g)) assert.match(tag, HARMLESS);
}

Deno.test("no element or attribute of an attack comes through", () => {
  for (const vector of VECTORS) assertHarmless(safeHtml(vector));
});

Deno.test(`${DAMAGED / 10} damaged attacks: no element or attribute comes through`, () => {
  const whole = new TextEncoder().encode(VECTORS.join("\n")), decoder = new TextDecoder();
  for (const bytes of mutatedBytes(whole, "html", DAMAGED / 10)) {
    assertHarmless(safeHtml(decoder.decode(bytes)));
  }
});

Deno.test({
  name: "in a browser no attack runs, loads, or leaves the element it stands in",
  ignore: noBrowser,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const browser = await launch(), page = await browser.newPage(), ran: string[] = [];
    page.on("dialog", (dialog) => {
      ran.push(dialog.message());
      dialog.dismiss();
    });
    page.on("request", (request) => ran.push(request.url()));
    const boxes = VECTORS.map((vector) => `<div class="box">${safeHtml(vector)}</div>`);
    const split = VECTORS.map((vector) => {
      const parts = vector.split(/(<[^>]*>)/);
      return `<div class="box">${safeParts(parts.map((part, at) => at % 2 ? part : "<i>ours</i>"))}</div>`;
    });
    await page.setContent(`<main>${boxes.join("")}${split.join("")}</main>`);
    for (const element of await page.locator("main a, main b, main img, main summary").all()) {
      await element.dispatchEvent("mouseover");
      await element.dispatchEvent("error");
    }
    const children = await page.evaluate(
      `[...document.querySelector("main").children].map((child) => child.className)`,
    );
    assert.deepEqual(children, VECTORS.concat(VECTORS).map(() => "box"));
    assert.equal(await page.evaluate("document.body.children.length"), 1);
    assert.deepEqual(ran, []);
    await browser.close();
  },
});

Deno.test("harmless HTML comes through as it is", () => {
  const same = [
    `<table><tbody><tr><td style="text-align: right" colspan="2">1 &lt; 2 &amp; 3</td></tr></tbody></table>`,
    `<details open><summary>x</summary><p><b>a</b> <kbd>b</kbd> H<sub>2</sub>O</p></details>`,
    `<a href="https://arxiv.org/abs/2305.11701" title="&quot;q&quot;">x</a> <a href="#views">y</a>`,
    `<progress max="3" value="1"></progress>`,
  ];
  for (const html of same) assert.equal(safeHtml(html), html);
});

Deno.test("what is unknown is shown as text, with its attributes; what is open is closed", () => {
  assert.equal(safeHtml(`<form action="x">a</form>`), `&lt;form action="x"&gt;a&lt;/form&gt;`);
  assert.equal(safeHtml("<b>1 <i>2"), "<b>1 <i>2</i></b>");
  assert.equal(safeHtml("</main>1</b>"), "1");
});

Deno.test("pieces belong together, across what is ours", () => {
  assert.equal(safeParts(["<h2>1 ", "<b onclick=x>", "2</h2>"]), "<h2>1 <b>2</h2></b>");
  assert.equal(safeParts(["<p>", "<b>", "1", "</b></div></main>", "</p>"]), "<p><b>1</b></p>");
  assert.equal(safeParts(["ours"]), "ours");
});

for (const opening of ["<!-- ", `<b title="`, "<script>", "<textarea>"]) {
  Deno.test(`nothing of ours is lost after ${opening}`, () => {
    const html = safeParts(["<p>1", opening, "<em>2</em>", "<b>", "</p>"]);
    assert.match(html, /^<p>1&lt;.*<em>2<\/em>&lt;b&gt;<\/p>$/);
  });
}
