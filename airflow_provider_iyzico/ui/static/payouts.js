// What needs a person, and the payouts of a period.

import { badge, openBatch, stateOf } from "./batch.js";
import { link } from "./files.js";
import { lacking } from "./lack.js";
import { duration, element, fill, moment, money, number, say } from "./show.js";

/** What may have become of a payment that is not paid. With what is paid, it adds up to what was requested. */
const NOT_PAID = ["waiting", "out", "unknown", "returned", "cancelled", "invalid"];
const $ = (id) => document.getElementById(id);

/** Show how many exceptions are open, also where the payouts are not on the screen. */
export function showCount({ lack, exceptions_in_all: count }) {
  $("open-exceptions").hidden = Boolean(lack) || !count;
  $("open-exceptions").textContent = lack || !count ? "" : say("exceptions_open", { count: number(count) });
}

export function showPayouts(found, who, period) {
  showCount(found);
  $("payouts-lack").hidden = !found.lack;
  $("payouts-lack").replaceChildren(...(found.lack ? lacking(found.lack) : []));
  for (const id of ["exceptions-card", "payouts-card"]) $(id).hidden = Boolean(found.lack);
  if (found.lack) return;
  showExceptions(found, who.currency);
  showList(found, who.currency);
  for (const what of ["exceptions", "payouts"]) link(`csv-${what}`, `file/${what}`, { ...who, ...period });
}

function showExceptions({ exceptions, exceptions_in_all: all }, currency) {
  const columns = [
    ["column_exception", "", advised],
    ["column_external_id", "id", (each) => (each.kind === "plain_hold_old" ? each.external_id : openBatch(each.external_id))],
    ["column_item_external_id", "id", (each) => each.item_external_id ?? "–"],
    ["column_amount", "number", (each) => money(each.amount, currency)],
    ["column_lasts", "number", (each) => duration(each.age_hours * 60)],
    ["column_since", "moment", (each) => moment(each.since)],
    ["column_detail", "id", detail],
  ];
  fill($("exceptions"), columns, exceptions);
  const isCut = all > exceptions.length;
  $("exceptions-note").hidden = exceptions.length > 0 && !isCut;
  $("exceptions-note").textContent = isCut ? say("exceptions_most", { count: exceptions.length, all: number(all) }) : say("exceptions_empty");
}

/** What an exception is, and below it what helps. */
function advised({ kind }) {
  const advice = element("p", { className: "why", textContent: say(`advice_${kind}`) });
  return element("div", {}, badge(say(`exception_${kind}`), "bad"), advice);
}

/** A status stays as iyzico spells it; a state is the ledger's own word. */
function detail({ detail: word }) {
  const said = say(`state_${word}`);
  return said === `state_${word}` ? (word ?? "–") : said;
}

function showList({ batches, sums }, currency) {
  const cash = (name) => [`column_${name}`, "number", (each) => money(each[name], currency)];
  const columns = [
    ["column_external_id", "id", (each) => (each.is_sum ? say("sums") : openBatch(each.external_id))],
    ["column_state", "", (each) => (each.is_sum ? "" : stateOf(each))],
    ["column_created_at", "moment", (each) => (each.is_sum ? "" : moment(each.created_at))],
    ...["requested_total", "invalid_total", "paid_total", "paid_commission", "returned_total", "cancelled_total", "outstanding_total"].map(cash),
  ];
  fill($("payouts"), columns, batches.length ? [...batches, { ...sums, is_sum: true }] : []);
  const isCut = sums.batches > batches.length;
  $("payouts-note").hidden = batches.length > 0 && !isCut;
  $("payouts-note").textContent = isCut ? say("payouts_most", { count: batches.length, all: number(sums.batches) }) : say("payouts_empty");
  const parts = sums.requested_items ? paid(sums, currency) : [];
  $("everybody-paid").replaceChildren(...parts);
}

function paid(sums, currency) {
  const { paid_items: count, requested_items: items, paid_total: total } = sums;
  const isAll = count === items;
  const values = { paid: number(count), items: number(items), amount: money(total, currency) };
  const said = element("p", { className: "said", textContent: `${isAll ? "✓" : "⚠"} ${say(isAll ? "paid_all" : "paid_some", values)}` });
  if (isAll) return [said];
  const there = NOT_PAID.filter((name) => sums[`${name}_items`]);
  const rest = there.map((name) => `${say(`meaning_${name}`)}: ${number(sums[`${name}_items`])} (${money(sums[`${name}_total`], currency)})`);
  return [said, element("p", { className: "muted", textContent: rest.join(" · ") })];
}
