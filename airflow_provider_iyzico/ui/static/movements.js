// What moved the balance, which payouts explain it, and for how long the balance was below its threshold.

import { openBatch } from "./batch.js";
import { link } from "./files.js";
import { lacking } from "./lack.js";
import { day, duration, element, fill, moment, money, say, toRun } from "./show.js";

const $ = (id) => document.getElementById(id);

export function showMovements(found, who, period) {
  const { currency } = who;
  const cash = (name) => [`column_${name}`, "number", (each) => money(each[name], currency)];
  const explained = (each) => element("div", {}, ...each.explained_by.map((step) => told(step, currency)));
  const columns = [
    ["column_seen_at", "moment", (each) => moment(each.seen_at)],
    cash("change"),
    cash("previous_balance"),
    cash("balance"),
    ...(found.lack ? [] : [["column_explained_by", "", explained], cash("rest")]),
    ["column_after_moment", "moment", (each) => moment(each.after_moment)],
    ["column_run_id", "id", (each) => (each.dag_id ? toRun(each, each.run_id) : "–")],
  ];
  fill($("movements"), columns, found.movements);
  const notes = [];
  if (!found.movements.length) notes.push(say("movements_empty"));
  if (found.movements.length >= found.most_movements) notes.push(say("movements_most", { count: found.most_movements }));
  if (found.is_explained_in_part) notes.push(say("movements_in_part"));
  if (found.movements.length && !found.lack) notes.push(say("movements_note"));
  $("movements-note").hidden = !notes.length;
  $("movements-note").textContent = notes.join(" ");
  $("movements-lack").hidden = !found.lack;
  $("movements-lack").replaceChildren(...(found.lack ? lacking(found.lack, "lack_movements") : []));
  for (const what of ["movements", "below"]) link(`csv-${what}`, `file/${what}`, { ...who, ...period });
}

function told({ external_id: name, direction, change, items }, currency) {
  const amount = money(change.replace("-", ""), currency); // the words say which way it went
  const said = say(`step_${direction}`, { name: "\u0000", amount, count: items });
  const [before, after] = said.split("\u0000");
  return element("p", { className: "step-of" }, before, openBatch(name), after);
}

/** It comes by itself: the view reads the whole history of an account, and may take seconds. */
export function showBelow({ days: below, lack }, { currency }) {
  const columns = [
    ["column_local_date", "moment", (each) => day(each.local_date)],
    ["column_threshold", "number", (each) => money(each.threshold, currency)],
    ["column_time_below", "number", (each) => duration(Number(each.minutes_below))],
    ["column_time_known", "number", (each) => duration(Number(each.minutes_known))],
  ];
  const isBelow = below.filter((each) => Number(each.minutes_below) > 0);
  fill($("below"), columns, isBelow);
  const sum = (name) => duration(below.reduce((all, each) => all + Number(each[name]), 0));
  const times = { time: sum("minutes_below"), known: sum("minutes_known") };
  const said = !below.length ? say("below_empty") : isBelow.length ? say("below_sum", times) : say("below_never", times);
  $("below-note").hidden = Boolean(lack);
  $("below-note").textContent = said;
  $("below-lack").hidden = !lack;
  $("below-lack").replaceChildren(...(lack ? lacking(lack, "lack_below") : []));
}
