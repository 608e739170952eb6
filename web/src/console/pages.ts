/** The console's pages, in the order of the navigation. */
import type { Component } from "svelte";
import type { ConsoleKey } from "../i18n/console.zh";
import type { IconName } from "../ui/Icon.svelte";
import type { Console } from "./console.svelte";
import Knowledge from "./knowledge/Knowledge.svelte";
import Proposals from "./knowledge/Proposals.svelte";
import TryOut from "./knowledge/TryOut.svelte";
import Audit from "./audit/Audit.svelte";

/** What every page gets: the console, and what stands after the page's name in the address. */
export interface PageProps {
  app: Console;
  rest: string[];
}

export interface Page {
  /** Its name in the address: `dashboard` is `#/dashboard`. */
  id: string;
  /** What it is called. The shell shows it as the page's heading, and moves the focus there. */
  name: ConsoleKey;
  icon: IconName;
  /** Whoever has one of these permissions finds it. */
  needs: readonly string[];
  component: Component<PageProps>;
}

export const PAGES: readonly Page[] = [
  { id: "knowledge", name: "page_knowledge", icon: "book", needs: ["read_figures"], component: Knowledge },
  { id: "proposals", name: "page_proposals", icon: "check", needs: ["read_figures"], component: Proposals },
  { id: "tryout", name: "page_tryout", icon: "question", needs: ["read_figures"], component: TryOut },
  { id: "audit", name: "page_audit", icon: "shield", needs: ["read_audit"], component: Audit },
];
