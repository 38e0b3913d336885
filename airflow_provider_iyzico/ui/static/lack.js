// Why a part of the page has nothing to show.

import { element, say } from "./show.js";

/** Say why a part is not shown; what helps is for an administrator. */
export function lacking({ why, detail }, name = "lack_absent") {
  const said = element("p", { className: "lack", textContent: say(why === "absent" ? name : `lack_${why}`) });
  if (why === "absent") return [said];
  return [said, element("p", { className: "muted", textContent: say("for_the_administrator") }), element("pre", { textContent: detail })];
}
