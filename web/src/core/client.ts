/**
 * The citizen's end of the conversation: one WebSocket that comes back by itself.
 *
 * Messages with an id are queued in `state.pending` and sent again after every reconnection until the server has accepted them;
 * events are taken from `last_seq` on. A spoken turn keeps its audio until the server says what it heard, so that a link that
 * breaks in the middle of a sentence costs no sentence.
 */
import {
  CLOSE,
  PROTOCOL_VERSION,
  parseServerMessage,
  SUBPROTOCOL,
  type AudioId,
  type AudioOut,
  type ClientMessage,
  type DurableMessage,
  type Language,
  type ProtocolError,
  type ServerMessage,
} from "../protocol";
import { backoffDelay } from "./backoff";
import type { Keeper } from "./keeper";
import { apply, canReopen, emptyState, isPassing, type ConversationState } from "./state";
import { SpokenTurn } from "./turn";

/** The part of `WebSocket` that is used. */
export type Wire = Pick<WebSocket, "send" | "close" | "binaryType"> & {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};

/**
 * How the connection stands. `idle`: nothing to connect for; `waiting`: it broke and will be tried again; `taken`: another
 * window speaks for the conversation; `refused`: the server will not have us.
 */
export type Link = "idle" | "connecting" | "open" | "waiting" | "taken" | "refused";

export interface ClientOptions {
  open: () => Wire;
  keeper: Keeper;
  newId: () => string;
  /** A number in [0, 1), for the jitter of reconnections. */
  random: () => number;
  audioOut: AudioOut;
  language: Language;
  voice: boolean;
  slow: boolean;
  onChange: (state: ConversationState, link: Link) => void;
  /** Every message, after the state has changed. */
  onMessage: (message: ServerMessage) => void;
  /** A binary message: sound of the current `audio_start`. */
  onSound: (bytes: ArrayBuffer) => void;
}

/** Citizen's own durable messages without their id, which the client makes. */
export type Outgoing = DurableMessage extends infer M ? (M extends DurableMessage ? Omit<M, "id"> : never) : never;

const PING_EVERY_MS = 25_000;
/** Silence after a ping that means the link is dead although nobody said so (a phone that changed masts). */
const PONG_WITHIN_MS = 12_000;
const OPEN = 1;

export class ConversationClient {
  state: ConversationState;
  link: Link = "idle";
  private wire: Wire | undefined;
  private token: string | undefined;
  /** Events up to here must have come before our own messages are sent again: one of them may already be among them. */
  private readyAt: number | undefined;
  private ready = false;
  private attempt = 0;
  private pings = 0;
  private sentOnThisWire = new Set<string>();
  private turn: SpokenTurn | undefined;
  private timers: { retry?: Timer; ping?: Timer; pong?: Timer; resend?: Timer } = {};

  constructor(private readonly options: ClientOptions) {
    this.state = emptyState(options.language);
  }

  // ------------------------------------------------------------------------------------------ beginning and end

  /** Takes up the conversation whose token is kept in this tab; false where there is none. */
  resumeKept(): boolean {
    const kept = this.options.keeper.conversation();
    if (kept === undefined) return false;
    this.state = { ...this.state, pending: kept.pending.map((message) => ({ message })) };
    this.resumeToken(kept.token);
    return true;
  }

  resumeToken(token: string): void {
    this.token = token;
    this.connect();
  }

  /** Forgets the conversation here; the server is told where it can be. */
  startOver(): void {
    if (this.wire?.readyState === OPEN && !this.state.closed) this.post({ type: "close", id: this.options.newId() });
    this.options.keeper.forget();
    this.token = undefined;
    this.dropWire(CLOSE.done);
    this.turn = undefined;
    this.state = emptyState(this.state.language);
    this.setLink("idle");
  }

  // ---------------------------------------------------------------------------------------------------- sending

  /** Queues a message with a fresh id; returns the id. Begins a new conversation where the old one is closed. */
  send(message: Outgoing): string {
    if (this.state.closed) this.startOver();
    return this.enqueue(message);
  }

  /** The matter is not settled after all, or the citizen is back: takes the conversation up again, be it closed. */
  reopen(): void {
    const underway = this.state.pending.some((p) => p.message.type === "reopen");
    if (this.token !== undefined && !underway && (!this.state.closed || canReopen(this.state))) this.enqueue({ type: "reopen" });
  }

  /** Says what an answer or a person's help was worth, also when the conversation is over. */
  rate(seq: number, helpful: boolean): void {
    if (this.token !== undefined) this.enqueue({ type: "rate", seq, helpful });
  }

  private enqueue(message: Outgoing): string {
    const id = this.options.newId();
    const durable = { ...message, id } as DurableMessage;
    this.setState({ ...this.state, pending: [...this.state.pending, { message: durable }] });
    this.connect();
    this.flush();
    return id;
  }

  /** The language of the next conversation, or a wish to change that of the running one. */
  setLanguage(language: Language): void {
    this.options.language = language;
    if (this.token !== undefined && !this.state.closed) {
      if (language !== this.state.language) this.send({ type: "language", language });
    } else {
      this.setState({ ...this.state, language });
    }
  }

  setVoice(voice: boolean, slow: boolean): void {
    this.options.voice = voice;
    this.options.slow = slow;
    if (this.ready) this.post({ type: "voice", voice, slow });
  }

  /** What the page can play from now on; a connection that was opened for something else is opened anew. */
  setAudioOut(audioOut: AudioOut): void {
    if (audioOut === this.options.audioOut) return;
    this.options.audioOut = audioOut;
    if (this.link === "open") this.reconnectSoon();
  }

  /** The sound was stopped by the citizen, or another turn begins. */
  stopSound(): void {
    if (this.ready) this.post({ type: "cancel" });
  }

  /** The citizen is writing to a person. */
  typing(draft: string): void {
    if (this.ready) this.post({ type: "typing", draft });
  }

  /** What was written to the citizen is on the screen, up to that event. @returns false where the server could not be told */
  seen(seq: number): boolean {
    if (this.ready) this.post({ type: "seen", seq });
    return this.ready;
  }

  heard(audioId: AudioId, ms: number): void {
    if (this.ready) this.post({ type: "heard", audio_id: audioId, ms: Math.round(ms) });
  }

  // ---------------------------------------------------------------------------------------------- a spoken turn

  beginTurn(codec: "pcm16" | "opus"): string {
    if (this.state.closed) this.startOver();
    const id = this.options.newId();
    this.turn = new SpokenTurn(id, codec, this.state.limits.audio_seconds);
    const next: ConversationState = { ...this.state, turn: { id, phase: "recording" } };
    if (next.error?.code === "busy") delete next.error;
    delete next.voiceLine;
    this.setState(next);
    this.connect();
    this.flushTurn();
    return id;
  }

  /** @returns false when the turn is as long as a turn may be. */
  pushAudio(packet: ArrayBuffer): boolean {
    if (this.turn === undefined) return false;
    const room = this.turn.push(packet);
    this.flushTurn();
    return room;
  }

  endTurn(): void {
    if (this.turn === undefined) return;
    this.turn.ended = true;
    if (this.turn.listening) {
      // The server has ended it already; it learns that nobody goes on.
      this.turn.listening = false;
      this.flushTurn();
      if (this.state.turn?.id !== this.turn.id) this.turn = undefined;
      return;
    }
    const turn = this.state.turn;
    if (turn !== undefined) this.setState({ ...this.state, turn: { ...turn, phase: "understanding" } });
    this.flushTurn();
  }

  dropTurn(): void {
    if (this.turn === undefined) return;
    const open = this.state.turn?.id === this.turn.id;
    if (open && this.ready && this.turn.announced) this.post({ type: "cancel", id: this.turn.id });
    this.turn = undefined;
    const next = { ...this.state };
    delete next.turn;
    this.setState(next);
  }

  // ------------------------------------------------------------------------------------------------- connection

  /** Tries now instead of later: the phone is back on line, the page is looked at again, or the citizen pressed the button. */
  nudge(): void {
    if (this.link === "waiting" || this.link === "taken" || this.link === "refused") this.connect(true);
    else if (this.link === "open") this.ping();
  }

  private connect(now = false): void {
    if (this.wire !== undefined || (this.link === "waiting" && !now)) return;
    clearTimeout(this.timers.retry);
    this.ready = false;
    this.readyAt = undefined;
    this.sentOnThisWire.clear();
    const wire = this.options.open();
    wire.binaryType = "arraybuffer";
    this.wire = wire;
    wire.onopen = () => this.introduce();
    wire.onmessage = (event) => this.receive(event.data as string | ArrayBuffer);
    wire.onclose = (event) => this.closed(wire, event);
    this.setLink("connecting");
  }

  private introduce(): void {
    const { voice, audioOut: audio_out, language } = this.options;
    const protocol = PROTOCOL_VERSION;
    this.post(
      this.token === undefined
        ? { type: "start", protocol, language, voice, audio_out, client: "portal" }
        : { type: "resume", protocol, token: this.token, last_seq: this.state.lastSeq, voice, audio_out },
    );
    this.schedulePing();
  }

  private receive(data: string | ArrayBuffer): void {
    clearTimeout(this.timers.pong);
    if (typeof data !== "string") {
      this.options.onSound(data);
      return;
    }
    const message = parseServerMessage(data);
    if (message === undefined) return;
    this.setState(apply(this.state, message));
    if (this.state.gap) {
      this.reconnectSoon();
      return;
    }
    this.react(message);
    this.options.onMessage(message);
  }

  private react(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        this.token = message.token;
        this.becomeReady();
        break;
      case "resumed":
        this.readyAt = message.last_seq;
        break;
      case "error":
        this.refused(message);
        break;
      case "closed":
        // The token stays in this page's memory only, where the citizen may still say how it was, or that the matter is not settled.
        this.turn = undefined;
        this.options.keeper.forget();
        break;
    }
    // Before anything is sent again: the turn may be among the events that have just come.
    // One that its citizen may still go on with is kept although it has been decided.
    if (this.turn !== undefined && this.state.turn?.id !== this.turn.id && !this.turn.listening) this.turn = undefined;
    if (this.readyAt !== undefined && this.state.lastSeq >= this.readyAt) this.becomeReady();
    if (this.turn !== undefined && message.type === "speech_ended" && message.id === this.turn.id) {
      this.turn.listening = !this.turn.ended && (message.listening_ms ?? 0) > 0;
      this.turn.ended ||= !this.turn.listening;
    }
    if (this.turn !== undefined && message.type === "speech_resumed" && message.id === this.turn.id) {
      this.turn.listening = false;
      this.turn.resumed = true;
    }
  }

  private becomeReady(): void {
    this.readyAt = undefined;
    this.ready = true;
    this.attempt = 0;
    this.setLink("open");
    if (this.options.slow) this.post({ type: "voice", voice: this.options.voice, slow: true });
    this.flush();
    this.turn?.rewind();
    this.flushTurn();
  }

  private flush(): void {
    if (!this.ready) return;
    for (const { message, settledBy } of this.state.pending) {
      if (settledBy !== undefined || this.sentOnThisWire.has(message.id)) continue;
      this.sentOnThisWire.add(message.id);
      this.post(message);
    }
  }

  private flushTurn(): void {
    if (this.ready) this.turn?.flush((message) => this.post(message), (packet) => this.wire?.send(packet));
  }

  private refused(error: ProtocolError): void {
    if (error.code === "bad_token") {
      // The conversation is gone (24 hours, or erased): what was not yet sent begins a new one.
      this.token = undefined;
      this.options.keeper.forget();
      const pending = this.state.pending.filter((p) => p.message.type === "text" || p.message.type === "person");
      this.state = { ...emptyState(this.state.language), pending, error };
      this.dropWire(CLOSE.done);
      this.setLink("idle");
      if (pending.length > 0) this.connect();
      return;
    }
    if (error.fatal && error.code === "bad_message" && this.state.lastSeq > 0) {
      // The server knows fewer events than we do (it was restored from a backup): what it knows is what counts.
      this.state = { ...emptyState(this.state.language), pending: this.state.pending };
      this.reconnectSoon();
      return;
    }
    const id = error.id ?? undefined;
    if (id !== undefined && isPassing(error) && this.sentOnThisWire.has(id)) {
      clearTimeout(this.timers.resend);
      this.timers.resend = setTimeout(() => {
        this.sentOnThisWire.delete(id);
        this.flush();
      }, error.retry_after_ms ?? 3000);
    }
  }

  private closed(wire: Wire, event: CloseEvent): void {
    if (this.wire !== wire) return;
    this.dropWire();
    if (event.code === CLOSE.policy) {
      this.setLink(/taken over/i.test(event.reason) ? "taken" : "refused");
    } else if (event.code === CLOSE.done && this.isDone()) {
      this.setLink("idle");
    } else {
      this.reconnectSoon(event.code === CLOSE.tryLater ? (this.state.error?.retry_after_ms ?? 5000) : 0);
    }
  }

  /** Nothing is to be sent or waited for: a conversation that was opened again goes on after its old end's connection. */
  private isDone(): boolean {
    return this.state.pending.length === 0 && this.turn === undefined && this.state.holder === "assistant";
  }

  private reconnectSoon(floorMs = 0): void {
    this.dropWire();
    const delay = backoffDelay(this.attempt, this.options.random(), floorMs);
    this.attempt += 1;
    this.setLink("waiting");
    this.timers.retry = setTimeout(() => this.connect(true), delay);
  }

  private dropWire(code?: number): void {
    const wire = this.wire;
    this.wire = undefined;
    this.ready = false;
    this.forgetDecided();
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    if (wire === undefined) return;
    wire.onopen = wire.onmessage = wire.onclose = null;
    wire.close(code);
  }

  /** A turn whose beginning has been decided is not sent again: the server asks for what was said after it. */
  private forgetDecided(): void {
    if (this.turn === undefined) return;
    const decided = this.turn.listening && this.state.turn?.id !== this.turn.id;
    if (!decided && !this.turn.resumed) return;
    this.turn = undefined;
    this.state = { ...this.state };
    delete this.state.turn;
  }

  private schedulePing(): void {
    clearTimeout(this.timers.ping);
    this.timers.ping = setTimeout(() => {
      this.ping();
      this.schedulePing();
    }, PING_EVERY_MS);
  }

  private ping(): void {
    this.pings += 1;
    this.post({ type: "ping", n: this.pings });
    clearTimeout(this.timers.pong);
    this.timers.pong = setTimeout(() => this.reconnectSoon(), PONG_WITHIN_MS);
  }

  private post(message: ClientMessage): void {
    if (this.wire?.readyState === OPEN) this.wire.send(JSON.stringify(message));
  }

  // ------------------------------------------------------------------------------------------------------ state

  /** Clears the last error, once it has been read. */
  dismissError(): void {
    const next = { ...this.state };
    delete next.error;
    this.setState(next);
  }

  private setLink(link: Link): void {
    this.link = link;
    this.options.onChange(this.state, link);
  }

  private setState(state: ConversationState): void {
    if (state === this.state) return;
    this.state = state;
    if (this.token !== undefined && !state.closed) {
      const pending = state.pending.filter((p) => p.settledBy === undefined).map((p) => p.message);
      this.options.keeper.keep({ token: this.token, pending }, state.holder !== "assistant");
    }
    this.options.onChange(state, this.link);
  }
}

type Timer = ReturnType<typeof setTimeout>;

/** The conversation's address beside the page: `wss` where the page came over TLS. */
export function conversationUrl(location: Pick<Location, "protocol" | "host">): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/conversation`;
}

/** A real WebSocket to the server that served the page. */
export function openWire(): Wire {
  return new WebSocket(conversationUrl(window.location), SUBPROTOCOL);
}
