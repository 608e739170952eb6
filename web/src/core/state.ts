/**
 * What a citizen's page knows about its conversation, and how each message of the server changes it.
 *
 * `apply` is pure: events are applied once each and in order (`seq`), signals change only what is going on right now.
 */
import {
  isEvent,
  type ClosedBy,
  type DurableMessage,
  type Language,
  type Limits,
  type ProtocolError,
  type ServerEvent,
  type ServerMessage,
  type ServerSignal,
  type WaitRange,
} from "../protocol";

/** An event as the page shows it. */
export interface Item {
  event: ServerEvent;
  /** The language its words are in: the event's own, or the conversation's at that place. */
  language: Language;
  /** The citizen had not finished when it was said: it does not count any more. */
  withdrawn?: boolean;
}

/** A message of the citizen's that the server has not yet made durable, or whose event has not yet come. */
export interface Pending {
  message: DurableMessage;
  /** Set by `accepted`: the event that will take this one's place. An accepted message is never sent again. */
  settledBy?: number;
}

/** A spoken turn, from the press of the button until the server says what it heard. */
export interface Turn {
  id: string;
  phase: "recording" | "heard" | "understanding";
  /** What is heard so far, and what of it may still change; `hint`: the nearest known question rather than a transcript. */
  partial?: Heard;
  /** The citizen is going on after its end: what comes now of its beginning does not end it. */
  resumed?: boolean;
}

/** Words as they are being heard: those that stay, then those that may still change. */
export interface Heard {
  stable: string;
  rest: string;
  hint: boolean;
}

/**
 * Who has the conversation in hand. `callback`: nobody yet, and the citizen is called back; `away`: nobody, because the citizen
 * went away while waiting.
 */
export type Holder = "assistant" | "queue" | "agent" | "callback" | "away";

/** An expected wait in minutes, from and to; without `to` nobody can tell how long at most. */
export type WaitMinutes = [from: number, to?: number];

export interface ConversationState {
  conversation?: string;
  language: Language;
  lastSeq: number;
  items: readonly Item[];
  pending: readonly Pending[];
  turn?: Turn;
  thinking: boolean;
  holder: Holder;
  agent?: string;
  agentTyping: boolean;
  /** Who had it last: whoever wakes it is not named again. */
  lastAgent?: string;
  /** The agent has set the conversation aside until then (RFC 3339), or for a while where that is empty. */
  snoozedUntil?: string;
  queue?: { position: number; waitMinutes?: WaitMinutes };
  /** The call back that the citizen waits for; times are RFC 3339. */
  callback?: { number: string; from: string; until: string };
  /** No room for another voice: so many others wait before this citizen. */
  voiceLine?: number;
  /** Whether what stands at a `seq` helped, as the citizen said; the last word counts. */
  ratings: Readonly<Record<number, boolean>>;
  closed: boolean;
  /** Who ended it, where the server said so. */
  closedBy?: ClosedBy;
  dictation: boolean;
  limits: Limits;
  error?: ProtocolError;
  draining: boolean;
  /** An event was missing: the connection has to be taken up again from `lastSeq`. */
  gap: boolean;
}

/** Limits until the server has told its own. */
export const DEFAULT_LIMITS: Limits = { text_characters: 2000, audio_seconds: 60 };

export function emptyState(language: Language): ConversationState {
  return {
    language,
    lastSeq: 0,
    items: [],
    pending: [],
    thinking: false,
    holder: "assistant",
    agentTyping: false,
    ratings: {},
    closed: false,
    dictation: false,
    limits: DEFAULT_LIMITS,
    draining: false,
    gap: false,
  };
}

/** The state after one message of the server. */
export function apply(state: ConversationState, message: ServerMessage): ConversationState {
  return isEvent(message) ? applyEvent(state, message) : applySignal(state, message);
}

const REPLIES: ReadonlySet<ServerEvent["type"]> = new Set([
  "answer",
  "clarify",
  "say",
  "escalated",
  "callback_requested",
  "reopened",
  "agent_message",
  "closed",
]);
/** The citizen's matter can be opened again, although it is closed. */
const REOPENABLE: ReadonlySet<ClosedBy> = new Set(["agent", "abandoned", "unreachable"]);

/** Whether the citizen may say that the matter is not settled after all. */
export function canReopen(state: ConversationState): boolean {
  return state.closed && state.closedBy !== undefined && REOPENABLE.has(state.closedBy);
}


function applyEvent(state: ConversationState, event: ServerEvent): ConversationState {
  if (event.seq <= state.lastSeq) return state;
  if (event.seq > state.lastSeq + 1) return { ...state, gap: true };
  const language = event.type === "started" || event.type === "language_changed" ? event.language : state.language;
  const own = "language" in event ? event.language : language;
  const next: ConversationState = {
    ...state,
    language,
    lastSeq: event.seq,
    // How far a sound was heard, and what an answer was worth, is nothing to be shown to who said it.
    items: event.type === "interrupted" || event.type === "rated" ? state.items : [...withoutWithdrawn(state.items, event), { event, language: own }],
    pending: state.pending.filter((p) => !isSettled(p, event)),
  };
  if (REPLIES.has(event.type)) {
    next.thinking = false;
    // Whatever the assistant says to a finished turn, "not heard" for one, has decided it.
    if (next.turn?.phase === "understanding") delete next.turn;
  }
  return consequences(next, event);
}

function withoutWithdrawn(items: readonly Item[], event: ServerEvent): readonly Item[] {
  if (event.type !== "withdrawn") return items;
  return items.map((item) => (item.event.seq >= event.from && item.event.seq <= event.to ? { ...item, withdrawn: true } : item));
}

function isSettled(pending: Pending, event: ServerEvent): boolean {
  if (event.type === "citizen_message" && event.id === pending.message.id) return true;
  return pending.settledBy !== undefined && pending.settledBy <= event.seq;
}

/** Who holds the conversation, and whether a turn is over, after `event`; changes `next` in place. */
function consequences(next: ConversationState, event: ServerEvent): ConversationState {
  switch (event.type) {
    case "started":
      next.conversation = event.conversation;
      break;
    case "citizen_message":
      if (next.turn?.id === event.id && next.turn.resumed !== true) delete next.turn;
      break;
    case "escalated":
      next.queue = queuePlace(event.position, event.wait ? waitMinutes(event.wait) : undefined);
      handTo(next, "queue");
      break;
    case "reopened":
      next.closed = false;
      delete next.closedBy;
      next.queue = { position: event.position };
      handTo(next, "queue");
      break;
    case "callback_requested":
      next.callback = { number: event.number, from: event.from, until: event.until };
      handTo(next, "callback");
      break;
    case "callback_attempted":
      if (event.again && next.callback !== undefined) {
        next.callback = { ...next.callback, from: event.again[0], until: event.again[1] };
        handTo(next, "callback");
      }
      break;
    case "abandoned":
      handTo(next, "away");
      break;
    case "agent_joined":
      next.agent = event.agent.name;
      next.lastAgent = event.agent.name;
      handTo(next, "agent");
      break;
    case "agent_message":
      next.agentTyping = false;
      break;
    case "snoozed":
      next.snoozedUntil = event.until ?? "";
      next.agentTyping = false;
      break;
    case "woken":
      if (next.lastAgent !== undefined) next.agent = next.lastAgent;
      handTo(next, "agent");
      break;
    case "rated":
      next.ratings = { ...next.ratings, [event.of]: event.helpful };
      break;
    case "escalation_cancelled":
      handTo(next, "assistant");
      break;
    case "agent_left":
      // The server says the new place by `queue`.
      handTo(next, event.outcome === "returned" || event.outcome === "resolved" ? "assistant" : "queue");
      break;
    case "closed":
      handTo(next, "assistant");
      next.closed = true;
      next.closedBy = event.by;
      // How it was can be said when it is over.
      next.pending = next.pending.filter(({ message }) => message.type === "rate");
      delete next.turn;
      break;
  }
  return next;
}

/** Gives the conversation to `holder`, and forgets what belonged to others; in place. */
function handTo(next: ConversationState, holder: Holder): void {
  next.holder = holder;
  delete next.snoozedUntil;
  if (holder !== "queue") delete next.queue;
  // Whoever calls back has the conversation, and may have to try again.
  if (holder !== "callback" && holder !== "agent") delete next.callback;
  if (holder !== "agent") {
    delete next.agent;
    next.agentTyping = false;
  }
}

function applySignal(state: ConversationState, signal: ServerSignal): ConversationState {
  switch (signal.type) {
    case "welcome":
      return { ...state, conversation: signal.conversation, limits: signal.limits, dictation: signal.dictation, draining: false };
    case "resumed":
      return { ...state, conversation: signal.conversation, draining: false, gap: false };
    case "accepted":
      return { ...state, pending: accept(state, signal.id, signal.seq ?? undefined) };
    case "speech_started":
      return withTurn(state, signal.id, (turn) => (turn.phase === "recording" ? { ...turn, phase: "heard" } : turn));
    case "speech_resumed":
      // The beginning may have been decided already, and its turn be gone from here.
      return { ...state, turn: { id: signal.id, phase: "heard", resumed: true }, thinking: false };
    case "partial":
      return withTurn(state, signal.id, (turn) => ({ ...turn, partial: heard(signal.text, signal.stable ?? 0, signal.hint) }));
    case "speech_ended":
      if (signal.reason === "no_speech") return withoutTurn(state, signal.id);
      return withTurn(state, signal.id, (turn) => ({ ...turn, phase: "understanding", resumed: false }));
    case "final":
      if (state.turn?.resumed === true) return state;
      if (signal.text === "") return withoutTurn(state, signal.id);
      return withTurn(state, signal.id, (turn) => ({
        ...turn,
        phase: "understanding",
        partial: heard(signal.text, Infinity, !signal.dictation),
      }));
    case "thinking":
      return { ...state, thinking: true };
    case "queue":
      return { ...state, queue: queuePlace(signal.position, signal.wait_minutes ?? undefined) };
    case "agent_typing":
      return { ...state, agentTyping: true };
    case "error":
      return applyError(state, signal);
    case "draining":
      return { ...state, draining: true };
    default:
      return state;
  }
}

/** `stable` counts code points. */
function heard(text: string, stable: number, hint: boolean): Heard {
  const points = [...text];
  return { stable: points.slice(0, stable).join(""), rest: points.slice(stable).join(""), hint };
}

function queuePlace(position: number, wait: WaitMinutes | undefined) {
  return wait === undefined ? { position } : { position, waitMinutes: wait };
}

function waitMinutes({ from_minutes: from, to_minutes: to }: WaitRange): WaitMinutes {
  return to === undefined || to === null ? [from] : [from, to];
}

function accept(state: ConversationState, id: string, seq: number | undefined): readonly Pending[] {
  return state.pending
    .map((p) => (p.message.id === id && seq !== undefined ? { ...p, settledBy: seq } : p))
    .filter((p) => p.message.id !== id || (p.settledBy !== undefined && p.settledBy > state.lastSeq));
}

function withTurn(state: ConversationState, id: string, change: (turn: Turn) => Turn): ConversationState {
  return state.turn?.id === id ? { ...state, turn: change(state.turn) } : state;
}

function withoutTurn(state: ConversationState, id: string): ConversationState {
  if (state.turn?.id !== id) return state;
  const next = { ...state };
  delete next.turn;
  return next;
}

/** Refusals that pass by waiting: the message is kept and sent again. */
export function isPassing(error: ProtocolError): boolean {
  return error.code === "too_fast" || error.code === "busy" || error.code === "unavailable";
}

function applyError(state: ConversationState, error: ProtocolError): ConversationState {
  // "Taken over" comes as a fatal `closed`: this window is shut, the conversation is not. The link tells it.
  if (error.code === "closed" && error.fatal) return state;
  const next: ConversationState = { ...state, error, thinking: false };
  delete next.voiceLine;
  if (error.code === "busy" && typeof error.waiting_before === "number") next.voiceLine = error.waiting_before;
  const id = error.id ?? undefined;
  if (id !== undefined && !isPassing(error)) next.pending = state.pending.filter((p) => p.message.id !== id);
  if (id !== undefined && state.turn?.id === id) delete next.turn;
  if (error.code === "closed") {
    // Also said where it is too late to open it again.
    next.closed = true;
    delete next.closedBy;
  }
  return next;
}
