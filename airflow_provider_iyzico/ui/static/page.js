// Fetches what there is to show of one account in one period, shows it, and keeps it fresh while the page is visible.

import { draw } from "./chart.js";
import { link, offerFiles } from "./files.js";
import { showFunds } from "./funds.js";
import { offerParts, place as placeOfPart, showPart } from "./parts.js";
import { RANGES, isDay, moved, period } from "./period.js";
import { showRunway } from "./runway.js";
import { MINUTE, age, day, duration, element, fill, moment, money, number, say, start, toRun, waited } from "./show.js";

const KEPT = "iyzico";
const PATIENCE_MS = 60_000;
const TYPING_MS = 900;
const $ = (id) => document.getElementById(id);
let report;
let shown = {}; // the state of what is on the screen
let arrivedAt = 0;
let pending;
let stranger = false; // the address names an account that is not there
const state = recall();

/** What the address asks for, or else what was shown last. */
function recall() {
  let asked = Object.fromEntries(new URLSearchParams(location.search));
  try {
    if (!asked.range && !asked.account) asked = JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    // storage may be forbidden, or hold something else
  }
  const isAsked = (each) => ["environment", "account", "currency"].every((key) => asked[key] === each[key]);
  const tests = [isAsked, ({ currency }) => currency === "TRY", () => true];
  const who = tests.map((is) => start.accounts.findIndex(is)).find((place) => place >= 0);
  stranger = Boolean(new URLSearchParams(location.search).get("account")) && !isAsked(start.accounts[who]);
  const [first, last] = [asked.first, asked.last].map((date) => (isDay(date) ? date : null));
  const isWhole = RANGES.includes(asked.range) && (asked.range !== "custom" || (first && last && first <= last));
  return isWhole ? { who, range: asked.range, first, last } : { who, range: "week", first: null, last: null };
}

function whom() {
  const { environment, account, currency } = start.accounts[state.who];
  return { environment, account, currency };
}

/** Today as the account's time zone has it, by the server's clock. */
function today() {
  return report?.today ?? start.accounts[state.who].today;
}

async function load() {
  pending?.abort();
  const mine = (pending = new AbortController());
  $("main").setAttribute("aria-busy", "true");
  const question = new URLSearchParams({ ...whom(), ...period(state, today()), lang: start.language });
  const timer = setTimeout(() => mine.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(`data?${question}`, { headers: { Accept: "application/json" }, signal: mine.signal });
    const found = await answer.json();
    if (mine !== pending) return; // the reader has asked for something else by now
    if (answer.ok) {
      report = found;
      shown = { ...state };
      arrivedAt = performance.now();
      show();
      await showPart(whom(), { first: report.first, last: report.last });
    } else {
      complain(found);
    }
  } catch {
    if (mine === pending) complain({ title: say("unavailable_title"), advice: say("unavailable_advice") });
  }
  clearTimeout(timer);
  if (mine === pending) {
    pending = undefined;
    $("main").setAttribute("aria-busy", "false");
  }
}

/** Say what is wrong. Figures that are shown already stay, with their age and their period. */
function complain({ title, advice, detail }) {
  const failed = { ...state };
  const again = element("button", { type: "button", textContent: say("try_again"), onclick: () => choose(failed) });
  const parts = [element("h2", { textContent: title }), element("p", { textContent: advice })];
  if (detail) parts.push(element("pre", { textContent: detail }));
  $("notice").replaceChildren(...parts, again);
  $("notice").hidden = false;
  $("loading").hidden = true;
  if (report) {
    Object.assign(state, shown);
    [$("first").value, $("last").value] = [report.first, report.last];
  }
}

function show() {
  $("notice").hidden = !stranger;
  if (stranger) $("notice").replaceChildren(element("h2", { textContent: say("not_found_title") }));
  $("main").classList.remove("blank");
  const { environment, currency, account } = report.latest;
  $("environment").textContent = say(`environment_${environment}`);
  $("environment").className = `badge ${environment === "production" ? "" : "warn"}`;
  $("balance").textContent = money(report.latest.balance, currency);
  showAge();
  $("seen-by").replaceChildren(...(report.seen_by ? [toRun(report.seen_by, say("seen_by", { dag: report.seen_by.dag_id }))] : []));
  showThreshold();
  showRunway($("runway"), report);
  showFunds(report);
  $("zone").textContent = say("time_zone", { zone: report.latest.report_timezone });
  redraw();
  showGates(currency);
  showDays(currency);
  for (const name of ["first", "last"]) {
    if (document.activeElement !== $(name)) $(name).value = report[name]; // nothing is written under a reader's hands
  }
  $("first").max = $("last").max = report.today;
  $("printed-period").textContent = `${say("period")}: ${day(report.first)} – ${day(report.last)}`;
  $("later").disabled = report.last >= report.today;
  for (const button of document.querySelectorAll("[data-range]")) {
    button.setAttribute("aria-pressed", String(button.dataset.range === state.range));
  }
  const who = { environment, account, currency };
  const days = { first: report.first, last: report.last };
  for (const what of ["observations", "days", "gates"]) link(`csv-${what}`, `file/${what}`, { ...who, ...days });
  const place = new URLSearchParams({ environment, account, currency, range: state.range });
  if (state.last) place.set("last", state.last);
  if (state.range === "custom") place.set("first", report.first);
  if (new URLSearchParams(location.search).has("lang")) place.set("lang", start.language);
  const address = new URLSearchParams({ ...Object.fromEntries(place), ...placeOfPart() });
  history.replaceState(null, "", `?${address}`);
  try {
    localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(place)));
  } catch {
    // then the next visit starts with the defaults
  }
}

function showAge() {
  if (!report) return;
  const { age_minutes: then, observed_at: at, stale_after_minutes: limit } = report.latest;
  const minutes = Number(then) + (performance.now() - arrivedAt) / MINUTE;
  const isAhead = minutes < 0; // a clock is wrong, and nobody knows how old the figure is
  const isFresh = !isAhead && minutes <= limit;
  $("age").textContent = isAhead ? say("seen_ahead", { moment: moment(at) }) : say("seen", { age: age(minutes), moment: moment(at) });
  $("freshness").textContent = `${isFresh ? "✓" : "⚠"} ${say(isFresh ? "is_fresh" : isAhead ? "is_ahead" : "is_stale")}`;
  $("freshness").className = `badge ${isFresh ? "good" : "bad"}`;
}

function showThreshold() {
  const { threshold, is_below: isBelow, currency } = report.latest;
  $("threshold").hidden = threshold === null;
  $("threshold").textContent = `${isBelow ? "⚠ " : ""}${say(isBelow ? "below_threshold" : "above_threshold", { amount: money(threshold, currency) })}`;
  $("threshold").className = `badge ${isBelow ? "bad" : ""}`;
}

/** Draw what has changed; a point that was chosen stays chosen as long as nothing has. */
function redraw(event) {
  if (!report) return;
  const { points, days, gates, first, last, latest } = report;
  const content = JSON.stringify([points, days, gates, first, last, latest.account, latest.environment, latest.currency]);
  if (!event && content === redraw.content) return;
  redraw.content = content;
  $("chart-frame").hidden = false;
  const isDrawn = draw($("chart"), report, (text) => ($("chart-said").textContent = text));
  $("chart-frame").hidden = !isDrawn && gates.length === 0;
  $("chart-empty").hidden = isDrawn;
}

function showGates(currency) {
  const cash = (name) => [`column_${name}`, "number", (gate) => money(gate[name], currency)];
  const outcome = ({ outcome: name, reason_code: code, reason }) => {
    const kind = { opened: "good", waiting: "warn" }[name] ?? "bad";
    const badge = element("span", { className: `badge ${kind}`, textContent: say(`outcome_${name}`) });
    return element("div", {}, badge, ...(code ? [why(say(`reason_${code}`), reason)] : []));
  };
  const columns = [
    ["column_waiting_since", "moment", (gate) => moment(gate.waiting_since)],
    ["column_outcome", "", outcome],
    cash("required"),
    ["column_waited", "number", (gate) => waited(gate, report.now)],
    cash("shortfall_at_start"),
    cash("first_balance"),
    ["column_dag_id", "id", (gate) => gate.dag_id],
    ["column_run_id", "id", (gate) => toRun(gate, gate.run_id)],
    ["column_polls", "number", (gate) => number(gate.polls)],
  ];
  fill($("gates"), columns, report.gates);
  const isCut = report.gates.length >= report.most_gates;
  $("gates-note").hidden = report.gates.length > 0 && !isCut;
  $("gates-note").textContent = isCut ? say("gates_most", { count: report.most_gates }) : say("gates_empty");
}

/** Say why a gate did not open; the message that it recorded, in English, is there to be unfolded. */
function why(said, message) {
  if (!message) return element("p", { className: "why", textContent: said });
  return element("details", { className: "why" }, element("summary", { textContent: said }), element("p", { lang: "en", textContent: message }));
}

function showDays(currency) {
  const cash = (name) => [`column_${name}`, "number", (each) => money(each[name], currency)];
  const columns = [
    ["column_local_date", "moment", (each) => day(each.local_date)],
    ...["opening", "closing", "lowest", "highest", "net_change", "inflow", "outflow"].map(cash),
    ["column_observations", "number", (each) => number(each.observations)],
    ["column_gap", "number", (each) => duration(each.longest_gap_minutes)],
    ["column_is_complete", "", (each) => say(each.is_complete ? "yes" : "no")],
  ];
  fill($("days"), columns, [...report.days].reverse());
  $("days-note").hidden = report.days.length > 0;
  $("days-note").textContent = say("days_empty");
}

function choose(changes) {
  stranger = false;
  Object.assign(state, changes);
  load();
}

function listen() {
  $("who").onchange = (event) => {
    report = undefined; // one account's figures never stand under another's name
    $("main").classList.add("blank");
    $("loading").hidden = false;
    choose({ who: event.target.selectedIndex });
  };
  for (const button of document.querySelectorAll("[data-range]")) {
    button.onclick = () => choose({ range: button.dataset.range, first: null, last: null });
  }
  $("earlier").onclick = () => choose(moved(state, -1, today()));
  $("later").onclick = () => choose(moved(state, 1, today()));
  let typing;
  for (const name of ["first", "last"]) {
    $(name).onchange = () => {
      clearTimeout(typing); // a date that is typed changes with every digit
      typing = setTimeout(() => {
        const chosen = $(name).value;
        let [first, last] = [$("first").value, $("last").value];
        if (![first, last].every(isDay)) return;
        if (first > last) first = last = chosen; // the other box follows the one that was changed
        choose({ range: "custom", first, last });
      }, TYPING_MS);
    };
  }
  addEventListener("theme", redraw);
  addEventListener("visibilitychange", () => document.hidden || pending || load());
  setInterval(showAge, MINUTE / 6);
  setInterval(() => document.hidden || pending || load(), MINUTE);
}

function offer() {
  for (const environment of new Set(start.accounts.map((each) => each.environment))) {
    const group = element("optgroup", { label: say(`environment_${environment}`) });
    start.accounts.forEach(({ account, currency, environment: its }, place) => {
      const properties = { value: place, textContent: `${account} · ${currency}${its === "production" ? "" : ` (${say(`environment_short_${its}`)})`}`, selected: place === state.who };
      if (its === environment) group.append(element("option", properties));
    });
    $("who").append(group);
  }
}

offer();
offerFiles();
offerParts();
listen();
load();
