/** What the desk makes of a conversation's events; pure. */
import type { Considered, DeskQueue, ServerEvent, Waiting } from "../protocol";

/** The events with `event` in its place; `undefined` where one before it is missing and all must be fetched again. */
export function withEvent(events: readonly ServerEvent[], event: ServerEvent): ServerEvent[] | undefined {
  const last = events.at(-1)?.seq ?? 0;
  if (event.seq <= last) return [...events];
  return event.seq === last + 1 ? [...events, event] : undefined;
}

/** What the assistant weighed for this event, best first. */
export function consideredOf(event: ServerEvent): Considered[] {
  const found = event.type === "answer" || event.type === "clarify" || event.type === "say" ? event.considered : undefined;
  return [...(found ?? [])].sort((a, b) => b.confidence - a.confidence);
}

/** Places of the events that do not count, because the citizen had not finished. */
export function withdrawnPlaces(events: readonly ServerEvent[]): ReadonlySet<number> {
  const places = new Set<number>();
  for (const event of events) {
    if (event.type !== "withdrawn") continue;
    for (let seq = event.from; seq <= event.to; seq += 1) places.add(seq);
  }
  return places;
}

/** The citizen's last words: what suggested answers are looked up for. */
export function lastQuestion(events: readonly ServerEvent[]): string {
  const withdrawn = withdrawnPlaces(events);
  for (let i = events.length - 1; i >= 0; i -= 1) {
    const event = events[i];
    if (event?.type === "citizen_message" && event.text !== "" && !withdrawn.has(event.seq)) return event.text;
  }
  return "";
}

/**
 * Since when the citizen waits for a word of whoever has the conversation (RFC 3339); `undefined` where it is their turn. Being
 * taken over counts like being written to: somebody is to say something.
 */
export function owedSince(events: readonly ServerEvent[]): string | undefined {
  const withdrawn = withdrawnPlaces(events);
  let since: string | undefined;
  for (const event of events) {
    if (event.type === "agent_message") since = undefined;
    else if (event.type === "agent_joined") since = event.at;
    else if (event.type === "citizen_message" && !withdrawn.has(event.seq)) since ??= event.at;
    else if (event.type === "agent_left" || event.type === "closed") since = undefined;
  }
  return since;
}

/** The place of what the citizen had said last before the event `seq`. */
export function questionBefore(events: readonly ServerEvent[], seq: number): number | undefined {
  const withdrawn = withdrawnPlaces(events);
  const before = events.filter((event) => event.seq < seq && event.type === "citizen_message" && event.text !== "" && !withdrawn.has(event.seq));
  return before.at(-1)?.seq;
}

/** Whole seconds since `since` (RFC 3339); never negative, whatever the two clocks say. */
export function secondsSince(since: string, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
}

/** Conversations that wait now and did not a moment ago. */
export function newlyWaiting(before: DeskQueue, after: DeskQueue): string[] {
  const known = new Set([...before.waiting, ...before.mine].map((w) => w.conversation));
  return after.waiting.filter((w) => !known.has(w.conversation)).map((w) => w.conversation);
}

/** Whether somebody has come: where not all are listed, whoever moves up into the list has been there before. */
export function hasArrived(before: DeskQueue, after: DeskQueue): boolean {
  if (before.waiting_in_all === undefined) return newlyWaiting(before, after).length > 0;
  return (after.waiting_in_all ?? after.waiting.length) > before.waiting_in_all;
}

/** Conversations that this agent is asked whether they take. */
export function offersTo(agent: string, queue: DeskQueue): Waiting[] {
  return queue.waiting.filter((w) => w.offer?.agent.id === agent);
}

/** Offers to this agent that were not there a moment ago. */
export function newlyOffered(before: DeskQueue, after: DeskQueue, agent: string): string[] {
  const known = new Set(offersTo(agent, before).map((w) => w.offer?.id));
  return offersTo(agent, after).flatMap((w) => (w.offer === undefined || known.has(w.offer.id) ? [] : [w.offer.id]));
}

/** Whether this supervisor takes part in a conversation that somebody else has; a change of hands ends it. */
export function isTakingPart(agent: string, events: readonly ServerEvent[]): boolean {
  let taking = false;
  for (const event of events) {
    if (event.type === "supervisor_joined" && event.agent.id === agent) taking = true;
    else if (event.type === "supervisor_left" && event.agent.id === agent) taking = false;
    else if (event.type === "agent_left" || event.type === "snoozed" || event.type === "closed") taking = false;
  }
  return taking;
}

/** Half an hour from `now`, or nine o'clock on the next day by this device's clock; RFC 3339, UTC. */
export function asideUntil(how: "half_hour" | "tomorrow", now: number): string {
  if (how === "half_hour") return new Date(now + 30 * 60_000).toISOString();
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, 9).toISOString();
}

/** An extension of a PBX or a SIP URI, as `POST …/call` takes it: visible ASCII that cannot end a header. */
export function isExtension(text: string): boolean {
  return /^[!-~]{1,128}$/.test(text) && !/[<>"]/.test(text);
}

/** Whether what came of a call that was asked for when the log ended at `after` is in it, or will never be. */
export function isCallSettled(events: readonly ServerEvent[], after: number): boolean {
  return events.some((event) => event.seq > after && (event.type === "call" || event.type === "callback_attempted" || event.type === "agent_left" || event.type === "closed"));
}

/** The id of the telephone call that the desk was opened for (`/desk?call=…`). */
export function callOf(search: string): string | undefined {
  return new URLSearchParams(search).get("call") || undefined;
}
