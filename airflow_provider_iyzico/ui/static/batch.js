// One payout: what became of its payments, and what happened to it, one event after the other.

import { link } from "./files.js";
import { lacking } from "./lack.js";
import { duration, element, fill, moment, money, number, say, toRun } from "./show.js";

const $ = (id) => document.getElementById(id);
/** What the ledger writes at the end of an item's reason when its commission changed. */
const COMMISSION = /(?:^|; )commission (-?[\d.]+)$/;
/** Why the ledger let an authorization go: who approved it, and which permission it used. */
const LET_GO = /^(?:approved by (.+?))?(?:(?:^|; )permitted at version (\d+))?$/;
const KINDS = { paid: "good", returned: "warn", out: "bad", unknown: "bad", invalid: "bad" };

/** A link that opens a payout. */
export function openBatch(name) {
  const asked = new URLSearchParams(location.search);
  asked.set("part", "payouts");
  asked.set("batch", name);
  const made = element("a", { href: `?${asked}`, textContent: name, className: "open-batch" });
  made.onclick = (event) => {
    event.preventDefault();
    dispatchEvent(new CustomEvent("batch", { detail: name }));
  };
  return made;
}

export function badge(text, kind = "") {
  return element("span", { className: `badge ${kind}`, textContent: text });
}

/** How far a payout has come, and whether it needs a person: a state is good or bad only with that. */
export function stateOf({ state, needs_person: needsPerson }) {
  const said = badge(say(`state_${state}`));
  if (!needsPerson) return said;
  const warning = badge(`⚠ ${say("needs_person")}`, "bad");
  return element("div", {}, ...[said, warning].map((each) => element("div", {}, each))); // below it, so that the column stays narrow
}

/** Show one payout, or none. */
export function showBatch(found, who) {
  $("batch").hidden = !found;
  if (!found) return;
  const { lack, name: asked, batch, items, events, most_events: most } = found;
  $("batch-title").textContent = say("batch", { name: asked });
  $("batch-none").hidden = Boolean(batch);
  $("batch-none").replaceChildren(...(lack ? lacking(lack) : [say("batch_none")]));
  $("batch-whole").hidden = !batch;
  if (!batch) return;
  const { currency, external_id: name } = batch;
  $("batch-facts").replaceChildren(...facts(batch));
  const columns = [
    ["column_item_external_id", "id", (each) => each.item_external_id],
    ["column_meaning", "", (each) => badge(say(`meaning_${each.meaning}`), KINDS[each.meaning])],
    ["column_amount", "number", (each) => money(each.amount, currency)],
    ["column_commission", "number", (each) => money(each.commission, currency)],
    ["column_recipient", "", recipient],
    ["column_status", "id", (each) => each.status || "–"],
    ["column_status_at", "moment", (each) => moment(each.status_at)],
    ["column_time_to_paid", "number", (each) => (each.seconds_to_paid === null ? "–" : duration(each.seconds_to_paid / 60))],
    ["column_reference_code", "id", (each) => each.reference_code ?? "–"],
    ["column_error", "id", (each) => each.error ?? "–"],
  ];
  fill($("items"), columns, items);
  const isCut = batch.requested_items > items.length;
  $("items-note").hidden = items.length > 0 && !isCut;
  $("items-note").textContent = isCut ? say("items_most", { count: items.length, all: batch.requested_items }) : say("items_empty");
  $("events").replaceChildren(...events.map((event) => element("li", {}, ...told(event, currency))));
  $("events-note").hidden = events.length < most;
  $("events-note").textContent = say("events_most", { count: most });
  for (const what of ["items", "events"]) link(`csv-${what}`, `file/batch/${what}`, { ...who, external_id: name });
}

function recipient({ recipient_type: kind, recipient_end: end }) {
  const said = say(`recipient_${kind}`);
  return `${said === `recipient_${kind}` ? kind : said} …${end}`;
}

function facts(batch) {
  const { currency } = batch;
  const cash = (name) => [`column_${name}`, money(batch[name], currency)];
  const run = (dag, id) => (dag ? toRun({ dag_id: dag, run_id: id }, dag) : null);
  const rows = [
    ["column_state", stateOf(batch)],
    ["column_request_id", batch.request_id],
    ["column_purpose", batch.purpose],
    ...["requested_total", "invalid_total", "valid_total", "paid_total", "paid_commission", "returned_total", "cancelled_total"].map(cash),
    cash("outstanding_total"),
    ["column_created_at", moment(batch.created_at)],
    ["column_started_by", run(batch.dag_id, batch.run_id)],
    ["column_approved_by", batch.approved_by],
    ["column_approved_at", batch.approved_at && moment(batch.approved_at)],
    ["column_authorized_by", batch.authorized_person ?? run(batch.authorized_dag_id, batch.authorized_run_id)],
    ["column_authorized_at", batch.authorized_at && moment(batch.authorized_at)],
    ["column_over_at", batch.ended_at && moment(batch.ended_at)],
  ];
  return rows.filter(([, value]) => value).map(([name, value]) => element("div", {}, element("dt", { textContent: say(name) }), element("dd", {}, value)));
}

function told(event, currency) {
  const { kind, before, after, count, item_external_id: item, person, dag_id: dag } = event;
  const spoken = ["registered", "state"].includes(kind) ? (word) => say(`state_${word}`) : (word) => word || "–";
  const parts = [element("time", { textContent: moment(event.happened_at, { dateStyle: "medium", timeStyle: "medium" }) })];
  const name = kind === "item" && count > 1 ? say("event_items", { count: number(count) }) : say(`event_${kind.replaceAll(" ", "_")}`);
  parts.push(" ", element("strong", { textContent: name }));
  if (kind === "item" && count === 1) parts.push(` ${item}`);
  if (after !== null && after !== before) parts.push(`: ${before ? `${spoken(before)} → ` : ""}${spoken(after)}`);
  if (person) parts.push(element("span", { className: "muted", textContent: ` · ${person}` }));
  else if (dag) parts.push(element("span", { className: "muted" }, " · ", toRun(event, dag)));
  return [...parts, ...why(event, currency)];
}

/** The package's own words are said in the reader's language. Those of people, and of errors, stay as they are. */
function why({ kind, reason, reason_code: code, person }, currency) {
  if (code) return [element("p", { className: "why", textContent: say(`told_${code}`) })];
  const letGo = kind === "state" && reason && !person ? LET_GO.exec(reason) : null;
  if (letGo) {
    const [, people, version] = letGo;
    const said = [people && say("told_approved_by", { people }), version && say("told_permit_used", { version })];
    return [element("p", { className: "why", textContent: said.filter(Boolean).join(" ") })];
  }
  const commission = kind === "item" ? COMMISSION.exec(reason ?? "") : null;
  const rest = commission ? reason.slice(0, commission.index) : reason;
  return [
    ...(rest ? [element("p", { className: "why", lang: person ? "" : "en", textContent: rest })] : []),
    ...(commission ? [element("p", { className: "why", textContent: say("event_commission", { amount: money(commission[1], currency) }) })] : []),
  ];
}
