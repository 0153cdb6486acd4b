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

  async function draw(chart) {
    const live = document.createElement("div");
    live.className = "live";
    chart.append(live);
    try {
      const spec = JSON.parse(chart.querySelector("script").textContent, unpackTable);
      const renderer = spec.data?.values?.length > MANY ? "canvas" : "svg";
      const { view } = await globalThis.vegaEmbed(live, spec, { ...options, renderer });
      chart.classList.add("drawn");
      chart.after(downloads(chart, view, spec.data?.values));
      // By zoom: vega would look for the pointer elsewhere if only the size changed.
      const { scrollWidth: width } = live;
      new ResizeObserver(() => live.style.zoom = Math.min(1, chart.parentElement.clientWidth / width))
        .observe(chart.parentElement);
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
})();
