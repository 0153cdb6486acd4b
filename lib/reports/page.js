// The page without this script is whole: charts are pictures, all code shows.
(() => {
  const button = document.querySelector(".bar button");
  const cells = document.querySelectorAll("details.code");
  if (button && cells.length > 0) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const hide = button.getAttribute("aria-pressed") === "false";
      button.setAttribute("aria-pressed", hide);
      button.textContent = hide ? "Show code" : "Hide code";
      for (const cell of cells) cell.open = !hide;
    });
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

  async function draw(chart) {
    const live = document.createElement("div");
    live.className = "live";
    chart.append(live);
    try {
      const spec = JSON.parse(chart.querySelector("script").textContent, unpackTable);
      const renderer = spec.data?.values?.length > MANY ? "canvas" : "svg";
      await globalThis.vegaEmbed(live, spec, { ...options, renderer });
      chart.classList.add("drawn");
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
