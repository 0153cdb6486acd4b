// The page without this script is whole: charts are pictures, all code shows. With it, code is folded to its first line.
(() => {
  const button = document.querySelector(".bar button");
  const cells = document.querySelectorAll("details.code");
  if (button && cells.length > 0) {
    const show = (open) => {
      button.setAttribute("aria-pressed", open);
      button.textContent = open ? "Hide code" : "Show code";
      for (const cell of cells) cell.open = open;
    };
    button.hidden = false;
    button.addEventListener("click", () => show(button.getAttribute("aria-pressed") === "false"));
    show(false);
    // On paper nothing can be unfolded.
    let folded = [];
    addEventListener("beforeprint", () => {
      folded = [...cells].filter((cell) => !cell.open);
      for (const cell of folded) cell.open = true;
    });
    addEventListener("afterprint", () => folded.forEach((cell) => cell.open = false));
  }

  const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  const options = {
    mode: "vega-lite",
    actions: false,
    defaultStyle: false,
    // Expressions are interpreted: the page's policy forbids compiling text.
    ast: true,
    tooltip: {
      disableDefaultStyle: true,
      // The handler's own escaping lets quotes through, into the address of an image.
      sanitize: (value) => String(value).replace(/[&<>"']/g, (character) => escapes[character]),
    },
  };

  // Ink, paper, lines and notes of charts on a dark page; what is coloured stays as it is.
  const [light, ground, faint, quiet] = ["#dcdde1", "#15171b", "#33363d", "#a2a6af"];
  const DARK = { "#26282e": light, white: ground, "#dfe1e5": faint, "#717581": quiet };
  // For those that leave them to others.
  const DARK_CONFIG = {
    background: ground,
    view: { stroke: faint },
    style: Object.fromEntries(
      ["guide-label", "guide-title", "group-title", "group-subtitle", "text"].map((
        name,
      ) => [name, { fill: light }]),
    ),
    axis: { domainColor: light, tickColor: light, gridColor: faint },
  };
  // A picture among many says nothing by itself; the chart has a name.
  const CONFIG = { image: { aria: false } };
  /** Of a compiled chart, the frames that readers draw: nothing to be read out. */
  function patch(spec) {
    for (const part of spec.marks ?? []) {
      if (/_brush/.test(part.name)) part.aria = false;
      patch(part);
    }
    return spec;
  }
  const dark = matchMedia("(prefers-color-scheme: dark)"), narrow = matchMedia("(max-width: 48rem)");

  /** In pixels: a panel's least width, a map's largest side, what is left and right of a row, and between panels. */
  const LEAST = 140, MOST = 440, EDGES = 32, GAP = 20;

  /** All parts of a chart that have a size of their own, changed. */
  function withPanels(spec, change) {
    const parts = ["hconcat", "vconcat", "concat"].filter((name) => name in spec)
      .map((name) => [name, spec[name].map((part) => withPanels(part, change))]);
    return change({ ...spec, ...Object.fromEntries(parts) });
  }

  /** Panels below each other, each with the names of its rows. */
  function stacked(spec) {
    const named = ([first, ...others]) => [
      first,
      ...others.map((part) => {
        const y = first.encoding?.y;
        return y && part.encoding?.y?.field === y.field
          ? { ...part, encoding: { ...part.encoding, y } }
          : part;
      }),
    ];
    return withPanels(spec, ({ hconcat, ...rest }) => ({
      ...rest,
      ...hconcat && { vconcat: named(hconcat) },
      ...rest.columns && { columns: 1 },
    }));
  }

  /** Panels narrower by so many pixels, or wider: squares stay squares. */
  function narrowed(spec, pixels) {
    return withPanels(spec, (part) => {
      if (typeof part.width !== "number") return part;
      const width = Math.max(LEAST, Math.floor(part.width - pixels));
      return { ...part, width, ...part.height === part.width && { height: width } };
    });
  }

  /** Panels that are all squares, such as maps, as large as a row has room for. */
  function grown(spec, room) {
    const { vconcat, hconcat = vconcat ?? [], concat = hconcat, spacing = GAP } = spec;
    const columns = vconcat ? 1 : spec.columns ?? concat.length;
    if (columns === 0 || !concat.every(({ width, height }) => width > 0 && width === height)) return spec;
    const side = Math.min(MOST, (room - EDGES - (columns - 1) * spacing) / columns);
    return narrowed(spec, concat[0].width - side);
  }

  /** A chart with its parts below each other and narrower where they do not fit. */
  async function laidOut(live, spec, options) {
    const room = live.closest(".output").clientWidth;
    const draw = async (spec) => {
      const { view } = await globalThis.vegaEmbed(live, spec, options);
      return { view, spec, over: live.scrollWidth - room };
    };
    let drawn = await draw(grown(spec, room));
    if (drawn.over > 0) drawn = await draw(grown(stacked(spec), room));
    if (drawn.over > 0) drawn = await draw(narrowed(drawn.spec, drawn.over));
    return drawn.view;
  }

  /** Rows of data above which a browser draws and zooms a canvas much faster than elements. */
  const MANY = 2_000;

  // Vega's reader of CSV compiles text too. A field, in quotes or without, and what ends it.
  const FIELD = /(?:"((?:[^"]|"")*)"|((?:[^",\n][^,\n]*)?))(,|\n|$)/gy;

  function rowsOf(text) {
    const rows = [[]];
    for (const [, quoted, plain, end] of text.trim().matchAll(FIELD)) {
      rows.at(-1).push(plain ?? quoted.replaceAll('""', '"'));
      if (end === "") break;
      if (end === "\n") rows.push([]);
    }
    return rows;
  }

  function unpackTable(_key, data) {
    if (data?.format?.type !== "csv" || typeof data.values !== "string") return data;
    const [names, ...rows] = rowsOf(data.values);
    const values = rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])));
    return { ...data, values, format: { ...data.format, type: "json" } };
  }

  function csvOf(rows) {
    const cell = (value) =>
      /[",\n]/.test(value ?? "") ? `"${String(value).replaceAll('"', '""')}"` : value ?? "";
    const names = [...new Set(rows.flatMap(Object.keys))];
    return [names, ...rows.map((row) => names.map((name) => row[name]))].map((row) => row.map(cell).join())
      .join("\n");
  }

  /** The points of a map, whose table is packed. */
  function points(view) {
    const { data } = view.getState({ data: () => true });
    const rows = Object.values(data).find((rows) => rows?.[0]?.x0 !== undefined);
    const kept = ([name]) => /^(index|name|[xy]\d+)$/.test(name);
    return rows?.map((row) => Object.fromEntries(Object.entries(row).filter(kept)));
  }

  /** Buttons that save a chart, and the rows behind it where they are a table. */
  function downloads(chart, view, rows) {
    const ways = {
      ...Array.isArray(rows) && { CSV: () => new Blob([csvOf(rows)], { type: "text/csv" }) },
      SVG: async () => new Blob([await view.toSVG()], { type: "image/svg+xml" }),
      PNG: async () => {
        const canvas = await view.toCanvas(2);
        return await new Promise((done) => canvas.toBlob(done));
      },
    };
    const name = chart.closest("[id]")?.id ?? "chart", line = document.createElement("p");
    line.className = "downloads";
    for (const [kind, make] of Object.entries(ways)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = kind;
      button.setAttribute("aria-label", `Save ${chart.getAttribute("aria-label")} as ${kind}`);
      button.addEventListener("click", async () => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(await make());
        link.download = `${name}.${kind.toLowerCase()}`;
        link.click();
        URL.revokeObjectURL(link.href);
      });
      line.append(button);
    }
    return line;
  }

  /** A chart as it was before it was packed. */
  async function unpacked(chart, change) {
    const bytes = Uint8Array.from(atob(chart.querySelector("script").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text(), change);
  }

  async function draw(chart) {
    const figure = chart.parentElement, live = document.createElement("div");
    live.className = "live";
    try {
      const recoloured = (key, value) => unpackTable(key, dark.matches && DARK[value] || value);
      const spec = await unpacked(chart, recoloured);
      figure.querySelectorAll(".live, .downloads").forEach((part) => part.remove());
      chart.append(live);
      const renderer = spec.data?.values?.length > MANY ? "canvas" : "svg";
      const config = dark.matches ? { ...CONFIG, ...DARK_CONFIG } : CONFIG;
      const view = await laidOut(live, spec, { ...options, config, renderer, patch });
      // The page changed meanwhile, and the chart is being drawn for what it is now.
      if (!live.isConnected) return;
      chart.classList.add("drawn");
      chart.after(downloads(chart, view, points(view) ?? spec.data?.values));
      // By zoom: vega would look for the pointer elsewhere if only the size changed.
      const { scrollWidth: width } = live;
      new ResizeObserver(() => live.style.zoom = Math.min(1, figure.clientWidth / width)).observe(figure);
    } catch (error) {
      live.remove();
      console.error("A chart stays a picture:", error);
    }
  }

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "400px" });
  for (const chart of document.querySelectorAll(".chart")) near.observe(chart);
  const again = () => document.querySelectorAll(".chart.drawn").forEach(draw);
  for (const query of [dark, narrow]) query.addEventListener("change", again);
})();
