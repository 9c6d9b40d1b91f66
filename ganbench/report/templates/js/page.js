// Small things that all parts of the page use, and its theme.

const read = (id) => JSON.parse(document.getElementById(id).textContent);

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Gives a file to the reader.
function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// One field of a CSV file, written as pandas writes it.
function csvField(value, kind) {
  if (value === null || value === undefined || value === "NaN") return "";
  if (value === "Infinity" && kind !== "text") return "inf";
  if (value === "-Infinity" && kind !== "text") return "-inf";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (kind === "number" && Number.isInteger(value) && Math.abs(value) < 1e16) return `${value}.0`;
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csvText = (lines) => lines.map((fields) => fields.join(",") + "\n").join("");

const wantsDark = matchMedia("(prefers-color-scheme: dark)");
const onTheme = [];

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : wantsDark.matches;
}

function remembered(value) {
  try {
    if (value === undefined) return localStorage.getItem("ganbench-theme");
    localStorage.setItem("ganbench-theme", value);
  } catch {
    // Some browsers keep nothing for pages from a disk; the page's own choice still holds.
  }
  return null;
}

function setUpTheme() {
  const button = document.getElementById("theme");
  const show = () => {
    button.textContent = isDark() ? "Light theme" : "Dark theme";
    onTheme.forEach((follow) => follow());
  };
  const before = remembered();
  if (before === "dark" || before === "light") document.documentElement.dataset.theme = before;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    remembered(document.documentElement.dataset.theme);
    show();
  });
  wantsDark.addEventListener("change", show);
  button.hidden = false;
  show();
}

// A group of buttons: one of them is pressed.
function setUpSwitch(group, follow) {
  const buttons = [...group.querySelectorAll("button")];
  const press = (value) =>
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.value === String(value))));
  buttons.forEach((button) => {
    button.addEventListener("click", () => {
      press(button.value);
      follow(button.value);
    });
  });
  return press;
}

setUpTheme();
