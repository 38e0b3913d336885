// The balance over time, drawn by Chart.js. Lines are steps: nobody knows the balance between two observations, and nothing is made up.

import { day, moment, money, say, waited } from "./show.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STEPS = [HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
const GAP = { x: NaN, y: NaN };

let chart;

/** Draw a report, and return whether there was anything to draw. */
export function draw(canvas, report, announce) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const { currency } = report.latest;
  const datasets = [...balance(report, colour), threshold(report, colour), available(report, colour), ...gates(report, colour)].filter(
    ({ data }) => data.some(({ y }) => !Number.isNaN(y)),
  );
  chart?.destroy();
  chart = new Chart(canvas, {
    type: "line",
    data: { datasets },
    options: {
      animation: false,
      maintainAspectRatio: false,
      normalized: false,
      interaction: { mode: "nearest", axis: "xy", intersect: false },
      color: colour("text"),
      scales: {
        x: {
          type: "linear",
          min: report.starts_at,
          max: report.ends_at,
          grid: { color: colour("line") },
          ticks: { color: colour("muted"), autoSkip: false, maxRotation: 0, callback: (at) => label(at, report) },
          afterBuildTicks: (axis) => {
            axis.ticks = ticks(report.starts_at, report.ends_at, Math.max(2, Math.floor(axis.width / 60)));
          },
        },
        y: {
          beginAtZero: true,
          grace: "5%",
          grid: { color: colour("line") },
          ticks: {
            color: colour("muted"),
            maxTicksLimit: 6,
            callback: (amount) => money(amount, currency, { minimumFractionDigits: 0, maximumFractionDigits: 2 }),
          },
        },
      },
      plugins: {
        legend: { position: "bottom", labels: { color: colour("text"), usePointStyle: true, boxHeight: 7, filter: ({ text }) => text } },
        tooltip: {
          callbacks: {
            title: ([item]) => item?.raw.title ?? "",
            label: ({ raw, dataset }) => raw.said ?? `${dataset.label}: ${money(raw.exact, currency)}`,
          },
        },
      },
    },
  });
  chart.$currency = currency;
  canvas.setAttribute("aria-label", summary(report));
  canvas.onkeydown = (event) => step(event, announce);
  return datasets.some(({ isBalance }) => isBalance);
}

function summary({ first, last, points, days, latest }) {
  const amounts = points ? points.filter(Boolean).map(([, amount]) => amount) : days.flatMap((each) => [each.lowest, each.highest]);
  const known = amounts.filter((amount) => amount !== null).sort((one, other) => one - other);
  const period = `${say("chart")}, ${day(first)} – ${day(last)}`;
  if (!known.length) return `${period}. ${say("chart_empty")}`;
  return `${period}. ${say("line_range")}: ${money(known[0], latest.currency)} – ${money(known.at(-1), latest.currency)}`;
}

function balance(report, colour) {
  const line = { borderColor: colour("accent"), backgroundColor: colour("accent"), borderWidth: 2, stepped: "before", pointHitRadius: 12 };
  if (report.points) {
    const data = report.points.map((point) => point && at(point[0], point[1], moment(point[0])));
    const dots = report.points.length < 80 ? 2.5 : 0;
    const area = { fill: "origin", backgroundColor: colour("accent-soft"), pointBackgroundColor: colour("accent") };
    const points = data.map((point) => point ?? GAP);
    return [{ ...line, ...area, label: say("line_balance"), data: points, pointRadius: dots, isBalance: true }];
  }
  const closing = (each) => each.closing;
  const perDay = (pick) =>
    report.days.flatMap((each, place) => {
      if (each.observations === 0) return [GAP];
      const [lowest, highest] = [each.lowest, each.highest].map((amount) => money(amount, report.latest.currency));
      const said = pick === closing ? undefined : `${say("line_range")}: ${lowest} – ${highest}`;
      const point = { ...at(each.starts_at, pick(each), day(each.local_date)), said };
      const isEnd = !report.days[place + 1]?.observations;
      return isEnd ? [point, { ...point, x: each.ends_at }] : [point];
    });
  const band = { borderWidth: 0, pointRadius: 0, pointHitRadius: 0, stepped: "before", backgroundColor: colour("band") };
  return [
    { ...line, label: say("line_closing"), data: perDay(closing), pointRadius: 0, isBalance: true },
    { ...band, label: say("line_range"), data: perDay((each) => each.highest), fill: "+1" },
    { ...band, label: "", data: perDay((each) => each.lowest) },
  ];
}

function at(x, exact, title) {
  return { x, y: Number(exact), exact, title };
}

function threshold({ days }, colour) {
  const data = days.flatMap((each) =>
    each.threshold === null
      ? [GAP]
      : [each.starts_at, each.ends_at].map((x) => at(x, each.threshold, day(each.local_date))),
  );
  const look = { borderColor: colour("warn"), backgroundColor: colour("warn"), borderWidth: 1.5, borderDash: [6, 4] };
  return { ...look, label: say("line_threshold"), data, pointRadius: 0, pointHitRadius: 0, pointStyle: "line", order: 2 };
}

/** What is available of the newest balance that is known, from its moment on: money set aside is the way up to the balance. */
function available({ funds: { funds }, now, starts_at: from }, colour) {
  const isKnown = Boolean(funds && funds.balance !== null && now > from);
  const data = isKnown ? [Math.max(funds.balance_asked_at, from), now].map((x) => at(x, funds.available, moment(x))) : [];
  const look = { borderColor: colour("good"), backgroundColor: colour("good"), borderWidth: 1.5, borderDash: [2, 3] };
  return { ...look, label: say("line_available"), data, pointRadius: 0, pointHitRadius: 0, pointStyle: "line", order: 1 };
}

/** Each gate is a line at the amount that it needed, from when it began to wait until it ended. */
function gates(report, colour) {
  const kinds = [
    ["line_opened", "good", "triangle", ["opened"]],
    ["line_waiting", "warn", "circle", ["waiting"]],
    ["line_ended", "bad", "crossRot", ["timed_out", "failed", "lost"]],
  ];
  return kinds.map(([name, look, pointStyle, outcomes]) => {
    const data = report.gates
      .filter(({ outcome }) => outcomes.includes(outcome))
      .flatMap((gate) => {
        const needs = say("gate_needs", { dag: gate.dag_id, amount: money(gate.required, report.latest.currency) });
        const said = `${needs}, ${say(`outcome_${gate.outcome}`)} (${waited(gate, report.now)})`;
        const until = gate.ended_at ?? (gate.outcome === "waiting" ? report.now : gate.waits_until);
        const [begin, end] = [gate.waiting_since, until].map((x) => ({ ...at(x, gate.required, moment(x)), said }));
        return [begin, end, GAP];
      });
    const radius = data.map((_, place) => [3, 6, 0][place % 3]);
    return {
      label: say(name), data, pointStyle, pointRadius: radius, pointHoverRadius: 8, borderColor: colour(look),
      backgroundColor: colour(look), borderWidth: 3, order: -1,
    };
  });
}

/** Round moments of the wall clock: hours, days or months, no more than fit. */
function ticks(from, to, most) {
  const step = STEPS.find((each) => (to - from) / each <= most);
  const found = [];
  if (step) {
    for (let x = Math.ceil(from / step) * step; x <= to; x += step) found.push({ value: x });
    return found;
  }
  const first = new Date(from);
  const months = Math.ceil((to - from) / (30 * DAY) / most);
  for (let month = first.getUTCMonth() + 1; ; month += months) {
    const x = Date.UTC(first.getUTCFullYear(), month, 1);
    if (x > to) return found;
    found.push({ value: x });
  }
}

function label(x, { starts_at: from, ends_at: to }) {
  if (x % DAY === 0) {
    return moment(x, to - from > 92 * DAY ? { month: "short", year: "2-digit" } : { day: "numeric", month: "short" });
  }
  return moment(x, { hour: "2-digit", minute: "2-digit" });
}

/** Move along the balance by the arrow keys. */
function step(event, announce) {
  const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  const datasetIndex = chart.data.datasets.findIndex(({ isBalance }) => isBalance);
  const points = chart.data.datasets[datasetIndex]?.data ?? [];
  const known = points.map((point, index) => (Number.isNaN(point.y) ? -1 : index)).filter((index) => index >= 0);
  if (!move || !known.length) return;
  event.preventDefault();
  const [active] = chart.tooltip.getActiveElements();
  const place = active?.datasetIndex === datasetIndex ? known.indexOf(active.index) : move < 0 ? known.length : -1;
  const index = known[Math.min(Math.max(place + move, 0), known.length - 1)];
  const { x, y } = chart.getDatasetMeta(datasetIndex).data[index].getProps(["x", "y"], true);
  chart.setActiveElements([{ datasetIndex, index }]);
  chart.tooltip.setActiveElements([{ datasetIndex, index }], { x, y });
  chart.update();
  announce(`${points[index].title}: ${money(points[index].exact, chart.$currency)}`);
}
