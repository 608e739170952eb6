/**
 * What the build made is read as the oldest browsers we serve would read it: Chrome and WebView 80, the Safari of iOS 14.
 * Run after `npm run build`; without it there is nothing to read, and the test fails.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, type AnyNode, type Node } from "acorn";
import postcss from "postcss";
import { describe, expect, it } from "vitest";
import { forOldBrowsers } from "../../build/floor";
import { giveReplaceAll } from "../../src/portal/old";

const DIST = join(__dirname, "../../dist");
/** The portal's files, as the service worker lists them; desk and console are for computers of today. */
const files = () => (/const NOW = (\[.*?\]);/.exec(readFileSync(join(DIST, "sw.js"), "utf8"))?.[1] ?? "").match(/\/assets\/[^"]+/g) ?? [];
const built = existsSync(join(DIST, "sw.js"));
const worker = () => readdirSync(join(DIST, "assets")).filter((name) => name.startsWith("opus-worker")).map((name) => join("assets", name));
const scripts = () => [...files().filter((name) => name.endsWith(".js")), ...worker(), "sw.js", "embed.js"];
const sheets = () => files().filter((name) => name.endsWith(".css"));

/** Methods and functions that came after the floor, with the browser they came with. `replaceAll` is given to who lacks it (src/portal/old.ts). */
const TOO_NEW = new Set([
  "at", // Chrome 92, Safari 15.4
  "replaceChildren", // Chrome 86
  "findLast", "findLastIndex", // Chrome 97, Safari 15.4
  "hasOwn", // Chrome 93, Safari 15.4
  "toSorted", "toReversed", "toSpliced", "with", // Chrome 110, Safari 16
  "randomUUID", // Chrome 92, Safari 15.4
  "structuredClone", // Chrome 98, Safari 15.4
  "any", // Promise.any: Chrome 85; `AbortSignal.any`: 116
  "showPicker", // Chrome 99, Safari 16
]);
/** Objects whose methods of such a name are not the new ones. */
const OWN = /^(this|opus)$/;

function walk(node: AnyNode | Node, visit: (node: AnyNode) => void): void {
  visit(node as AnyNode);
  for (const value of Object.values(node) as unknown[]) {
    if (Array.isArray(value)) for (const one of value) if (isNode(one)) walk(one, visit);
    if (isNode(value)) walk(value, visit);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

describe("the scripts of the build", () => {
  it("are there", () => {
    expect(built, "run `npm run build` first").toBe(true);
    expect(files().length).toBeGreaterThan(5);
  });

  for (const name of built ? scripts() : []) {
    it(`${name.replace(/-[\w-]{8}\./, ".")} is ES2020 and calls nothing newer`, () => {
      const text = readFileSync(join(DIST, name), "utf8");
      const program = parse(text, { ecmaVersion: 2020, sourceType: /opus-worker|^sw|^embed/.test(name) ? "script" : "module" });
      const found: string[] = [];
      walk(program, (node) => {
        if (node.type === "Literal" && node.regex !== undefined && /\(\?<[=!]/.test(node.regex.pattern)) found.push(`/${node.regex.pattern}/ looks behind (Safari 16.4)`);
        if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression" || node.callee.computed) return;
        const { object, property } = node.callee;
        const owner = object.type === "ThisExpression" ? "this" : object.type === "Identifier" ? object.name : "";
        if (property.type === "Identifier" && TOO_NEW.has(property.name) && !OWN.test(owner)) found.push(text.slice(Math.max(0, node.start - 40), node.end).slice(0, 120));
      });
      expect(found).toEqual([]);
    });
  }
});

describe("the style sheets of the portal", () => {
  for (const name of built ? sheets() : []) {
    it(`${name.replace(/-[\w-]{8}\./, ".")} needs nothing that the oldest browsers lack`, () => {
      const found: string[] = [];
      postcss.parse(readFileSync(join(DIST, name), "utf8")).walkRules((rule) => {
        // A selector that is not understood takes its whole rule along.
        if (/:where|:is\(|:has\(|::details-content/.test(rule.selector)) found.push(rule.selector);
        // Without these the rule's other lines still count, and something has to stand before them.
        rule.walkDecls((line) => {
          if (/^(inset|aspect-ratio|inset-(block|inline)|margin-(block|inline)|padding-(block|inline))$/.test(line.prop)) found.push(`${rule.selector} { ${line.toString()} }`);
          const earlier = rule.nodes.slice(0, rule.index(line)).some((other) => other.type === "decl" && other.prop === line.prop);
          if (/\d(dvh|svh|lvh)\b|color-mix|oklch/.test(line.value) && !earlier) found.push(`${rule.selector} { ${line.toString()} }`);
        });
      });
      expect(found).toEqual([]);
    });
  }
});

it("a gap in a flex container has margins beside it, and a class stands for :where", () => {
  const made = forOldBrowsers(".a:where(.svelte-x1){display:flex;gap:2px}.b{display:flex;flex-wrap:wrap;gap:1px 3px}.c{display:flex;flex-direction:column;gap:4px}.d{display:grid;gap:5px}");
  expect(made).toContain(".no-flex-gap .a.svelte-x1 > * + *{margin-left:2px}");
  expect(made).toContain(".no-flex-gap .b > *{margin:0 3px 1px 0}");
  expect(made).toContain(".no-flex-gap .c > * + *{margin-top:4px}");
  expect(made).not.toContain(":where");
  expect(made.match(/no-flex-gap/g)).toHaveLength(3);
});

it("replaceAll is there for who lacks it, and does the same", () => {
  const own = String.prototype.replaceAll;
  const cases: [string, string | RegExp, string][] = [["a.b.c", ".", "-"], ["<!><!>", "<!>", "<!---->"], ["a/*x*/b/*y*/", /\/\*.*?\*\//g, ""], ["$a$", "$", "$$"]];
  const expected = cases.map(([text, what, by]) => own.call(text, what, by));
  try {
    Reflect.deleteProperty(String.prototype, "replaceAll");
    giveReplaceAll();
    expect(cases.map(([text, what, by]) => text.replaceAll(what, by))).toEqual(expected);
  } finally {
    Object.defineProperty(String.prototype, "replaceAll", { value: own, writable: true, configurable: true });
  }
});
