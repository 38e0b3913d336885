// For how many days the balance lasts, and for how many until its threshold.

import { element, lastingDays, money, say } from "./show.js";

const muted = (name, values) => element("p", { className: "muted", textContent: say(name, values) });

/** Write the two windows of the runway. */
export function showRunway(place, { runway, latest }) {
  place.replaceChildren(...(runway.length ? runway.map((window) => lasting(window, latest)) : [muted("runway_none")]));
}

function lasting(window, { currency }) {
  const { days_at_average: days, average_outflow: average, days_at_p90: busy, p90_outflow: p90 } = window;
  const { threshold_at_average: until, threshold_at_p90: untilBusy } = window;
  const unknown = average === null ? "runway_unknown" : "runway_nothing";
  const rounded = (amount) => money(amount, currency, { maximumFractionDigits: 2 });
  const parts = [
    element("p", { className: "figure small", textContent: days === null ? say(unknown) : lastingDays(days) }),
    element("p", { textContent: say("runway_window", { days: window.window_days }) }),
  ];
  if (days !== null) parts.push(muted("runway_average", { amount: rounded(average) }));
  if (busy !== null) parts.push(muted("runway_p90", { days: lastingDays(busy), amount: rounded(p90) }));
  if (until !== null) parts.push(Number(until) === 0 ? muted("at_threshold") : muted("to_threshold", { days: lastingDays(until) }));
  if (untilBusy !== null && Number(untilBusy) !== 0) parts.push(muted("to_threshold_p90", { days: lastingDays(untilBusy) }));
  const { days_observed: observed, days_in_window: whole } = window;
  if (observed < whole) parts.push(muted("runway_observed", { observed, days: whole }));
  return element("div", {}, ...parts);
}
