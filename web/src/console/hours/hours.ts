/** Hours of service, as the server has them and as somebody writes them. */

/** `09:30-13:00` */
export type SpanText = string;

export interface Week {
  time_zone: string;
  /** Monday first. */
  week: SpanText[][];
  holidays: string[];
  special: { date: string; hours: SpanText[] }[];
}

/** Reply to `GET` and `POST /v1/desk/hours`. */
export interface Holding {
  version: number;
  configured: boolean;
  hours: Week;
}

export interface Span {
  from: string;
  to: string;
}

/** A week as fields of a form. */
export interface Draft {
  timeZone: string;
  week: Span[][];
  holidays: string[];
  special: { date: string; hours: Span[] }[];
}

function spanOf(text: SpanText): Span {
  const [from = "", to = ""] = text.split("-");
  return { from: from.trim(), to: to.trim() };
}

function textOf(span: Span): SpanText {
  return `${span.from}-${span.to === "00:00" ? "24:00" : span.to}`;
}

export function draftOf(hours: Week): Draft {
  // A field for times knows no 24:00: the end of a day is the next one's beginning.
  const spans = (texts: SpanText[]) => texts.map(spanOf).map((span) => ({ from: span.from, to: span.to === "24:00" ? "00:00" : span.to }));
  return {
    timeZone: hours.time_zone,
    week: hours.week.map(spans),
    holidays: [...hours.holidays],
    special: hours.special.map(({ date, hours }) => ({ date, hours: spans(hours) })),
  };
}

export function weekOf(draft: Draft): Week {
  return {
    time_zone: draft.timeZone,
    week: draft.week.map((day) => day.map(textOf)),
    holidays: [...draft.holidays].sort(),
    special: draft.special.map(({ date, hours }) => ({ date, hours: hours.map(textOf) })).sort((one, other) => one.date.localeCompare(other.date)),
  };
}

/** What is wrong with a day's hours. */
export type Fault = "hoursEmpty" | "hoursBackwards" | "hoursOverlap" | "dayMissing" | "dayTwice";

function faultOfDay(spans: readonly Span[]): Fault | undefined {
  const ends = spans.map(({ from, to }) => [from, to === "00:00" ? "24:00" : to] as const);
  if (ends.some(([from, to]) => from === "" || to === "")) return "hoursEmpty";
  if (ends.some(([from, to]) => from >= to)) return "hoursBackwards";
  const sorted = [...ends].sort(([one], [other]) => one.localeCompare(other));
  return sorted.some(([from], n) => n > 0 && from < (sorted[n - 1]?.[1] ?? "")) ? "hoursOverlap" : undefined;
}

/** The first fault of the whole week, with the day it is on: a number from 0 for Monday, or a date. */
export function faultOf(draft: Draft): { fault: Fault; day: number | string } | undefined {
  for (const [day, spans] of draft.week.entries()) {
    const fault = faultOfDay(spans);
    if (fault !== undefined) return { fault, day };
  }
  const days = [...draft.holidays, ...draft.special.map(({ date }) => date)];
  if (days.includes("")) return { fault: "dayMissing", day: "" };
  const twice = days.find((day, n) => days.indexOf(day) !== n);
  if (twice !== undefined) return { fault: "dayTwice", day: twice };
  for (const { date, hours } of draft.special) {
    const fault = faultOfDay(hours);
    if (fault !== undefined) return { fault, day: date };
  }
  return undefined;
}
