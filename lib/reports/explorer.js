// All points are drawn by WebGL, each as a dot or as its image; what is said of them stands beside the map.
(() => {
  const get = (id) => document.getElementById(id);
  const unpack = ({ type, bytes }) =>
    new globalThis[type](Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)).buffer);
  const grouping = ({ name, names, values }) => ({ name, names, values: unpack(values) });

  const explored = JSON.parse(get("explored").textContent);
  const { count, side, temperature, colours } = explored;
  const truths = explored.groupings.map(grouping), [{ names: classes, values: labels }] = truths;
  const runs = explored.runs.map(({ title, stacks }) => ({
    title,
    stacks: stacks.map((stack, at) => ({
      name: `stack ${at}`,
      k: stack.k,
      neighbours: unpack(stack.neighbours),
      similarities: unpack(stack.similarities),
      groupings: stack.groupings.map(grouping),
      projections: new Map(stack.projections.map(({ name, points }) => [name, unpack(points)])),
    })),
  }));

  /** The largest coordinate, and the largest similarity as it is stored. */
  const LARGEST = 65535;
  /** Milliseconds that points take to move; pixels from which on a point is its image, and those it has at most. */
  const MOVING = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 700, PICTURED = 12, MOST = 96;
  /** Images of a region that are shown; pixels that a click may move and a pointer may miss by. */
  const SHOWN = 96, STILL = 4, NEAR = 8;
  /** How much of a point is left that is not of the group that was picked out. */
  const FAINT = 0.07;

  const map = get("map"),
    marks = get("marks"),
    canvas = get("points"),
    tip = get("tip"),
    sprite = get("sprite");
  const inputs = Object.fromEntries(
    ["run", "stack", "projection", "colour", "size", "find"].map((id) => [id, get(id)]),
  );

  /** All images in one: decoded once, as soon as it is. */
  let sheet = sprite;

  const view = { x: 0.5, y: 0.5, zoom: 1, width: 0, height: 0 };
  let before, after, began, part = 1;
  let pointed, chosen, path = [], region = [], brush, picked;

  const stacks = () => runs[inputs.run.value].stacks;
  const stack = () => stacks()[inputs.stack.value];
  const groupings = () => [...truths, ...stack().groupings];
  const colouring = () => groupings().find(({ name }) => name === inputs.colour.value) ?? truths[0];
  const colourOf = (group) => colours[group % colours.length];

  // Places: coordinates of the map are 0..LARGEST, those of the screen CSS pixels from its corner.

  const scale = () => view.zoom * 0.94 * Math.min(view.width, view.height);
  const at = (axis) => before[axis] + (after[axis] - before[axis]) * part;

  /** What finds the place of a point on the screen as it is now. */
  function placer() {
    const { x, y, width, height } = view, by = scale();
    return (point) => [
      (at(2 * point) / LARGEST - x) * by + width / 2,
      (at(2 * point + 1) / LARGEST - y) * by + height / 2,
    ];
  }

  const pixels = () => Math.min(MOST, inputs.size.value * view.zoom ** 0.6);

  /** The point that is nearest to a place, and not further than the pointer may miss by. */
  function nearest(x, y, reach = Math.max(NEAR, pixels() / 2)) {
    const place = placer();
    let best, least = reach ** 2;
    for (let point = 0; point < count; point++) {
      const [left, top] = place(point), square = (left - x) ** 2 + (top - y) ** 2;
      if (square <= least) [best, least] = [point, square];
    }
    return best;
  }

  function inside({ left, top, right, bottom }) {
    const place = placer();
    return Array.from({ length: count }, (_, point) => point).filter((point) => {
      const [x, y] = place(point);
      return x >= left && x <= right && y >= top && y <= bottom;
    });
  }

  // What is drawn.

  const gl = canvas.getContext("webgl2", { antialias: false });
  get("fault").hidden = gl !== null;

  const VERTEX = `#version 300 es
in vec2 before, after;
in vec4 colour;
uniform vec2 centre, factor;
uniform float part, size, columns;
flat out vec4 paint;
flat out vec2 cell;
void main() {
  vec2 place = (mix(before, after, part) - centre) * factor;
  float rank = float(gl_VertexID) / 16777216.0;
  gl_Position = vec4(place.x, -place.y, colour.a < 0.5 ? 0.5 + rank : rank, 1);
  gl_PointSize = size;
  paint = colour;
  cell = vec2(gl_VertexID % int(columns), gl_VertexID / int(columns));
}`;

  // A frame of the colour around the image; the image's outermost half pixel would show its neighbours'.
  const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 paint;
flat in vec2 cell;
uniform float size, pictured, columns, side;
uniform vec2 sheet;
uniform sampler2D images;
out vec4 pixel;
void main() {
  vec2 away = abs(gl_PointCoord - 0.5);
  float cover = paint.a;
  vec3 shade = paint.rgb;
  if (size < pictured) cover *= clamp((0.5 - length(away * 2.0) * 0.5) * size, 0.0, 1.0);
  else if (max(away.x, away.y) < 0.5 - max(0.06, 1.5 / size)) {
    vec2 inner = clamp(gl_PointCoord * side, 0.5, side - 0.5);
    shade = texture(images, (cell * side + inner) / sheet).rgb;
  }
  pixel = vec4(shade * cover, cover);
}`;

  const painter = gl && paintBy(gl);

  function paintBy(gl) {
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const buffers = Object.fromEntries(
      ["before", "after", "colour"].map((name) => [name, gl.createBuffer()]),
    );
    const uniform = (name) => gl.getUniformLocation(program, name);
    const [centre, factor, moved, size, pictured] = ["centre", "factor", "part", "size", "pictured"].map(
      uniform,
    );
    gl.uniform1f(uniform("side"), side);
    return {
      /** Fills a buffer, whose numbers are read as parts of the largest of their type. */
      fill(name, values, type, each) {
        const location = gl.getAttribLocation(program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
        gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
        gl.enableVertexAttribArray(location);
        gl.vertexAttribPointer(location, each, type, true, 0, 0);
      },
      async pictures() {
        const { naturalWidth: width, naturalHeight: height } = sprite;
        const fits = Math.min(1, gl.getParameter(gl.MAX_TEXTURE_SIZE) / Math.max(width, height));
        const image = fits === 1 ? sheet : await createImageBitmap(sheet, {
          resizeWidth: Math.floor(width * fits),
          resizeHeight: Math.floor(height * fits),
        });
        gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
        gl.uniform2f(uniform("sheet"), width, height);
        gl.uniform1f(uniform("columns"), width / side);
      },
      paint() {
        const density = devicePixelRatio, { width, height } = canvas;
        gl.viewport(0, 0, width, height);
        gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
        // What is below an image is not drawn at all; dots have soft edges, through which it shows.
        if (pixels() < PICTURED) gl.disable(gl.DEPTH_TEST);
        else gl.enable(gl.DEPTH_TEST);
        gl.uniform2f(centre, view.x, view.y);
        gl.uniform2f(factor, 2 * scale() * density / width, 2 * scale() * density / height);
        gl.uniform1f(moved, part);
        gl.uniform1f(size, pixels() * density);
        gl.uniform1f(pictured, sheet === sprite ? Infinity : PICTURED * density);
        gl.drawArrays(gl.POINTS, 0, count);
      },
    };
  }

  function mark() {
    const pen = marks.getContext("2d"), { color } = getComputedStyle(marks), place = placer();
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    pen.strokeStyle = color;
    const radius = pixels() / 2;
    const ring = (point, width, more) => {
      pen.lineWidth = width;
      pen.beginPath();
      if (pixels() < PICTURED) pen.arc(...place(point), radius + more, 0, 2 * Math.PI);
      else {pen.rect(
          ...place(point).map((edge) => edge - radius - more / 2),
          2 * radius + more,
          2 * radius + more,
        );}
      pen.stroke();
    };
    for (const other of chosen === undefined ? [] : neighboursOf(stack(), chosen)) ring(other, 1.5, 2);
    if (chosen !== undefined) ring(chosen, 3, 5);
    if (pointed !== undefined) ring(pointed, 2, 3);
    if (brush) {
      pen.lineWidth = 1.5;
      pen.setLineDash([5, 4]);
      pen.strokeRect(brush.left, brush.top, brush.right - brush.left, brush.bottom - brush.top);
      pen.setLineDash([]);
    }
  }

  const asked = { points: false, marks: false };

  /** Draws before the screen is next shown: the marks, and the points unless they are as they were. */
  function redraw(points = true) {
    asked.points ||= points;
    if (asked.marks) return;
    asked.marks = true;
    requestAnimationFrame((now) => {
      const passed = MOVING ? Math.min(1, Math.max(0, now - began) / MOVING) : 1;
      part = passed < 1 ? passed * passed * (3 - 2 * passed) : 1;
      if (asked.points) painter?.paint();
      mark();
      Object.assign(asked, { points: false, marks: false });
      if (part < 1) redraw();
    });
  }

  function recolour() {
    const { values } = colouring(), bytes = new Uint8Array(4 * count);
    const paints = colours.map((colour) =>
      [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16))
    );
    for (let point = 0; point < count; point++) {
      bytes.set(paints[values[point] % paints.length], 4 * point);
      bytes[4 * point + 3] = !picked || picked.values[point] === picked.group ? 255 : 255 * FAINT;
    }
    painter?.fill("colour", bytes, gl.UNSIGNED_BYTE, 4);
    showLegend();
    redraw();
  }

  /** Lets the points go from where they are to where the chosen map has them. */
  function move() {
    const from = part < 1 ? before.map((_, axis) => at(axis)) : after;
    after = stack().projections.get(inputs.projection.value);
    before = from ?? after;
    began = from ? performance.now() : -Infinity;
    part = from && MOVING ? 0 : 1;
    painter?.fill("before", before, gl.UNSIGNED_SHORT, 2);
    painter?.fill("after", after, gl.UNSIGNED_SHORT, 2);
    redraw();
  }

  // What is said.

  /** An element with properties and children. */
  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function picture(point) {
    const image = make("canvas", { width: side, height: side, className: "image" }),
      across = sprite.naturalWidth / side;
    const [left, top] = [point % across, Math.floor(point / across)].map((cell) => cell * side);
    image.getContext("2d").drawImage(sheet, left, top, side, side, 0, 0, side, side);
    image.ariaHidden = "true";
    return image;
  }

  const neighboursOf = ({ neighbours, k }, point) => neighbours.subarray(point * k, (point + 1) * k);
  const similarityOf = ({ similarities, k }, point, rank) => 2 * similarities[point * k + rank] / LARGEST - 1;

  /** Classes of an image's neighbours with their parts of the votes, the winner first. */
  function votes(stack, point) {
    const sums = new Map(), nearest = similarityOf(stack, point, 0);
    neighboursOf(stack, point).forEach((other, rank) => {
      const weight = Math.exp((similarityOf(stack, point, rank) - nearest) / temperature);
      sums.set(labels[other], (sums.get(labels[other]) ?? 0) + weight);
    });
    const all = [...sums.values()].reduce((sum, weight) => sum + weight, 0);
    return [...sums].sort(([a, one], [b, two]) => two - one || a - b).map((
      [label, sum],
    ) => [label, sum / all]);
  }

  const percent = (part) => `${(100 * part).toFixed(1)} %`;
  const voting = (stack, point) =>
    votes(stack, point).slice(0, 3).map(([label, part]) => `${classes[label]} ${Math.round(100 * part)} %`)
      .join(", ");
  const facts = (groupings, point) =>
    groupings.map(({ name, names, values }) => [name, names[values[point]]]);
  const list = (pairs) =>
    make(
      "dl",
      {},
      ...pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
    );

  function showTip(pointer) {
    tip.hidden = pointed === undefined || !pointer;
    if (tip.hidden) return;
    const known = [...facts(groupings(), pointed), ["votes", voting(stack(), pointed)]];
    tip.replaceChildren(picture(pointed), make("b", {}, `image ${pointed}`), list(known));
    const beside = (place, length, room) =>
      `${Math.max(0, place + length + 24 > room ? place - length - 14 : place + 14)}px`;
    tip.style.left = beside(pointer.x, tip.offsetWidth, view.width);
    tip.style.top = beside(pointer.y, tip.offsetHeight, view.height);
  }

  /** A button that shows an image and chooses it. */
  function imageButton(point, words, same) {
    const button = make(
      "button",
      { type: "button", title: words, className: same ? "same" : "other" },
      picture(point),
    );
    button.ariaLabel = words;
    button.addEventListener("click", () => choose(point));
    button.addEventListener("pointerenter", () => aim(point));
    button.addEventListener("pointerleave", () => aim(undefined));
    return button;
  }

  function showImage() {
    const section = get("image");
    section.hidden = chosen === undefined;
    if (section.hidden) return section.replaceChildren();
    const lists = stacks().map((stack) => [...neighboursOf(stack, chosen)]);
    const columns = stacks().map((stack, level) => {
      const own = lists[level], others = lists.filter((_, other) => other !== level);
      const same = own.filter((other) => labels[other] === labels[chosen]).length;
      const shared = own.filter((other) => others.every((list) => list.includes(other))).length;
      const counts = [["of its class", `${same} of ${own.length}`]];
      if (others.length > 0) {
        counts.push([others.length > 1 ? "in all stacks" : "in both stacks", `${shared}`]);
      }
      const images = own.map((other, rank) => {
        const words = `${rank + 1}: image ${other}, ${classes[labels[other]]}, cosine ${
          similarityOf(stack, chosen, rank).toFixed(3)
        }`;
        return make("li", {}, imageButton(other, words, labels[other] === labels[chosen]));
      });
      return make(
        "div",
        {},
        make("h3", {}, stack.name),
        list([...facts(stack.groupings, chosen), ["votes", voting(stack, chosen)], ...counts]),
        make("ol", { className: "images" }, ...images),
      );
    });
    section.replaceChildren(
      make("h2", {}, picture(chosen), `Image ${chosen}: ${classes[labels[chosen]]}`),
      list(facts(truths.slice(1), chosen)),
      make("p", {}, "Its nearest neighbours in each stack's full space. A broken frame: of another class."),
      make("div", { className: "stacks" }, ...columns),
    );
  }

  function showRegion() {
    const section = get("region");
    section.hidden = region.length === 0;
    if (section.hidden) return section.replaceChildren();
    const { name, names, values } = colouring(), here = new Map(), all = new Map();
    for (const point of region) here.set(values[point], (here.get(values[point]) ?? 0) + 1);
    for (const group of values) all.set(group, (all.get(group) ?? 0) + 1);
    const rows = [...here].sort(([, a], [, b]) => b - a).map(([group, found]) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, swatch(group), names[group]),
        ...[`${found}`, percent(found / region.length), percent(all.get(group) / count)].map((text) =>
          make("td", {}, text)
        ),
      )
    );
    const head = [name, "here", "of these", "of all"].map((text) => make("th", { scope: "col" }, text));
    const images = region.slice(0, SHOWN).map((point) =>
      make("li", {}, imageButton(point, `image ${point}, ${classes[labels[point]]}`, true))
    );
    const left = region.length - images.length;
    section.replaceChildren(
      make("h2", {}, `Region: ${region.length} of ${count} images`),
      make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)),
      make("ol", { className: "images" }, ...images),
      ...left > 0 ? [make("p", {}, `and ${left} more`)] : [],
    );
  }

  function swatch(group) {
    const dot = make("span", { className: "swatch" });
    dot.style.background = colourOf(group);
    return dot;
  }

  function showLegend() {
    const { name, names, values } = colouring(), sizes = new Array(names.length).fill(0);
    for (const group of values) sizes[group]++;
    const items = names.flatMap((text, group) => {
      if (sizes[group] === 0) return [];
      const button = make(
        "button",
        { type: "button" },
        swatch(group),
        `${text} `,
        make("small", {}, `${sizes[group]}`),
      );
      button.ariaPressed = `${picked?.values === values && picked.group === group}`;
      button.addEventListener("click", () => {
        pick(button.ariaPressed === "true" ? undefined : { values, group });
        get("legend").querySelectorAll("button")[items.findIndex((item) => item.contains(button))].focus();
      });
      return [make("li", {}, button)];
    });
    const shared = items.length > colours.length
      ? [make("p", {}, `${colours.length} colours, which groups share.`)]
      : [];
    get("legend").replaceChildren(make("h2", {}, `Colour: ${name}`), ...shared, make("ul", {}, ...items));
  }

  // What can be done.

  function pick(wanted) {
    picked = wanted;
    recolour();
  }

  /** Points at an image, and says what it is where there is room beside the pointer. */
  function aim(point, pointer) {
    if (point === pointed) return;
    pointed = point;
    showTip(pointer);
    redraw(false);
  }

  /** Chooses an image, after those on the way to it. */
  function choose(point, before = []) {
    chosen = point;
    path = [...before, point];
    pointed = undefined;
    tip.hidden = true;
    showImage();
    redraw(false);
  }

  function chooseRegion(points) {
    region = points;
    showRegion();
    redraw(false);
  }

  /** Zooms so that what is at a place of the screen stays there. */
  function zoom(by, x = view.width / 2, y = view.height / 2) {
    const [right, down] = [x - view.width / 2, y - view.height / 2], was = scale();
    view.zoom = Math.min(200, Math.max(0.5, view.zoom * by));
    view.x += right / was - right / scale();
    view.y += down / was - down / scale();
    redraw();
  }

  function shift(x, y) {
    view.x -= x / scale();
    view.y -= y / scale();
    redraw();
  }

  function whole() {
    Object.assign(view, { x: 0.5, y: 0.5, zoom: 1 });
    redraw();
  }

  const screen = () => ({ left: 0, top: 0, right: view.width, bottom: view.height });

  const fingers = new Map();
  let start;

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    start = { x: event.offsetX, y: event.offsetY, brushes: event.shiftKey, still: fingers.size === 1 };
    aim(undefined);
  });

  canvas.addEventListener("pointermove", (event) => {
    const { offsetX: x, offsetY: y, pointerId } = event, last = fingers.get(pointerId);
    if (!last) return aim(nearest(x, y), { x, y });
    fingers.set(pointerId, [x, y]);
    if (Math.hypot(x - start.x, y - start.y) > STILL) start.still = false;
    if (start.brushes) {
      const [[left, right], [top, bottom]] = [[start.x, x], [start.y, y]].map((edges) =>
        edges.sort((a, b) => a - b)
      );
      brush = { left, top, right, bottom };
      return redraw(false);
    }
    const other = [...fingers].find(([id]) => id !== pointerId)?.[1];
    if (!other) return start.still || shift(x - last[0], y - last[1]);
    const length = ([a, b]) => Math.hypot(a - other[0], b - other[1]);
    zoom(length([x, y]) / Math.max(1, length(last)), ...other);
  });

  canvas.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    const { offsetX: x, offsetY: y } = event;
    if (brush) chooseRegion(inside(brush));
    else if (start?.still) choose(nearest(x, y));
    brush = undefined;
    redraw(false);
  });

  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => aim(undefined));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    aim(undefined);
    zoom(Math.exp(-event.deltaY * 0.002), event.offsetX, event.offsetY);
  }, { passive: false });

  const STEP = 60, FACTOR = 1.4;
  const KEYS = {
    ArrowLeft: () => shift(STEP, 0),
    ArrowRight: () => shift(-STEP, 0),
    ArrowUp: () => shift(0, STEP),
    ArrowDown: () => shift(0, -STEP),
    "+": () => zoom(FACTOR),
    "=": () => zoom(FACTOR),
    "-": () => zoom(1 / FACTOR),
    0: whole,
    Enter: () => choose(nearest(view.width / 2, view.height / 2, Infinity)),
    n: () => {
      const next = chosen !== undefined &&
        neighboursOf(stack(), chosen).find((other) => !path.includes(other));
      if (Number.isInteger(next)) find(next, path);
    },
    r: () => chooseRegion(inside(screen())),
    Escape() {
      choose(undefined);
      chooseRegion([]);
      pick(undefined);
    },
  };
  canvas.addEventListener("keydown", (event) => {
    const act = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });

  /** Chooses an image, after those on the way to it, and brings it into the middle. */
  function find(point, before) {
    choose(point, before);
    [view.x, view.y] = [after[2 * point] / LARGEST, after[2 * point + 1] / LARGEST];
    redraw();
  }

  function search() {
    const words = inputs.find.value.trim().toLowerCase(), index = Number(words);
    if (Number.isInteger(index) && index >= 0 && index < count) return find(index);
    for (const matches of [(name) => name === words, (name) => name.includes(words)]) {
      for (const { names, values } of truths) {
        const group = names.findIndex((name) => matches(name.toLowerCase()));
        if (group >= 0) return pick({ values, group });
      }
    }
    inputs.find.setCustomValidity(`No image and no class is called so; images are 0 to ${count - 1}.`);
    inputs.find.reportValidity();
  }

  /** Fills a list of choices, and keeps what was chosen where there is such a choice. */
  function fill(input, choices) {
    const was = input.value;
    input.replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
    if (choices.some(([value]) => `${value}` === was)) input.value = was;
  }

  function fillStack() {
    fill(inputs.stack, stacks().map(({ name }, at) => [at, name]));
    fill(inputs.projection, [...stack().projections.keys()].map((name) => [name, name]));
    fill(inputs.colour, groupings().map(({ name }) => [name, name]));
  }

  for (const input of [inputs.run, inputs.stack, inputs.projection]) {
    input.addEventListener("change", () => {
      fillStack();
      move();
      recolour();
      showImage();
      showRegion();
    });
  }
  inputs.colour.addEventListener("change", () => {
    recolour();
    showRegion();
  });
  inputs.size.addEventListener("input", () => redraw());
  inputs.find.addEventListener("change", () => inputs.find.value.trim() && search());
  inputs.find.addEventListener("input", () => {
    inputs.find.setCustomValidity("");
    if (inputs.find.value.trim() === "") pick(undefined);
  });
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  get("whole").addEventListener("click", whole);
  get("shown").addEventListener("click", () => chooseRegion(inside(screen())));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());

  fill(inputs.run, runs.map(({ title }, at) => [at, title]));
  fillStack();
  get("found").replaceChildren(
    ...truths.flatMap(({ names }) => names.map((value) => make("option", { value }))),
  );
  move();
  recolour();
  sprite.decode().then(async () => {
    sheet = await createImageBitmap(sprite);
    await painter?.pictures();
    redraw();
  });
  new ResizeObserver(() => {
    Object.assign(view, { width: map.clientWidth, height: map.clientHeight });
    for (const layer of [canvas, marks]) {
      layer.width = Math.round(view.width * devicePixelRatio);
      layer.height = Math.round(view.height * devicePixelRatio);
    }
    redraw();
  }).observe(map);
})();
