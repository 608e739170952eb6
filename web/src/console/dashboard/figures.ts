/** What the server counted, and what the dashboard makes of it. */
import type { Language } from "../../protocol";
import { daysBetween } from "../ui/numbers";

export interface OfDay {
  day: string;
  language: Language;
  begun: number;
  answered: number;
  clarified: number;
  not_understood: number;
  handed_over: number;
  gave_up: number;
}
export type Counted = Exclude<keyof OfDay, "day" | "language">;

export interface Named {
  key: string;
  zh?: string;
  bo?: string;
  count: number;
}

/** Reply to `GET /v1/desk/figures`. */
export interface Figures {
  from: string;
  to: string;
  days: OfDay[];
  channels: Named[];
  reasons: Named[];
  ratings: Named[];
  waiting: {
    count: number;
    mean_seconds?: number;
    half_within_seconds?: number;
    nine_in_ten_within_seconds?: number;
    steps: { within_seconds?: number; count: number }[];
  };
  topics: Named[];
  places: Named[];
  entries: Named[];
}

/** Reply to `GET /v1/desk/unresolved`. */
export interface Unresolved {
  looked_at: number;
  groups: {
    example: string;
    count: number;
    languages: Language[];
    kinds: string[];
    last: string;
    nearest?: { entry: string; question: string; confidence: number };
    conversations?: string[];
  }[];
}

/** Reply to `GET /v1/desk/backlog`. */
export interface Backlog {
  texts: { entry: string; language: Language; question: string; missing: boolean; days?: number }[];
}

/** One measure for every day of the range, in one language or in both. */
export function byDay(figures: Figures, measures: readonly Counted[], language?: Language): number[] {
  return daysBetween(figures.from, figures.to).map((day) =>
    figures.days
      .filter((one) => one.day === day && (language === undefined || one.language === language))
      .reduce((sum, one) => sum + measures.reduce((all, measure) => all + one[measure], 0), 0),
  );
}

export function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}

/** What the assistant does with a question. */
export const OUTCOMES = ["answered", "clarified", "not_understood"] as const;
