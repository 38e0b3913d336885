// What is available for new payouts of the newest balance that is known, and which payouts hold the rest.

import { openBatch } from "./batch.js";
import { lacking } from "./lack.js";
import { MINUTE, age, element, moment, money, say } from "./show.js";

const MOST_AT_ONCE = 4;
const OLD_MINUTES = 60;
const $ = (id) => document.getElementById(id);

/** Show the funds of a report; without a ledger, say so. */
export function showFunds({ funds: { lack, funds }, latest, now }) {
  const { currency } = latest;
  const isKnown = Boolean(funds && funds.balance !== null);
  $("available").hidden = !isKnown;
  $("available").textContent = isKnown ? money(funds.available, currency) : "";
  $("funds-short").hidden = !isKnown || Number(funds.available) >= 0;
  const minutes = isKnown ? (now - funds.balance_asked_at) / MINUTE : 0;
  $("funds-old").hidden = minutes < OLD_MINUTES;
  $("funds-old").textContent = `⚠ ${say("funds_old", { age: age(minutes) })}`;
  const parts = [];
  if (lack) parts.push(...lacking(lack));
  else if (!isKnown) parts.push(element("p", { textContent: say("funds_never") }));
  else {
    const values = { moment: moment(funds.balance_asked_at), age: age(minutes) };
    parts.push(element("p", { textContent: say("funds_seen", { ...values, balance: money(funds.balance, currency) }) }));
  }
  if (funds) parts.push(...held(funds, currency));
  $("funds").replaceChildren(...parts);
}

function held({ held: amount, holds, held_by: holders, failed }, currency) {
  if (!holds) return [element("p", { textContent: say("funds_none_held") })];
  const said = element("p", { textContent: say("funds_held", { amount: money(amount, currency) }) });
  const ofFailed = (name) => (failed[name] ? ` ${say("holder_failed", { amount: money(failed[name], currency) })}` : "");
  const lines = holders.map(([name, part]) => element("li", {}, openBatch(name), ` ${money(part, currency)}${ofFailed(name)}`));
  if (holds > holders.length) lines.push(element("li", { textContent: say("holders_more", { count: holds - holders.length }) }));
  const list = (these) => element("ul", { className: "holders" }, ...these);
  const [first, others] = [lines.slice(0, MOST_AT_ONCE), lines.slice(MOST_AT_ONCE)];
  if (!others.length) return [said, list(first)];
  const summary = element("summary", { textContent: say("holders_others", { count: holds - first.length }) });
  return [said, list(first), element("details", { className: "muted" }, summary, list(others))];
}
