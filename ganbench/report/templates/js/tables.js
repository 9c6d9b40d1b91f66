// Tables of cells and of trials: sorted, filtered, with the columns that a reader chooses.

const MISSING = "–";
const LONG = 36; // characters of a text that may be broken
const VERY_LONG = 100;

const unpacked = (items) => (Array.isArray(items) ? items : items.at.map((at) => items.of[at]));

class ResultTable {
  constructor(root, source) {
    this.root = root;
    this.source = source;
    this.columns = source.columns.map((column) => ({
      ...column,
      texts: unpacked(column.texts),
      values: unpacked(column.values),
      best: new Set(column.best),
      numeric: column.kind === "number" || column.kind === "whole",
    }));
    this.byName = new Map(this.columns.map((column) => [column.name, column]));
    this.head = root.querySelector("thead tr");
    this.body = root.querySelector("tbody");
    this.rows = [...this.body.rows];
    this.order = this.rows.map((_, index) => index);
    this.live = root.querySelector(".count");
    this.search = root.querySelector("input[type=search]");
    this.selects = [...root.querySelectorAll("select")];
    this.shown = source.defaults;
    this.sorted = null;
    this.hayTexts = null;
    this.setUp();
  }

  setUp() {
    this.head.addEventListener("click", (event) => {
      const head = event.target.closest("th");
      if (head && event.target.closest("button")) this.sort(head.cellIndex);
    });
    this.search.addEventListener("input", () => this.filter());
    this.selects.forEach((select) => select.addEventListener("change", () => this.filter()));
    this.root.querySelector(".reset").addEventListener("click", () => this.reset());
    this.root.querySelector(".csv").addEventListener("click", () => this.download());
    this.setUpChooser();
    this.root.querySelector(".controls").hidden = false;
    this.filter();
  }

  column(position) {
    return this.byName.get(this.shown[position]);
  }

  // The sorting key of a row; null for a missing value, which always comes last.
  key(column, row) {
    if (column.texts[row] === MISSING) return null;
    return column.numeric ? Number(column.values[row]) : column.texts[row];
  }

  sort(position) {
    const column = this.column(position);
    const up = !(this.sorted && this.sorted.name === column.name && this.sorted.up);
    this.sorted = { name: column.name, up };
    this.applySort();
    this.markSorted();
    this.say(`sorted by ${column.header}, ${up ? "ascending" : "descending"}`);
  }

  applySort() {
    const { name, up } = this.sorted;
    const column = this.byName.get(name);
    const collator = new Intl.Collator("en", { numeric: true });
    const keys = this.rows.map((_, row) => this.key(column, row));
    const compare = (a, b) => (column.numeric ? (a < b ? -1 : a > b ? 1 : 0) : collator.compare(a, b));
    this.order = this.rows.map((_, row) => row);
    this.order.sort((i, j) => {
      const [a, b] = [keys[i], keys[j]];
      if (a === null || b === null) return (a === null) - (b === null);
      return up ? compare(a, b) : compare(b, a);
    });
    this.body.append(...this.order.map((row) => this.rows[row]));
  }

  markSorted() {
    [...this.head.cells].forEach((head, position) => {
      const here = this.sorted && this.shown[position] === this.sorted.name;
      if (here) head.setAttribute("aria-sort", this.sorted.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }

  // The words of a row, in lower case, of the columns that are shown.
  hay(row) {
    this.hayTexts ??= this.rows.map((_, index) =>
      this.shown.map((name) => this.byName.get(name).texts[index]).join("\n").toLowerCase(),
    );
    return this.hayTexts[row];
  }

  chosen(row) {
    return this.selects.every((select) => {
      if (!select.value) return true;
      const text = this.byName.get(select.dataset.column).texts[row];
      if (select.dataset.column !== "verdicts") return text === select.value;
      return text.split(", ").some((part) => part.split(" ")[0] === select.value);
    });
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.rows.forEach((line, row) => {
      line.hidden = !(this.chosen(row) && words.every((word) => this.hay(row).includes(word)));
    });
    this.say();
  }

  say(more) {
    const count = this.rows.filter((row) => !row.hidden).length;
    const text = `${count} of ${this.rows.length} ${this.source.name}`;
    this.live.textContent = more ? `${text}, ${more}` : text;
  }

  reset() {
    this.search.value = "";
    this.selects.forEach((select) => (select.value = ""));
    this.show(this.source.defaults);
    this.sorted = null;
    this.order = this.rows.map((_, row) => row);
    this.body.append(...this.rows);
    this.markSorted();
    this.filter();
  }

  setUpChooser() {
    const panel = this.root.querySelector(".chooser .panel");
    const chooser = this.root.querySelector(".chooser");
    const all = this.columns.map((column) => column.name);
    const presets = { Default: this.source.defaults, ...this.source.presets, All: all };
    const buttons = Object.entries(presets).map(([name, columns]) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", () => this.show(columns));
      return button;
    });
    const boxes = this.columns.map((column) => {
      const box = make("input", { type: "checkbox", value: column.name });
      box.addEventListener("change", () => this.show(this.ticked()));
      return make("label", { title: column.meaning || null }, box, ` ${column.header}`);
    });
    panel.append(make("div", { class: "presets" }, ...buttons), make("div", { class: "boxes" }, ...boxes));
    this.boxes = [...panel.querySelectorAll("input")];
    this.tick();
    chooser.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      chooser.open = false;
      chooser.querySelector("summary").focus();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!chooser.contains(event.target)) chooser.open = false;
    });
  }

  // The ticked columns: the shown ones in their order, then the new ones.
  ticked() {
    const wanted = this.boxes.filter((box) => box.checked).map((box) => box.value);
    const kept = this.shown.filter((name) => wanted.includes(name));
    return [...kept, ...wanted.filter((name) => !kept.includes(name))];
  }

  tick() {
    this.boxes.forEach((box) => (box.checked = this.shown.includes(box.value)));
  }

  show(names) {
    if (!names.length) return this.tick();
    this.shown = names;
    this.hayTexts = null;
    this.head.replaceChildren(...names.map((name) => this.headOf(this.byName.get(name))));
    this.rows.forEach((line, row) =>
      line.replaceChildren(...names.map((name) => this.fieldOf(this.byName.get(name), row))),
    );
    this.markSorted();
    this.tick();
    this.filter();
  }

  headOf(column) {
    const button = make("button", { type: "button" }, column.header);
    const kind = column.numeric ? "number" : null;
    return make("th", { scope: "col", class: kind, title: column.meaning }, button);
  }

  fieldOf(column, row) {
    const text = column.texts[row];
    const anchor = column.name === "trial" ? this.source.anchors[row] : null;
    let content = text;
    if (column.tones) content = make("span", { class: `tone ${column.tones[row]}` }, text);
    else if (anchor) content = make("a", { href: `#${anchor}` }, text);
    else if (column.best.has(row)) content = make("strong", null, text);
    const folded = text.length > VERY_LONG ? "folded long" : text.length > LONG ? "folded" : null;
    return make("td", { class: column.numeric ? "number" : folded }, content);
  }

  download() {
    const columns = this.columns.filter((column) => !column.derived);
    const rows = this.order.filter((row) => !this.rows[row].hidden);
    const lines = rows.map((row) => columns.map((c) => csvField(c.values[row], c.kind)));
    const heads = columns.map((column) => csvField(column.name, "text"));
    save(`${this.source.name}.csv`, "text/csv;charset=utf-8", csvText([heads, ...lines]));
  }
}

function setUpTables() {
  const sources = new Map(read("tables-data").map((source) => [source.name, source]));
  for (const root of document.querySelectorAll(".table")) {
    new ResultTable(root, sources.get(root.dataset.table));
  }
}

setUpTables();
