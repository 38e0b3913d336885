// All accounts side by side.

import { badge } from "./batch.js";
import { link } from "./files.js";
import { lacking } from "./lack.js";
import { age, element, fill, moment, money, number, say } from "./show.js";

const $ = (id) => document.getElementById(id);

export function showAccounts(found) {
  const cash = (name) => [`column_${name}`, "number", (each) => money(each[name], each.currency)];
  const columns = [
    ["column_account", "id", named],
    ["column_balance", "amount", balance],
    ["column_seen", "", ofOne(({ observed_at: at, age_minutes: minutes, is_stale: isStale }) => seen(at, minutes, isStale))],
    cash("held"),
    cash("available"),
    ["column_balance_asked_at", "moment", ofOne((each) => moment(each.balance_asked_at))],
    ["column_threshold", "number", ofOne((each) => money(each.threshold, each.currency))],
    ["column_exceptions", "number", ofOne(problems)],
  ];
  const totals = found.totals.map((each) => ({ ...each, is_sum: true }));
  fill($("accounts"), columns, [...found.accounts, ...totals]);
  const isCut = found.accounts_in_all > found.accounts.length;
  $("accounts-note").hidden = found.accounts.length > 0 && !isCut;
  $("accounts-note").textContent = isCut
    ? say("accounts_most", { count: found.accounts.length, all: found.accounts_in_all })
    : say("accounts_empty");
  $("accounts-lack").hidden = !found.lack;
  $("accounts-lack").replaceChildren(...(found.lack ? lacking(found.lack, "lack_accounts") : []));
  link("csv-accounts", "file/accounts", {});
}

/** A total has only some of the columns. */
function ofOne(write) {
  return (each) => (each.is_sum ? "" : write(each));
}

function named({ environment, account, currency, is_by_hand: isByHand, is_sum: isSum, accounts: count }) {
  const isReal = environment === "production";
  if (isSum) {
    const said = say("accounts_total", { currency, count: number(count) });
    return element("span", {}, said, ...(isReal ? [] : [" ", badge(say(`environment_short_${environment}`), "warn")]));
  }
  const asked = new URLSearchParams({ environment, account, currency });
  if (new URLSearchParams(location.search).has("lang")) asked.set("lang", document.documentElement.lang);
  const link = element("a", { href: `?${asked}`, textContent: `${account} · ${currency}` });
  const parts = [link];
  if (!isReal) parts.push(" ", badge(say(`environment_short_${environment}`), "warn"));
  if (isByHand) parts.push(" ", badge(say("by_hand_short"), "bad"));
  return element("span", {}, ...parts);
}

function balance({ balance: amount, currency, threshold, is_below: isBelow }) {
  const said = money(amount, currency);
  if (!isBelow) return said;
  return element("span", {}, badge(`⚠ ${say("below_threshold", { amount: money(threshold, currency) })}`, "bad"), ` ${said}`);
}

function seen(at, minutes, isStale) {
  if (at === null) return "–";
  const isAhead = Number(minutes) < 0;
  const said = isAhead ? moment(at) : `${moment(at)} (${age(Number(minutes))})`;
  return isStale ? element("span", {}, said, " ", badge(say(isAhead ? "is_ahead" : "is_stale"), "bad")) : said;
}

function problems({ exceptions: count }) {
  if (count === null) return "–";
  return count ? badge(number(count), "bad") : number(0);
}
