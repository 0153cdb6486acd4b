// The page's model is the project's own modules, bundled with TensorFlow.js for the browser.
import { start } from "../compute/backend.ts";
import { LARGEST, unpack } from "./packed.ts";
import {
  changed,
  cosine,
  nearest,
  openNetwork,
  placeOf,
  represent,
  similarities,
  UNCHANGED,
} from "./played.ts";

const get = (id) => document.getElementById(id);

/** An element with properties and children. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const { count, side, near, classes, colours, config, ...stored } = JSON.parse(get("playground").textContent);
const labels = unpack(stored.labels), colourOf = (label) => colours[label % colours.length];
const stacks = stored.stacks.map(({ directions, maps }, at) => ({
  directions: Float32Array.from(unpack(directions)),
  maps: Object.fromEntries(Object.entries(maps).map(([name, points]) => [name, unpack(points)])),
  canvas: get(`map${at}`),
  /** The images that are nearest now, and the anchors of all places on the way. */
  near: [],
  way: [],
}));

const sliders = Object.fromEntries(
  [...document.querySelectorAll("[type=range]")].map((input) => [input.id, input]),
);
const [grey, flip, index, projection, fault] = ["grey", "flip", "index", "projection", "fault"].map(get);

/** What a slider's value is divided by. */
const PARTS = { crop: 100, across: 100, down: 100, hue: 360 };
const change = () => ({
  ...Object.fromEntries(
    Object.entries(sliders).map(([id, { valueAsNumber }]) => [id, valueAsNumber / (PARTS[id] ?? 1)]),
  ),
  grey: grey.checked,
  flip: flip.checked,
});

/** What "Another" goes on by: no multiple of a usual number of images, so that it comes to all. */
const STRIDE = 617;

/**
 * The picture: its bytes, which of the images it is, if one, its representations as it came, and their cosines with
 * all images. The stack's tensors; all images; when the first answer was there.
 */
let picture, network, sheet, first;

// Pictures.

/** Draws values in 0..1 or bytes. */
function draw(canvas, values) {
  Object.assign(canvas, { width: side, height: side });
  const pen = canvas.getContext("2d"), image = pen.createImageData(side, side);
  const scale = values instanceof Uint8Array ? 1 : 255;
  for (let from = 0, to = 0; from < values.length; to += 4) {
    for (let channel = 0; channel < 3; channel++) image.data[to + channel] = values[from++] * scale;
    image.data[to + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

/** The bytes of a square of a canvas, without those of opacity. */
function bytesOf(pen, left, top) {
  const { data } = pen.getImageData(left, top, side, side);
  return Uint8Array.from({ length: side * side * 3 }, (_, at) => data[Math.floor(at / 3) * 4 + at % 3]);
}

const cornerOf = (image) => {
  const across = sheet.canvas.width / side;
  return [image % across * side, Math.floor(image / across) * side];
};

function thumbnail(image) {
  const canvas = make("canvas", { width: side, height: side, className: "image" });
  canvas.getContext("2d").drawImage(sheet.canvas, ...cornerOf(image), side, side, 0, 0, side, side);
  canvas.ariaHidden = "true";
  return canvas;
}

// What is shown.

/** Where a stack's map has what, in CSS pixels from its corner. */
function geometry({ maps, canvas: { clientWidth: width } }) {
  const points = maps[projection.value], margin = 12;
  const on = (value) => margin + value / LARGEST * (width - 2 * margin);
  return { points, width, on, place: (image) => [on(points[2 * image]), on(points[2 * image + 1])] };
}

/** The image that is nearest to a place of a map. */
function imageAt(stack, x, y) {
  const { place } = geometry(stack);
  const far = Array.from({ length: count }, (_, image) => {
    const [left, top] = place(image);
    return Math.hypot(left - x, top - y);
  });
  return far.indexOf(Math.min(...far));
}

function drawMap(stack) {
  const { canvas, near, way } = stack, { points, width, on, place } = geometry(stack);
  canvas.width = canvas.height = Math.round(width * devicePixelRatio);
  const pen = canvas.getContext("2d"), { color } = getComputedStyle(canvas);
  const circle = ([x, y], radius) => {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
  };
  pen.scale(devicePixelRatio, devicePixelRatio);
  for (let image = 0; image < count; image++) {
    const [x, y] = place(image);
    pen.fillStyle = colourOf(labels[image]);
    pen.fillRect(x - 1.25, y - 1.25, 2.5, 2.5);
  }
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = 1.25;
  for (const image of near) {
    circle(place(image), 4);
    pen.stroke();
  }
  const steps = way.map((anchors) => placeOf(anchors, points).map(on));
  if (steps.length === 0) return;
  pen.lineWidth = 2;
  pen.beginPath();
  for (const step of steps) pen.lineTo(...step);
  pen.stroke();
  circle(steps[0], 4);
  pen.fill();
  circle(steps.at(-1), 8);
  pen.lineWidth = 3;
  pen.stroke();
}

const drawMaps = () => stacks.forEach(drawMap);

const grouped = (value) => value.toLocaleString("en");

/** How far a stack has moved the picture: its cosine with itself as it was, and how many images are nearer to that. */
function movement({ index, originals, before }, at, now) {
  const stayed = cosine(originals[at], now);
  return { stayed, between: before[at].filter((other, image) => other > stayed && image !== index).length };
}

function showStack({ near: images, canvas }, at, cosines, { stayed, between }) {
  const lines = [
    ["Cosine with the original", stayed.toFixed(3)],
    ["Images nearer to it", `${grouped(between)} of ${grouped(count)}`],
  ];
  get(`moved${at}`).replaceChildren(
    ...lines.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
  );
  get(`near${at}`).replaceChildren(...images.map((image, rank) => {
    const words = `${rank + 1}: image ${image}, ${classes[labels[image]]}, cosine ${
      cosines[image].toFixed(3)
    }`;
    const other = picture.index !== undefined && labels[image] !== labels[picture.index];
    const button = make(
      "button",
      { type: "button", title: words, className: other ? "other" : "same" },
      thumbnail(image),
    );
    button.ariaLabel = words;
    button.addEventListener("click", () => choose(image));
    return make("li", {}, button);
  }));
  const [[most, { length }]] = [...Map.groupBy(images, (image) => classes[labels[image]])]
    .sort(([, a], [, b]) => b.length - a.length);
  canvas.ariaLabel = `Map of stack ${at}: of the ${near} nearest images, ${length} are of class ${most}`;
}

/** Which stack is the more invariant to what was done. */
function verdict(all) {
  if (all.every(({ stayed }) => stayed > 0.99999)) return "Nothing is changed: this is the original.";
  const least = Math.min(...all.map(({ between }) => between));
  const still = all.flatMap(({ between }, at) => between === least ? [at] : []);
  const one = all.length > 1 ? `Stack ${still[0]} moved it least` : "It moved";
  const what = still.length > 1 ? "The stacks moved it equally far" : one;
  const line = all.map(({ between }, at) => `${grouped(between)} in stack ${at}`).join(", ");
  return `${what}. Images that are nearer to the original than the changed picture is: ${line}.`;
}

function showValues() {
  for (const input of Object.values(sliders)) {
    const shown = input.nextElementSibling;
    input.ariaValueText = shown.textContent = `${input.value} ${shown.dataset.unit}`;
  }
}

// What can be done.

let busy = false, again = false;

/** Shows all anew, at most once a frame; what changes meanwhile is shown after that. */
async function update() {
  showValues();
  again = true;
  if (busy) return;
  busy = true;
  get("page_main").ariaBusy = "true";
  try {
    while (again) {
      again = false;
      const asked = picture, view = changed(asked.bytes, side, change());
      draw(get("now"), view);
      const began = performance.now(), found = await represent(network, config, view, side);
      const took = performance.now() - began;
      asked.originals ??= await represent(network, config, changed(asked.bytes, side, UNCHANGED), side);
      asked.before ??= stacks.map(({ directions }, at) => similarities(asked.originals[at], directions));
      if (asked !== picture) continue;
      const all = stacks.map((stack, at) => {
        const cosines = similarities(found[at], stack.directions), anchors = nearest(cosines, near);
        stack.near = nearest(cosines, near, asked.index);
        stack.way.push({ images: anchors, cosines: anchors.map((image) => cosines[image]) });
        const how = movement(asked, at, found[at]);
        showStack(stack, at, cosines, how);
        return how;
      });
      drawMaps();
      get("verdict").textContent = verdict(all);
      first ??= performance.now();
      get("computed").textContent = `This picture took ${took.toFixed(0)} ms; the first answer came ${
        (first / 1000).toFixed(1)
      } s after the page was opened.`;
      // For the browser's console.
      globalThis.answer = { picture: asked.bytes, representations: found, first };
      await new Promise(requestAnimationFrame);
    }
  } catch (error) {
    report(error.message);
    throw error;
  } finally {
    busy = false;
    get("page_main").ariaBusy = "false";
  }
}

function report(message) {
  fault.textContent = message;
  fault.hidden = !message;
}

function restore() {
  for (const input of Object.values(sliders)) input.value = input.defaultValue;
  grey.checked = flip.checked = false;
}

/** Takes a picture; changes and way of the one before are gone. */
function take(bytes, name, image) {
  picture = { bytes, index: image };
  for (const stack of stacks) stack.way = [];
  restore();
  draw(get("before"), bytes);
  get("name").textContent = name;
  index.value = image ?? "";
  if (image !== undefined) get("file").value = "";
  report("");
  return update();
}

const choose = (image) =>
  take(bytesOf(sheet, ...cornerOf(image)), `Image ${image}: ${classes[labels[image]]}`, image);

/** The middle of a file's picture, on white, in the size of the images. */
async function middleOf(file) {
  const image = await createImageBitmap(file), { width, height } = image, cut = Math.min(width, height);
  const small = await createImageBitmap(image, (width - cut) >> 1, (height - cut) >> 1, cut, cut, {
    ...{ resizeWidth: side, resizeHeight: side, resizeQuality: "high" },
  });
  const pen = make("canvas", { width: side, height: side }).getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, side, side);
  pen.drawImage(small, 0, 0);
  return bytesOf(pen, 0, 0);
}

async function open(file) {
  const bytes = await middleOf(file).catch(() =>
    report(`${file.name} is no picture that this browser reads. Choose a PNG, JPEG or WebP.`)
  );
  if (bytes) await take(bytes, `${file.name}, its middle in ${side}×${side} pixels`);
}

function listen() {
  for (const input of [...Object.values(sliders), grey, flip]) input.addEventListener("input", update);
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  get("random").addEventListener("click", () => choose(((picture.index ?? 0) + STRIDE) % count));
  get("reset").addEventListener("click", () => {
    restore();
    update();
  });
  get("forget").addEventListener("click", () => {
    for (const { way } of stacks) way.splice(0, way.length - 1);
    drawMaps();
  });
  index.addEventListener(
    "change",
    () => index.reportValidity() && index.value !== "" && choose(index.valueAsNumber),
  );
  projection.addEventListener("change", drawMaps);
  get("file").addEventListener("change", ({ target: { files } }) => files.length > 0 && open(files[0]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) open(event.dataTransfer.files[0]);
  });
  for (const stack of stacks) {
    stack.canvas.addEventListener(
      "click",
      ({ offsetX, offsetY }) => choose(imageAt(stack, offsetX, offsetY)),
    );
    new ResizeObserver(() => drawMap(stack)).observe(stack.canvas);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMaps);
}

/** The pixels of all images, as they are stored. */
async function openSheet() {
  const sprite = get("sprite");
  await sprite.decode();
  const canvas = make("canvas", { width: sprite.naturalWidth, height: sprite.naturalHeight });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(sprite, 0, 0);
  return pen;
}

async function begin() {
  try {
    get("legend").replaceChildren(make(
      "ul",
      {},
      ...classes.slice(0, colours.length).map((name, label) => {
        const dot = make("span", { className: "swatch" });
        dot.style.background = colourOf(label);
        return make("li", {}, dot, name);
      }),
      ...classes.length > colours.length
        ? [make("li", {}, `and ${classes.length - colours.length} more, in the same colours`)]
        : [],
    ));
    [sheet] = await Promise.all([
      openSheet(),
      start(`data:application/wasm;base64,${get("wasm").textContent}`),
    ]);
    network = openNetwork(stored.network);
    listen();
    await choose(0);
  } catch (error) {
    report(`The model does not run here: ${error.message}`);
    throw error;
  }
}

begin();
