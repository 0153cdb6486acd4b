// The page without this script is a table of all runs.
(() => {
  const find = (selector) => document.querySelector(selector);
  const head = find(".runs thead"), body = find(".runs tbody"), status = find("[role=status]");
  const filter = find(".tools input"), none = find(".tools button"), chart = find(".chart");
  const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

  const rows = new Map([...body.rows].map((row) => [row.dataset.run, row]));
  /** In the order in which they were chosen. */
  const chosen = new Set();
  let order = [...rows.keys()], sorting, tracks;

  const box = (row) => row.querySelector("input");
  /** Their lower-case words, which cells are not asked for again. */
  const words = new WeakMap();
  function wordsOf(row) {
    if (!words.has(row)) {
      words.set(row, Array.from(row.cells, (cell) => cell.textContent).join(" ").toLowerCase());
    }
    return words.get(row);
  }

  function keyOf(row, column) {
    const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent;
    return text === "" ? undefined : text;
  }

  function sorted(ids) {
    if (!sorting) return ids;
    const { column, sign } = sorting;
    const keys = new Map(ids.map((id) => [id, keyOf(rows.get(id), column)]));
    const numeric = [...keys.values()].every((key) => key === undefined || !Number.isNaN(Number(key)));
    const compare = numeric ? (a, b) => a - b : new Intl.Collator("en", { numeric: true }).compare;
    return ids.toSorted((one, other) => {
      const [a, b] = [keys.get(one), keys.get(other)];
      // What is missing comes last, either way.
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      return sign * compare(a, b);
    });
  }

  /** One box is reached by the tab key, the others from there by arrows. */
  function rove(to) {
    for (const row of body.rows) box(row).tabIndex = -1;
    if (to) box(to).tabIndex = 0;
  }

  const hiding = document.head.appendChild(document.createElement("style"));

  /** Leaves the rows that have all words of the filter, and of the fields those in which these differ. */
  function show() {
    const wanted = filter.value.toLowerCase().split(/\s+/);
    const shown = [...body.rows].filter((row) => {
      row.hidden = !wanted.every((word) => wordsOf(row).includes(word));
      return !row.hidden;
    });
    const same = [...head.rows[0].cells].flatMap((title, column) => {
      if (!("field" in title.dataset)) return [];
      const first = shown[0]?.cells[column].textContent;
      return shown.every((row) => row.cells[column].textContent === first) ? [column] : [];
    });
    hiding.textContent = same.map((column) => `.runs tr > :nth-child(${column + 1}) { display: none }`).join(
      "\n",
    );
    if (!shown.some((row) => box(row).tabIndex === 0)) rove(shown[0]);
    tell(shown.length);
  }

  let news = "";
  function tell(count) {
    const text = `${count} of ${rows.size} runs${chosen.size > 0 ? `, ${chosen.size} chosen` : ""}${news}`;
    if (status.textContent !== text) status.textContent = text;
  }

  function arrange() {
    body.append(...sorted(order).map((id) => rows.get(id)));
    [...head.rows[0].cells].forEach((title, column) => {
      if (sorting?.column !== column) title.removeAttribute("aria-sort");
      else title.setAttribute("aria-sort", sorting.sign > 0 ? "ascending" : "descending");
    });
    show();
  }

  /** Makes buttons of the titles. */
  function dress() {
    [...head.rows[0].cells].forEach((title, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...title.childNodes);
      button.addEventListener("click", () => {
        sorting = { column, sign: sorting?.column === column ? -sorting.sign : 1, title: button.textContent };
        arrange();
      });
      title.append(button);
    });
  }

  /** Pixels: of a column in which the chart is drawn as wide as it, and of the chart's axis and padding. */
  const NARROW = 640, AXIS = 70;

  let drawn = 0;
  async function draw() {
    const turn = ++drawn;
    tracks ??= read("tracks");
    const values = [...chosen].flatMap((run) =>
      tracks[run].flatMap(({ epochs, measures }) =>
        Object.entries(measures).flatMap(([measure, stacks]) =>
          stacks.flatMap((curve, stack) =>
            curve.map((value, at) => ({
              run: nameOf(run),
              stack: `stack ${stack}`,
              measure,
              epoch: epochs[at],
              value,
            }))
          )
        )
      )
    );
    if (values.length === 0) return chart.replaceChildren();
    const live = document.createElement("div");
    live.className = "live";
    const options = {
      ...{ mode: "vega-lite", actions: false, defaultStyle: false, renderer: "canvas" },
      // Expressions are interpreted: the page's policy forbids compiling text.
      ...{ ast: true, tooltip: { disableDefaultStyle: true } },
    };
    const spec = { ...read("chart"), data: { values } }, { clientWidth } = chart.parentElement;
    if (clientWidth < NARROW) {
      spec.spec.width = clientWidth - AXIS;
      spec.spec.encoding.color.legend.columns = 1;
    }
    await globalThis.vegaEmbed(live, spec, options);
    if (turn !== drawn) return;
    chart.replaceChildren(live);
    fit();
  }

  const nameOf = (run) => `${run} ${rows.get(run).cells[1].textContent}`;

  /** By zoom: vega would look for the pointer elsewhere if only the size changed. */
  function fit() {
    const live = chart.firstElementChild;
    if (!live) return;
    live.style.zoom = 1;
    live.style.zoom = Math.min(1, chart.parentElement.clientWidth / live.scrollWidth);
  }
  new ResizeObserver(fit).observe(chart.parentElement);

  body.addEventListener("change", ({ target }) => {
    const run = target.closest("tr").dataset.run;
    if (target.checked) chosen.add(run);
    else chosen.delete(run);
    show();
    draw();
  });
  body.addEventListener("focusin", ({ target }) => rove(target.closest("tr")));
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  body.addEventListener("keydown", (event) => {
    const step = steps[event.key], shown = [...body.rows].filter((row) => !row.hidden);
    const to = shown[shown.indexOf(event.target.closest("tr")) + step];
    if (!step || !to) return;
    event.preventDefault();
    box(to).focus();
  });
  filter.addEventListener("input", show);
  none.addEventListener("click", () => {
    chosen.clear();
    for (const row of body.rows) box(row).checked = false;
    show();
    draw();
  });

  find(".tools").hidden = false;
  dress();
  show();

  let revision = read("revision");
  /** Milliseconds between two questions. */
  const PAUSE = 2000;

  /** Takes over what changed; what was chosen, sorted and filtered stays. */
  function renew(changes) {
    const focused = document.activeElement?.closest("tr")?.dataset.run;
    if (changes.head !== undefined) {
      head.innerHTML = changes.head;
      // The column that is sorted by may stand elsewhere.
      const column = [...head.rows[0].cells].findIndex(({ textContent }) => textContent === sorting?.title);
      sorting = column < 0 ? undefined : { ...sorting, column };
      dress();
    }
    tracks ??= read("tracks");
    for (const { id, row, tracks: curves } of changes.runs) {
      const template = document.createElement("template");
      template.innerHTML = row;
      const [fresh] = template.content.children, old = rows.get(id);
      box(fresh).checked = chosen.has(id);
      box(fresh).tabIndex = old ? box(old).tabIndex : -1;
      old?.replaceWith(fresh);
      rows.set(id, fresh);
      tracks[id] = curves;
    }
    order = changes.order;
    const gone = new Set(rows.keys()).difference(new Set(order));
    for (const id of gone) {
      rows.get(id).remove();
      rows.delete(id);
      chosen.delete(id);
    }
    arrange();
    if (focused !== undefined && rows.has(focused)) box(rows.get(focused)).focus({ preventScroll: true });
    if (changes.runs.some(({ id }) => chosen.has(id)) || gone.size > 0) draw();
    revision = changes.revision;
  }

  async function ask() {
    if (!document.hidden) {
      try {
        const answer = await fetch(`changes?since=${revision}`);
        if (!answer.ok) throw new Error(`${answer.status}`);
        const changes = await answer.json();
        news = "";
        if (changes.revision !== revision) renew(changes);
        else show();
      } catch {
        news = ", no longer renewed: deno task runs --watch has ended";
        show();
      }
    }
    setTimeout(ask, PAUSE);
  }
  if (revision !== null) setTimeout(ask, PAUSE);
})();
