// The parts of the page: one is on the screen, and asks the server for what it shows.

import { showAccounts } from "./accounts.js";
import { showBatch } from "./batch.js";
import { showMonth } from "./month.js";
import { showBelow, showMovements } from "./movements.js";
import { showCount, showPayouts } from "./payouts.js";
import { element, say, start } from "./show.js";

const PATIENCE_MS = 60_000;
const PARTS = {
  balance: null, // the page itself shows it
  payouts: showPayouts,
  month: showMonth,
  movements: showMovements,
  accounts: showAccounts,
};
const $ = (id) => document.getElementById(id);
const phone = matchMedia("(max-width: 40rem)");
const asked = new URLSearchParams(location.search);
let part = asked.get("part") in PARTS ? asked.get("part") : "balance";
let batch = part === "payouts" ? asked.get("batch") : null;
let question; // the account and the period on the screen
let counted; // the account whose exceptions were counted
let pending;

/** What the address says of the part. */
export function place() {
  return { ...(part === "balance" ? {} : { part }), ...(batch ? { batch } : {}) };
}

/** Show the part for an account and a period. */
export async function showPart(who, period) {
  const isOther = JSON.stringify(question?.who) !== JSON.stringify(who);
  if (isOther && question) batch = null; // a payout belongs to its account
  if (isOther) counted = undefined;
  question = { who, period };
  await refresh();
}

async function refresh() {
  for (const name of Object.keys(PARTS)) {
    $(`part-${name}`).hidden = name !== part;
    const isThis = name === part;
    if (isThis) $(`to-${name}`).setAttribute("aria-current", "page");
    else $(`to-${name}`).removeAttribute("aria-current");
  }
  $("period").hidden = part === "accounts";
  $("printed-period").hidden = ["accounts", "month"].includes(part); // the month has its name in its first line
  pending?.abort();
  const mine = (pending = new AbortController());
  const timer = setTimeout(() => mine.abort(), PATIENCE_MS);
  $("parts").setAttribute("aria-busy", "true");
  try {
    await fetchAll(mine);
    if (mine === pending) $("part-notice").hidden = true;
  } catch (error) {
    if (mine === pending) complain(error.notice ?? { title: say("unavailable_title"), advice: say("unavailable_advice") });
  }
  clearTimeout(timer);
  if (mine === pending) $("parts").setAttribute("aria-busy", "false");
}

/** Ask one thing after the other: the server keeps few places for readers. */
async function fetchAll(mine) {
  const { who, period } = question;
  const ask = async (path, more) => {
    const query = new URLSearchParams({ ...more, lang: start.language });
    const answer = await fetch(`${path}?${query}`, { headers: { Accept: "application/json" }, signal: mine.signal });
    const found = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(path), { notice: found });
    return found;
  };
  const isCurrent = () => mine === pending;
  if (PARTS[part]) {
    const name = part;
    const found = await ask(name, name === "accounts" ? {} : { ...who, ...period });
    if (!isCurrent()) return;
    PARTS[name](found, who, period);
    if (name === "payouts") counted = who;
  }
  if (part === "payouts") {
    const found = batch && (await ask("batch", { ...who, external_id: batch }));
    if (isCurrent()) showBatch(found, who);
  }
  if (part === "movements") {
    const found = await ask("below", { ...who, ...period });
    if (isCurrent()) showBelow(found, who);
  }
  if (counted !== undefined) return;
  const found = await ask("exceptions", who);
  if (!isCurrent()) return;
  showCount(found);
  counted = who;
}

function complain({ title, advice, detail }) {
  const again = element("button", { type: "button", textContent: say("try_again"), onclick: refresh });
  const parts = [element("h2", { textContent: title }), element("p", { textContent: advice })];
  if (detail) parts.push(element("pre", { textContent: detail }));
  $("part-notice").replaceChildren(...parts, again);
  $("part-notice").hidden = false;
}

/** Go to a part, and let the address say so. */
async function go(name, payout = null) {
  [part, batch] = [name, payout];
  const address = new URLSearchParams(location.search);
  for (const key of ["part", "batch"]) address.delete(key);
  for (const [key, value] of Object.entries(place())) address.set(key, value);
  history.replaceState(null, "", `?${address}`);
  if (!question) return;
  await refresh();
  if (phone.matches) (name === "balance" ? document.body : $("parts")).scrollIntoView(); // what was chosen, and not what is above it
  if (payout && !$("batch").hidden) {
    $("batch").scrollIntoView({ block: "start" });
    $("batch-title").focus();
  }
}

export function offerParts() {
  for (const name of Object.keys(PARTS)) {
    $(`to-${name}`).onclick = (event) => {
      event.preventDefault();
      go(name);
    };
  }
  $("close-batch").onclick = async () => {
    await go("payouts");
    $("to-payouts").focus();
  };
  $("open-exceptions").onclick = (event) => {
    event.preventDefault();
    go("payouts");
  };
  addEventListener("batch", ({ detail }) => go("payouts", detail));
}
