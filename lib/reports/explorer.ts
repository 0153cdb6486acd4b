/**
 * The explorer: a page that shows all images on the maps of some runs' stacks, each with what it is taken for and
 * with its neighbours in the full space. It stands for itself: one file, without a network.
 *
 * @module
 */
import { CLASS_COLOURS } from "../charts/theme.ts";
import { encodeWebp } from "../data/decode.ts";
import { sprite } from "../data/sprite.ts";
import { escapeHtml } from "../notebook/html.ts";
import type { Explored, ExploredStack, Grouping } from "./explored.ts";
import style from "./explorer.css" with { type: "text" };
import script from "./explorer.js" with { type: "text" };
import { fitted, LARGEST, pack } from "./packed.ts";
import { factList, page } from "./page.ts";

/** Its file name among the pages of notebooks. */
export const EXPLORER = "explorer.html";

/** Of the images, in percent: of photographs of 32 × 32 pixels, 350 bytes an image. */
const QUALITY = 85;

/**
 * Renders what was explored.
 *
 * @param explored The runs, at most 65,536 images.
 * @throws {EnvironmentError} There is no libvips for this machine.
 * @returns An HTML document; for 10,000 photographs of 32 × 32 pixels, 5 MB and 1.2 MB a stack.
 */
export async function renderExplorer(explored: Explored): Promise<string> {
  const { what, images, groupings, temperature, runs } = explored, { png, side } = sprite(images);
  const webp = await encodeWebp(png, { quality: QUALITY });
  const count = images.labels.length, title = runs.map(({ id }) => id).join(" and ");
  const data = {
    count,
    side,
    temperature,
    colours: CLASS_COLOURS,
    groupings: groupings.map(packGrouping),
    runs: runs.map(({ id, title, stacks }) => ({ title: `${title} (${id})`, stacks: stacks.map(packStack) })),
  };
  const facts = [["Images", `${count.toLocaleString("en")} ${what}`], ["Runs", title]] as const;
  return page({
    title: `Explorer: ${title}`,
    file: EXPLORER,
    pages: [],
    sections: [],
    style,
    main: `<div class="head"><h1>Explorer</h1>${factList(facts)}</div>
${MARKUP}
<img id="sprite" alt="" hidden src="data:image/webp;base64,${webp.toBase64()}">
<script type="application/json" id="explored">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>`,
    scripts: [script],
  });
}

const packGrouping = ({ name, names, values }: Grouping) => ({ name, names, values: pack(values) });

function packStack({ projections, similar: { k, indices, similarities }, groupings }: ExploredStack) {
  return {
    projections: Object.entries(projections).map(([name, points]) => ({
      name,
      points: pack(fitted(points)),
    })),
    k,
    neighbours: pack(Uint16Array.from(indices)),
    similarities: pack(Uint16Array.from(similarities, (cosine) => Math.round(LARGEST * (1 + cosine) / 2))),
    groupings: groupings.map(packGrouping),
  };
}

const select = (id: string, label: string) =>
  `<label>${escapeHtml(label)} <select id="${id}"></select></label>`;

/** What the script fills. */
const MARKUP = `<form class="controls" id="controls">
${select("run", "Run")}${select("stack", "Stack")}${select("projection", "Projection")}${
  select("colour", "Colour by")
}
<label>Size <input id="size" type="range" min="2" max="40" step="1" value="5"></label>
<label>Find <input id="find" type="search" placeholder="12 or cat" list="found" autocomplete="off"></label>
<datalist id="found"></datalist>
<button type="button" id="whole">Whole map</button><button type="button" id="shown">Choose what shows</button>
</form>
<div class="explorer">
<div class="map" id="map">
<canvas id="points" tabindex="0" role="application" aria-label="Map of all images" aria-describedby="keys"></canvas>
<canvas id="marks" aria-hidden="true"></canvas>
<div id="tip" role="status" hidden></div>
</div>
<aside aria-label="What is chosen">
<details><summary>What can be done</summary><p id="keys">Point at an image; click it for its neighbours. Drag to move,
wheel or pinch to zoom, shift-drag to choose a region. Keys on the map: arrows move, <kbd>+</kbd> <kbd>−</kbd> zoom,
<kbd>0</kbd> whole map, <kbd>Enter</kbd> the image in the middle, <kbd>N</kbd> on to its nearest neighbour,
<kbd>R</kbd> a region of all that shows, <kbd>Esc</kbd> nothing.</p></details>
<p id="fault" hidden>This browser draws no map, for it has no WebGL 2; Find shows any image.</p>
<section id="legend" aria-label="Colours"></section>
<section id="image" aria-live="polite" aria-label="Image" hidden></section>
<section id="region" aria-live="polite" aria-label="Region" hidden></section>
</aside>
</div>
<noscript><p>The map is drawn by a script, which this browser does not run.</p></noscript>`;
