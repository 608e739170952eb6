/**
 * Styles for the oldest browsers we serve (Chrome and WebView 80, the Safari of iOS 14), made from the finished style sheets.
 */
import postcss, { type Declaration, type Rule } from "postcss";

/**
 * Set on the page where `gap` means nothing between the items of a flex container (Chrome before 84, Safari before 14.1):
 * no query can ask for that, so the page measures it.
 */
const WITHOUT_GAP = ".no-flex-gap";

/**
 * Rewrites a style sheet:
 *
 * - `:where(.svelte-…)`, which Chrome knows since 88, becomes the class itself;
 * - beside `gap` in a flex container stands a margin for browsers without it.
 */
export function forOldBrowsers(css: string): string {
  const sheet = postcss.parse(css);
  sheet.walkRules((rule) => {
    rule.selector = rule.selector.replace(/:where\((\.svelte-[\w-]+)\)/g, "$1");
  });
  sheet.walkRules((rule) => {
    const margins = marginsFor(rule);
    if (margins !== undefined) rule.after(margins);
  });
  return sheet.toString();
}

function declared(rule: Rule, name: string): string | undefined {
  let found: string | undefined;
  rule.each((node) => {
    if (node.type === "decl" && node.prop === name) found = (node as Declaration).value;
  });
  return found;
}

/** The rules that do what the `gap` of a flex container does; `undefined` where it has none, or needs none. */
function marginsFor(rule: Rule): Rule[] | undefined {
  const display = declared(rule, "display");
  const gap = declared(rule, "gap");
  if (gap === undefined || (display !== "flex" && display !== "inline-flex")) return undefined;
  const [rows = "0", columns = rows] = postcss.list.space(gap);
  const children = (which: string) => rule.selectors.map((one) => `${WITHOUT_GAP} ${one} ${which}`).join(",");
  const make = (selector: string, prop: string, value: string) => {
    const made = postcss.rule({ selector });
    made.append({ prop, value });
    return made;
  };
  if (declared(rule, "flex-wrap")?.startsWith("wrap") === true) return [make(children("> *"), "margin", `0 ${columns} ${rows} 0`)];
  if (declared(rule, "flex-direction")?.startsWith("column") === true) return [make(children("> * + *"), "margin-top", rows)];
  return [make(children("> * + *"), "margin-left", columns)];
}
