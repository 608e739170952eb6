/** The console's pages, in the order of the navigation. */
import type { Component } from "svelte";
import type { ConsoleKey } from "../i18n/console.zh";
import type { IconName } from "../ui/Icon.svelte";
import Knowledge from "./knowledge/Knowledge.svelte";
import Proposals from "./knowledge/Proposals.svelte";
import TryOut from "./knowledge/TryOut.svelte";
import Audit from "./audit/Audit.svelte";
import Clips from "./clips/Clips.svelte";
import type { Console } from "./console.svelte";
import Dashboard from "./dashboard/Dashboard.svelte";
import Hours from "./hours/Hours.svelte";
import People from "./people/People.svelte";
import Recordings from "./recordings/Recordings.svelte";
import Replies from "./replies/Replies.svelte";

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
  { id: "dashboard", name: "page_dashboard", icon: "chart", needs: ["read_figures"], component: Dashboard },
  { id: "knowledge", name: "page_knowledge", icon: "book", needs: ["read_figures"], component: Knowledge },
  { id: "proposals", name: "page_proposals", icon: "check", needs: ["read_figures"], component: Proposals },
  { id: "tryout", name: "page_tryout", icon: "question", needs: ["read_figures"], component: TryOut },
  { id: "clips", name: "page_clips", icon: "microphone", needs: ["edit_knowledge"], component: Clips },
  { id: "recordings", name: "page_recordings", icon: "wave", needs: ["edit_knowledge"], component: Recordings },
  { id: "replies", name: "page_replies", icon: "reply", needs: ["supervise"], component: Replies },
  { id: "hours", name: "page_hours", icon: "slow", needs: ["read_figures"], component: Hours },
  { id: "people", name: "page_people", icon: "people", needs: ["manage_people"], component: People },
  { id: "audit", name: "page_audit", icon: "shield", needs: ["read_audit"], component: Audit },
];
