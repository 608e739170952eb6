/**
 * The portal protocol, version 1, as types: what `docs/protocol.md` says, word for word.
 *
 * Events carry `seq` and are durable; signals carry none and are about this moment. A client's own durable messages carry an
 * `id` and are accepted once.
 */

/** Conversation languages as BCP 47 codes. */
export type Language = "bo" | "zh";
/** Codecs a client can send. */
export type UplinkCodec = "pcm16" | "opus";
/** Codecs a client can ask for; `none`: no sound at all. */
export type AudioOut = "pcm16" | "opus" | "none";

export const PROTOCOL_VERSION = 1;
/** Names a sound on one connection. */
export type AudioId = number;
/** WebSocket subprotocol. */
export const SUBPROTOCOL = "drilen.v1";
/** Close codes that mean something (RFC 6455 and IANA's registry). */
export const CLOSE = { done: 1000, policy: 1008, tooLarge: 1009, restart: 1012, tryLater: 1013 } as const;

// ---------------------------------------------------------------------------------------------- client → server

export interface Start {
  type: "start";
  protocol: number;
  language: Language;
  /** The citizen wants spoken answers. */
  voice: boolean;
  audio_out: AudioOut;
  /** Free text, at most 64 characters. */
  client?: string;
}
export interface Resume {
  type: "resume";
  protocol: number;
  token: string;
  last_seq: number;
  voice: boolean;
  audio_out: AudioOut;
}
export interface Text {
  type: "text";
  id: string;
  text: string;
}
export interface AudioStart {
  type: "audio_start";
  id: string;
  codec: UplinkCodec;
  /** Hertz; 16000 for `pcm16`. */
  sample_rate: number;
  /** What the citizen is likely to say: at most 32 phrases of 1 to 100 characters. */
  expect?: string[];
}
export interface Commit {
  type: "commit";
  id: string;
}
export interface Cancel {
  type: "cancel";
  /** With it: drop this spoken turn. Without: stop the sound that is playing. */
  id?: string;
}
export interface Choose {
  type: "choose";
  id: string;
  clarify_seq: number;
  /** 1-based; 0: none of these. */
  choice: number;
}
export interface Person {
  type: "person";
  id: string;
}
export interface LeaveQueue {
  type: "leave_queue";
  id: string;
}
/** The citizen wants to be called back instead of waiting. */
export interface RequestCallback {
  type: "callback";
  id: string;
  /** 3 to 15 digits, a plus sign at most in front. */
  number: string;
  /** RFC 3339; without it: now. */
  from?: string;
  /** RFC 3339; without it: a day after `from`. */
  until?: string;
}
/** The matter is not settled after all, or the citizen is back after going away. */
export interface Reopen {
  type: "reopen";
  id: string;
}
export interface ChangeLanguage {
  type: "language";
  id: string;
  language: Language;
}
export interface Voice {
  type: "voice";
  voice: boolean;
  slow: boolean;
}
export interface Repeat {
  type: "repeat";
  id: string;
}
/** Whether something helped; `false` about an answer reports it as wrong. */
export interface Rate {
  type: "rate";
  id: string;
  /** Of an answer, or of what an agent wrote or left with. */
  seq: number;
  helpful: boolean;
}
export interface Heard {
  type: "heard";
  audio_id: AudioId;
  /** How far the sound was played, in milliseconds. */
  ms: number;
}
/** The citizen is writing to a person; `draft` is for looking up answers to it, and kept nowhere. */
export interface Typing {
  type: "typing";
  draft: string;
}
/** What was written to the citizen is on their screen, up to that event. */
export interface Seen {
  type: "seen";
  seq: number;
}
export interface Close {
  type: "close";
  id: string;
}
export interface Ping {
  type: "ping";
  n: number;
}
/** Messages with an `id` that are kept until the server has accepted them. */
export type DurableMessage = Text | Choose | Person | LeaveQueue | RequestCallback | Reopen | ChangeLanguage | Repeat | Rate | Close;
export type ClientMessage = Start | Resume | DurableMessage | AudioStart | Commit | Cancel | Voice | Heard | Typing | Seen | Ping;

// ------------------------------------------------------------------------------------- server → client: events

interface EventBase {
  /** 1, 2, 3 … without a gap. */
  seq: number;
  /** RFC 3339, UTC. */
  at: string;
}
export interface Started extends EventBase {
  type: "started";
  conversation: string;
  language: Language;
  channel: "portal" | "telephone";
}
export interface LanguageChanged extends EventBase {
  type: "language_changed";
  language: Language;
}
export interface CitizenMessage extends EventBase {
  type: "citizen_message";
  id: string;
  text: string;
  source: "text" | "voice" | "choice";
  language: Language;
  /** False: `text` of a voice turn is the matched question or empty, never a transcript. */
  dictation: boolean;
  /** It was said to a person and is kept for them to hear. */
  sound?: SoundRef;
}
/** A sound that is kept with its conversation. */
export interface SoundRef {
  id: string;
  ms: number;
}
export interface Link {
  label: string;
  url: string;
}
/** An entry that the assistant weighed; only the desk's events carry these. */
export interface Considered {
  entry: string;
  question: string;
  /** 0–1. */
  confidence: number;
}
export interface Answer extends EventBase {
  type: "answer";
  reply_to: number;
  entry: string;
  revision: number | string;
  language: Language;
  question: string;
  text: string;
  spoken: string;
  steps: string[];
  documents: string[];
  links: Link[];
  office?: string | null;
  confidence: number;
  sample: boolean;
  awaiting_review: boolean;
  /** The other language is newer by so many days. */
  outdated_days?: number | null;
  considered?: Considered[];
}
export interface ClarifyChoice {
  /** The entry; or the name of the topic, or the code of the place. */
  entry: string;
  /** Its question; or the name of the topic or place, for people. */
  question: string;
  /** The language of `question` where that is not the conversation's: the answer exists in this one only. */
  language?: Language;
}
export interface Clarify extends EventBase {
  type: "clarify";
  reply_to: number;
  prompt: string;
  /** One to nine. */
  choices: ClarifyChoice[];
  /** What the choices are; absent: questions. */
  kind?: "entry" | "topic" | "place";
  /** A single choice: "did you ask …?" */
  confirm: boolean;
  considered?: Considered[];
}
export type SayAct =
  | "greeting"
  | "thanks"
  | "goodbye"
  | "not_understood"
  | "not_heard"
  | "repeat_question"
  | "notice"
  | "emergency"
  | "language"
  | "start_over"
  | "complaint"
  | "small_talk";
export interface Say extends EventBase {
  type: "say";
  reply_to?: number | null;
  text: string;
  act: SayAct;
  considered?: Considered[];
}
/** The citizen had not finished: the events `from` to `to` (a spoken turn and what was said to it) do not count any more; the message that takes their place follows. */
export interface Withdrawn extends EventBase {
  type: "withdrawn";
  from: number;
  to: number;
}
/** What was being spoken was broken off and did not go on. */
export interface Interrupted extends EventBase {
  type: "interrupted";
  /** The event that was being spoken. */
  of: number;
  /** The sentences that were played to their end. */
  heard: string;
  /** The sentence in which it was broken off. */
  breaking_off: string;
  ms: number;
}
/** The citizen said whether something helped; of several about the same thing the last one counts. */
export interface Rated extends EventBase {
  type: "rated";
  /** The event that is rated: an answer, or what an agent wrote or left with. */
  of: number;
  helpful: boolean;
}
/** Something happened to the telephone call that the conversation is. */
export interface CallEvent extends EventBase {
  type: "call";
  happened: "answered" | "not_answered" | "transferred" | "transfer_failed" | "hung_up" | "ended" | "lost";
  /** For `transfer_failed`: SIP's code. */
  code?: number;
}
export type EscalationReason = "asked" | "low_confidence" | "policy" | "emergency" | "reopened";
/** A wait as people are told it; `to_minutes` absent: nobody can tell how long at most. */
export interface WaitRange {
  from_minutes: number;
  to_minutes?: number | null;
}
export interface Escalated extends EventBase {
  type: "escalated";
  reason: EscalationReason;
  /** 1 = next. */
  position: number;
  wait?: WaitRange | null;
  text: string;
}
export interface EscalationCancelled extends EventBase {
  type: "escalation_cancelled";
  text: string;
}
export interface AgentName {
  /** Only the desk's events carry it. */
  id?: string;
  name: string;
}
export interface AgentJoined extends EventBase {
  type: "agent_joined";
  agent: AgentName;
  text: string;
}
export interface AgentMessage extends EventBase {
  type: "agent_message";
  agent: AgentName;
  /** May be empty where it was spoken. */
  text: string;
  language: Language;
  /** In the agent's own voice. */
  sound?: SoundRef;
}
export interface AgentLeft extends EventBase {
  type: "agent_left";
  /** `requeued` by the agent, `lost` with their connection, `transferred` to a colleague, `reassigned` by a supervisor: all go back to the queue. */
  outcome: "returned" | "resolved" | "requeued" | "lost" | "transferred" | "reassigned";
  text: string;
  /** For the next agent; only the desk's events carry it. */
  note?: string;
}
/** An agent is asked whether they take the conversation: nothing for a citizen. */
export interface Offered extends EventBase {
  type: "offered";
  /** Only the desk's events carry these. */
  agent?: AgentName;
  transferred?: boolean;
}
/** The agent who was asked has not taken it: nothing for a citizen. */
export interface OfferEnded extends EventBase {
  type: "offer_ended";
  /** Only the desk's events carry it. */
  why?: "declined" | "expired" | "withdrawn";
}
/** The agent has set the conversation aside; a message of the citizen's wakes it. */
export interface Snoozed extends EventBase {
  type: "snoozed";
  until?: string | null;
  /** Only the desk's events carry it. */
  note?: string;
}
/** The agent is back at it. */
export interface Woken extends EventBase {
  type: "woken";
  /** May be empty. */
  text: string;
}
export interface CallbackRequested extends EventBase {
  type: "callback_requested";
  number: string;
  from: string;
  until: string;
  text: string;
}
export type AttemptOutcome = "reached" | "no_answer" | "busy" | "wrong_number";
export interface CallbackAttempted extends EventBase {
  type: "callback_attempted";
  outcome: AttemptOutcome;
  /** When it is tried again: from, until. */
  again?: [string, string] | null;
  text: string;
}
/** The citizen went away while waiting. */
export interface Abandoned extends EventBase {
  type: "abandoned";
}
/** The citizen is back: at the old place in the queue, or with a matter that is not settled after all. */
export interface Reopened extends EventBase {
  type: "reopened";
  position: number;
  text: string;
}
export interface SupervisorJoined extends EventBase {
  type: "supervisor_joined";
  agent: AgentName;
  /** May be empty. */
  text: string;
}
export interface SupervisorLeft extends EventBase {
  type: "supervisor_left";
  agent: AgentName;
  /** May be empty. */
  text: string;
}
/** The agent's notes are done: nothing for a citizen. */
export interface WrappedUp extends EventBase {
  type: "wrapped_up";
  /** Only the desk's events carry these. */
  disposition?: string;
  note?: string;
}
/** `abandoned`: the citizen went away while waiting and did not come back; `unreachable`: nobody could be called back. */
export type ClosedBy = "citizen" | "agent" | "idle" | "abandoned" | "unreachable";
export interface Closed extends EventBase {
  type: "closed";
  by: ClosedBy;
  text: string;
}
export type ServerEvent =
  | Started
  | LanguageChanged
  | CitizenMessage
  | Answer
  | Clarify
  | Say
  | Withdrawn
  | Interrupted
  | CallEvent
  | Rated
  | Escalated
  | EscalationCancelled
  | AgentJoined
  | AgentMessage
  | AgentLeft
  | Offered
  | OfferEnded
  | Snoozed
  | Woken
  | CallbackRequested
  | CallbackAttempted
  | Abandoned
  | Reopened
  | SupervisorJoined
  | SupervisorLeft
  | WrappedUp
  | Closed;

// ------------------------------------------------------------------------------------ server → client: signals

export interface Limits {
  text_characters: number;
  audio_seconds: number;
}
export interface Welcome {
  type: "welcome";
  conversation: string;
  token: string;
  protocol: number;
  limits: Limits;
  /** The recogniser can take dictation. */
  dictation: boolean;
  notice: string;
}
export interface Resumed {
  type: "resumed";
  conversation: string;
  last_seq: number;
  language: Language;
}
export interface Accepted {
  type: "accepted";
  id: string;
  seq?: number | null;
}
export interface SpeechStarted {
  type: "speech_started";
  id: string;
  at_ms: number;
}
export interface Partial {
  type: "partial";
  id: string;
  text: string;
  /** The nearest known question, not a transcript. */
  hint: boolean;
  /** Characters of `text` (Unicode code points, not UTF-16 units), from its beginning, that later `partial`s do not change; absent: 0. */
  stable?: number;
}
export interface SpeechEnded {
  type: "speech_ended";
  id: string;
  reason: "silence" | "commit" | "maximum" | "no_speech";
  speech_ms: number;
  /** For so long sound of this turn is still taken, in case the citizen goes on; absent: 0, the turn is over for good. */
  listening_ms?: number;
}
/** The citizen goes on after the turn had ended: it is under way again, and ends anew. */
export interface SpeechResumed {
  type: "speech_resumed";
  id: string;
  at_ms: number;
}
export interface Final {
  type: "final";
  id: string;
  text: string;
  dictation: boolean;
  seconds: number;
}
export interface Thinking {
  type: "thinking";
  id: string;
}
export interface Queue {
  type: "queue";
  position: number;
  wait_minutes?: [number, number] | null;
}
/** The citizen asked to be spoken to louder: turn the volume up. */
export interface Louder {
  type: "louder";
}
export interface AgentTyping {
  type: "agent_typing";
}
export interface AudioOutStart {
  type: "audio_start";
  audio_id: AudioId;
  /** The event being spoken. */
  seq: number;
  codec: "pcm16" | "opus";
  sample_rate: number;
  source: "recorded" | "synthetic" | "agent";
}
export interface Mark {
  type: "mark";
  audio_id: AudioId;
  /** 0-based. */
  sentence: number;
  text: string;
  start_ms: number;
  /** Joined they are `text`; where each begins is an estimate. Absent where it is not known. */
  words?: SpokenWord[];
}
export interface SpokenWord {
  text: string;
  /** In the sound, as the mark's. */
  start_ms: number;
}
export interface AudioEnd {
  type: "audio_end";
  audio_id: AudioId;
  total_ms: number;
  interrupted: boolean;
}
export type ErrorCode =
  | "bad_json"
  | "unknown_type"
  | "bad_message"
  | "wrong_order"
  | "bad_token"
  | "text_too_long"
  | "audio_too_long"
  | "bad_audio"
  | "too_fast"
  | "busy"
  | "closed"
  | "too_many"
  | "unavailable"
  | "internal";
export interface ProtocolError {
  type: "error";
  code: ErrorCode;
  message: string;
  fatal: boolean;
  id?: string | null;
  retry_after_ms?: number | null;
  /** For `busy`: how many others wait for a voice conversation before this client. */
  waiting_before?: number | null;
}
export interface Draining {
  type: "draining";
  text: string;
}
export interface Pong {
  type: "pong";
  n: number;
}
export type ServerSignal =
  | Welcome
  | Resumed
  | Accepted
  | SpeechStarted
  | Partial
  | SpeechEnded
  | SpeechResumed
  | Final
  | Thinking
  | Queue
  | Louder
  | AgentTyping
  | AudioOutStart
  | Mark
  | AudioEnd
  | ProtocolError
  | Draining
  | Pong;
export type ServerMessage = ServerEvent | ServerSignal;

/** Events are told from signals by their `seq`; the signal `audio_start` names another event's `seq` and has no `at`. */
export function isEvent(message: ServerMessage): message is ServerEvent {
  return "seq" in message && "at" in message;
}

/** Reads one text message; `undefined` where it is no JSON object with a `type` (a newer server's message is kept and ignored later). */
export function parseServerMessage(data: string): ServerMessage | undefined {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string") {
      return value as ServerMessage;
    }
  } catch {
    return undefined;
  }
  return undefined;
}

// ---------------------------------------------------------------------------------------------------- other HTTP

/** `GET /v1/portal/config`. */
export interface PortalConfig {
  languages: Language[];
  default_language: Language;
  notice: Record<Language, string>;
  suggestions: Record<Language, string[]>;
  dictation: boolean;
  /** The knowledge base is the sample one. */
  sample: boolean;
  /** Checks the signature of `/v1/portal/extract/{language}`; absent where nothing is kept for times without a network. */
  extract_key?: string;
  /** Citizens may leave the recording of a question. */
  recordings?: boolean;
}

// ------------------------------------------------------------------------------------------------------ the desk

export interface Agent {
  id: string;
  name: string;
  languages: Language[];
}
/** Reply to `POST /v1/desk/login` and `GET /v1/desk/me`. */
export interface DeskSession {
  agent: Agent;
  account: Account;
  csrf: string;
}
/** Who is logged in, and what they may do. */
export interface Account {
  name: string;
  roles: string[];
  permissions: string[];
  has_password: boolean;
  has_totp: boolean;
  /** What must be done before anything else. */
  owes?: "change_password" | "set_up_totp";
}
/** Reply to `GET /v1/desk/login`: the identity provider, where there is one, with what its button says. */
export interface LoginWays {
  provider?: { bo?: string; zh?: string };
}
/** Reply to `POST /v1/desk/logout` of somebody who came through the identity provider: where to log out there. */
export interface LoggedOut {
  provider_logout: string;
}
/** Who has a conversation, or may have it. */
export interface Actor {
  id: string;
  name: string;
}
export type Status = "bot" | "queued" | "offered" | "assigned" | "snoozed" | "callback" | "wrapping" | "abandoned" | "closed";
export type Priority = "emergency" | "failed" | "voice" | "normal";
/** `busy`: at work, and picks from the queue by hand; only who is `available` is offered conversations. */
export type Presence = "available" | "busy" | "leaving" | "away";
/** One agent is asked whether they take a conversation. */
export interface Offer {
  /** Named by the answer, so that an answer to an old offer never counts for a new one. */
  id: string;
  agent: Actor;
  /** When it ends by itself: RFC 3339, UTC. */
  until: string;
  /** A colleague passed it on. */
  transferred?: boolean;
}
/** A call back that is to be made. */
export interface Callback {
  /** Masked, except in the conversation's view of whoever has it. */
  number: string;
  /** RFC 3339, UTC. */
  from: string;
  until: string;
  attempts?: { at: string; agent: string; outcome: AttemptOutcome }[];
}
export interface Waiting {
  escalation: string;
  conversation: string;
  language: Language;
  reason: EscalationReason;
  /** When the citizen began to wait: RFC 3339, UTC. */
  since: string;
  position: number;
  /** The citizen speaks rather than types. */
  voice: boolean;
  preview: string;
  status: Status;
  priority: Priority;
  /** `soon`: three quarters of the time in which it should be answered are over; `overdue`: all of it. */
  late?: "soon" | "overdue";
  holder?: Actor;
  offer?: Offer;
  /** When time alone changes something: RFC 3339, UTC. */
  deadline?: string;
  skills?: string[];
  callback?: Callback;
}
export interface Mine extends Waiting {
  claimed_at: string;
}
export interface DeskQueue {
  waiting: Waiting[];
  mine: Mine[];
  /** Citizens to be called back, in order of their time. */
  callbacks: Waiting[];
  /** How many wait, where that is more than are listed. */
  waiting_in_all?: number;
}
/** One of `GET /v1/desk/colleagues`. */
export interface Colleague {
  agent: Actor;
  languages: Language[];
  skills: string[];
  presence: Presence;
  capacity: number;
  /** How much they have now: a voice conversation weighs 100, a chat 25. */
  load: number;
  /** They gave a sign of life lately and serve citizens. */
  there: boolean;
}
export interface DeskConversation {
  conversation: string;
  language: Language;
  voice: boolean;
  status: Status;
  holder?: Actor | null;
  /** With its number, for whoever has the conversation. */
  callback?: Callback | null;
  events: ServerEvent[];
  /** How far the citizen has come with what was written to them: places of events. */
  receipts: { delivered: number; seen: number };
  /** Spoken turns whose recordings the citizen has left. */
  left: number[];
}
export interface Candidate {
  entry: string;
  question: string;
  text: string;
  confidence: number;
}
/** The same in both languages; one may be missing. */
export interface InBothLanguages {
  zh?: string;
  bo?: string;
}
/** One of `GET /v1/desk/replies`. */
export interface CannedReply {
  id: string;
  /** 0 for a sample. */
  version: number;
  name: InBothLanguages;
  /** `{agent}` and `{office}` are filled in at the desk. */
  text: InBothLanguages;
  shortcut?: string;
  /** It ships with the server, and nobody of the house has looked at it. */
  sample?: boolean;
}
/** Reply to `POST /v1/desk/reading`: a text for somebody who does not read it. */
export interface TextRead {
  /** In the order of the text; `spelling` of Tibetan in Extended Wylie. */
  words: { text: string; sound: string; spelling?: string }[];
  glossary: { text: string; means: string[] }[];
}
export type DeskServerMessage =
  | ({ type: "queue" } & DeskQueue)
  | { type: "event"; conversation: string; event: ServerEvent }
  | { type: "citizen_typing"; conversation: string }
  /** Answers to what the citizen is writing, best first. */
  | { type: "foreseen"; conversation: string; candidates: Candidate[] }
  /** What an agent wrote up to `seq` has gone out to the citizen, who is connected, or has been on their screen. */
  | { type: "delivered" | "seen"; conversation: string; seq: number }
  | { type: "error"; error: HttpError["error"] };
export type DeskClientMessage =
  | { type: "watch" | "unwatch" | "typing"; conversation: string }
  | { type: "heartbeat" };
/** The body of every refused HTTP request. */
export interface HttpError {
  error: { code: string; message: string };
}
