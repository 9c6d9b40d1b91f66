// Looks colors of figures up by name, for the page's theme.

const COLORS = read("colors-data");

function painted(name, dark) {
  const [key, opacity] = name.slice(1).split("/");
  const hex = COLORS[key][dark ? 1 : 0];
  if (!opacity) return hex;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

const isColor = (key) => /color$/.test(key);
const isName = (value) => typeof value === "string" && value.startsWith("$");

// A copy of a part of a figure with its colors looked up.
function paint(value, dark, key = "") {
  if (isColor(key) && isName(value)) return painted(value, dark);
  if (Array.isArray(value)) {
    if (isColor(key)) return value.map((item) => (isName(item) ? painted(item, dark) : item));
    return value.some((item) => typeof item === "object" && item !== null)
      ? value.map((item) => paint(item, dark, key))
      : value;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, paint(v, dark, k)]));
}
