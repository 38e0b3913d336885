// Downloads: every table's link, in the format that the reader chose. Excel in Türkiye wants other signs than elsewhere.

import { say, start } from "./show.js";

const KEPT = "iyzico-files";
const NAMES = ["kind", "separator", "decimal_sign"];
const USUAL = start.language === "tr" ? { separator: "semicolon", decimal_sign: "comma" } : { separator: "comma", decimal_sign: "point" };
const chosen = { kind: "csv", ...USUAL, ...kept() };
const questions = {}; // by the link's name: where the table is

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT)) ?? {};
    return Object.fromEntries(NAMES.filter((name) => name in found).map((name) => [name, found[name]]));
  } catch {
    return {}; // storage may be forbidden, or hold something else
  }
}

/** Let a link lead to a table: `file/days`, and what it is asked. */
export function link(id, path, question) {
  questions[id] = [path, question];
  write(id);
}

function write(id) {
  const place = document.getElementById(id);
  const [path, question] = questions[id];
  place.href = `${path}?${new URLSearchParams({ ...question, ...chosen, lang: start.language })}`;
  const kind = chosen.kind.toUpperCase();
  place.textContent = `${kind} ↓`;
  place.setAttribute("aria-label", say("download_of", { kind, what: place.dataset.what }));
}

/** Offer the formats, and remember which one the reader wants. */
export function offerFiles() {
  if (!start.has_xlsx) chosen.kind = "csv";
  for (const name of NAMES) {
    const box = document.getElementById(`file-${name}`);
    if (![...box.options].some(({ value }) => value === chosen[name])) chosen[name] = box.options[0].value;
    box.value = chosen[name];
    box.onchange = () => {
      chosen[name] = box.value;
      follow();
      try {
        localStorage.setItem(KEPT, JSON.stringify(chosen));
      } catch {
        // then the next visit starts with what is usual
      }
    };
  }
  follow();
}

function follow() {
  for (const name of ["separator", "decimal_sign"]) document.getElementById(`file-${name}`).disabled = chosen.kind !== "csv";
  Object.keys(questions).forEach(write);
}
