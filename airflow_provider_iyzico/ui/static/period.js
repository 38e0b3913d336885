// Which days are shown. Days are written as 2026-11-22, and are those of the account.

const DAY = 86_400_000;
const DAYS = { day: 1, week: 7, year: 366 };
export const RANGES = [...Object.keys(DAYS), "month", "custom"];

/** Tell whether something is a day that a person may mean. */
export function isDay(text) {
  const at = Date.parse(`${text}T00:00:00Z`);
  return /^2\d{3}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

export function shift(date, days) {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

/** The first and the last day of what a reader chose; a month is that of the calendar, as far as it has come. */
export function period({ range, first, last }, today) {
  if (range === "custom") return { first, last };
  const end = last ?? today;
  if (range !== "month") return { first: shift(end, 1 - DAYS[range]), last: end };
  const next = shift(`${end.slice(0, 7)}-28`, 4);
  const monthEnd = shift(`${next.slice(0, 7)}-01`, -1);
  return { first: `${end.slice(0, 7)}-01`, last: monthEnd < today ? monthEnd : today };
}

/** What a reader chooses by going to the period before or after; where that reaches today, it stays with today from then on. */
export function moved(state, direction, today) {
  const { first, last } = period(state, today);
  const days = Math.round((Date.parse(last) - Date.parse(first)) / DAY) + 1;
  if (state.range === "custom") return { first: shift(first, direction * days), last: shift(last, direction * days) };
  const end = state.range === "month" ? (direction < 0 ? shift(first, -1) : shift(`${first.slice(0, 7)}-28`, 4)) : shift(last, direction * days);
  return { first: null, last: end >= today ? null : end };
}
