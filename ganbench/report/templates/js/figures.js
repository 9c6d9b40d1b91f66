// Figures: drawn when they come into sight, redrawn for another theme, saved as files.

const FIGURES = read("figures-data");
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const PAPER = 680; // pixels: the width of a printed page within its margins
const coarse = matchMedia("(pointer: coarse)");

// Plotly is five megabytes: the first figure that needs it starts it.
function plotly() {
  if (!window.Plotly) {
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly-source").textContent;
    document.head.append(script);
  }
  return window.Plotly;
}

// Ticks at 1, 2 and 5 of a decade, or at every digit in a range below one decade.
function logTicks([low, high]) {
  if (high - low > 0.5) return high - low > 3 ? 1 : high - low > 0.9 ? "D2" : "D1";
  // So few digits fall into a narrow range that even steps show more.
  const step = (10 ** high - 10 ** low) / 5;
  const power = 10 ** Math.floor(Math.log10(step));
  return `L${[1, 2, 5, 10].find((digit) => digit * power >= step) * power}`;
}

class PageFigure {
  constructor(root) {
    this.root = root;
    this.source = FIGURES[root.dataset.figure];
    this.plot = root.querySelector(".plot");
    this.view = 0;
    this.scale = this.firstScale();
    this.hidden = new Set();
    this.drawn = false;
    this.setUp();
  }

  get current() {
    return this.source.views[this.view];
  }

  firstScale() {
    const { axis, layout } = this.current;
    return axis ? layout[axis].type : "";
  }

  setUp() {
    for (const group of this.root.querySelectorAll("[data-switch]")) {
      const name = group.dataset.switch;
      const press = setUpSwitch(group, (value) => {
        this[name] = name === "view" ? Number(value) : value;
        this.showLegend();
        this.draw();
      });
      press(this[name]);
    }
    for (const button of this.root.querySelectorAll("[data-save]")) {
      button.addEventListener("click", () => this.save(button));
    }
    const bands = this.root.querySelector("[data-bands]");
    this.bands = bands?.getAttribute("aria-pressed") === "true";
    bands?.addEventListener("click", () => {
      this.bands = !this.bands;
      bands.setAttribute("aria-pressed", String(this.bands));
      this.draw();
    });
    for (const button of this.root.querySelectorAll(".legend button")) {
      button.addEventListener("click", () => this.toggle(button));
    }
    const details = this.root.querySelector(".data");
    details.addEventListener("toggle", () => this.showData(details), { once: true });
    this.showLegend();
  }

  showLegend() {
    for (const item of this.root.querySelectorAll(".legend li")) {
      item.hidden = item.dataset.view !== "-1" && item.dataset.view !== String(this.view);
    }
  }

  toggle(button) {
    const group = button.dataset.group;
    if (!this.hidden.delete(group)) this.hidden.add(group);
    button.setAttribute("aria-pressed", String(!this.hidden.has(group)));
    this.draw();
  }

  traces(dark) {
    return this.current.data.map((trace) => ({
      ...paint(trace, dark),
      visible: !this.hidden.has(trace.legendgroup) && (trace.meta !== "band" || this.bands),
    }));
  }

  layout(dark) {
    const { axis, layout, ranges } = this.current;
    const page = paint(layout, dark);
    if (axis && ranges[this.scale]) {
      page[axis] = { ...page[axis], type: this.scale, range: [...ranges[this.scale]] };
    }
    const narrow = this.plot.clientWidth < 480;
    for (const each of [page.xaxis, page.yaxis]) {
      if (each.type === "log" && each.range) each.dtick = logTicks(each.range);
      each.title.font = { size: narrow ? 11 : 14 };
    }
    const ink = painted("$ink", dark);
    const box = { bgcolor: painted("$card", dark), bordercolor: painted("$faint", dark) };
    return {
      margin: { l: 10, r: 14, t: 14, b: 10 },
      paper_bgcolor: "rgba(0, 0, 0, 0)",
      plot_bgcolor: "rgba(0, 0, 0, 0)",
      font: { family: FONT, size: narrow ? 11 : 13, color: ink },
      hoverlabel: { ...box, font: { color: ink, family: FONT, size: 12 }, align: "left", namelength: -1 },
      showlegend: false,
      dragmode: coarse.matches ? false : "zoom",
      height: this.source.height,
      ...page,
    };
  }

  draw(paper = false) {
    this.drawn = true;
    const dark = isDark() && !paper;
    const layout = this.layout(dark);
    if (paper) layout.width = PAPER;
    else layout.autosize = true;
    const config = { displayModeBar: false, responsive: !paper, doubleClick: "reset" };
    plotly().react(this.plot, this.traces(dark), layout, config);
  }

  // The figure on white, with its names: a file stands alone.
  alone() {
    const layout = this.layout(false);
    const names = this.traces(false).filter((t) => t.name && t.visible && t.showlegend !== false);
    const extra = names.length ? 24 * Math.ceil(names.length / 3) + 30 : 0;
    layout.title = { text: this.source.title, x: 0.01, xanchor: "left", font: { size: 15 } };
    layout.margin = { l: 20, r: 24, t: 46, b: 20 };
    layout.paper_bgcolor = layout.plot_bgcolor = "#ffffff";
    layout.showlegend = names.length > 0;
    layout.legend = { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0 };
    layout.margin.b += extra;
    layout.height += 30 + extra;
    layout.width = Math.max(900, this.plot.clientWidth);
    return { data: this.traces(false), layout };
  }

  async save(button) {
    const kind = button.dataset.save;
    const name = this.source.name;
    if (kind === "csv") {
      const rows = this.source.rows.map((row) => row.map((value) => csvField(value, "")));
      const heads = this.source.headers.map((head) => csvField(head, "text"));
      save(`${name}.csv`, "text/csv;charset=utf-8", csvText([heads, ...rows]));
      return;
    }
    const figure = this.alone();
    const { width, height } = figure.layout;
    const scale = kind === "png" ? 2 : 1;
    button.disabled = true;
    try {
      await plotly().downloadImage(figure, { format: kind, filename: name, width, height, scale });
    } finally {
      button.disabled = false;
    }
  }

  showData(details) {
    const { headers, rows } = this.source;
    const shown = (value) =>
      value === null ? MISSING : typeof value === "number" ? Number(value.toPrecision(6)) : value;
    const kind = headers.map((_, at) => (rows.some((row) => typeof row[at] === "number") ? "number" : null));
    const field = (value, at) => make("td", { class: kind[at] }, String(shown(value)));
    const head = headers.map((name, at) => make("th", { scope: "col", class: kind[at] }, name));
    const table = make(
      "table",
      null,
      make("caption", null, `Numbers of ${details.closest("figure").querySelector("h3").textContent}`),
      make("thead", null, make("tr", null, ...head)),
      make("tbody", null, ...rows.map((row) => make("tr", null, ...row.map(field)))),
    );
    details.querySelector(".scroll").append(table);
  }
}

function setUpFigures() {
  const roots = [...document.querySelectorAll("[data-figure]")];
  const figures = new Map(roots.map((root) => [root, new PageFigure(root)]));
  const sight = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        sight.unobserve(entry.target);
        setTimeout(() => figures.get(entry.target).draw()); // one by one, with room for clicks
      }
    },
    { rootMargin: "400px" },
  );
  roots.forEach((root) => sight.observe(root));
  onTheme.push(() => figures.forEach((figure) => figure.drawn && figure.draw()));
  addEventListener("beforeprint", () => figures.forEach((figure) => figure.draw(true)));
  addEventListener("afterprint", () => figures.forEach((figure) => figure.draw()));
}

setUpFigures();
