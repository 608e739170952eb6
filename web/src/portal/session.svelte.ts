/** The portal's state: the conversation, the microphone and the loudspeaker, joined for the page. */
import type { Place } from "../audio/clip";
import { canRecord, contextClass } from "../audio/context";
import type { Microphone, OpusRuntime, Player, Uplink } from "../audio/kit";
import type { MicrophoneProblem } from "../audio/microphone";
import type { Playing } from "../audio/player";
import { ConversationClient, openWire, type Link } from "../core/client";
import { Keeper, shelfOr, type Storing } from "../core/keeper";
import { emptyState, type ConversationState } from "../core/state";
import { bo } from "../i18n/portal.bo";
import { zh, type PortalKey } from "../i18n/portal.zh";
import { fill } from "../i18n/translate";
import type { Answer, Language, PortalConfig, ServerMessage } from "../protocol";
import type { OfflineShelf } from "./offline/shelf.svelte";

const TEXTS = { bo, zh };
/** A sound that was asked for once more may take this long to begin before the button lets go of its waiting look. */
const REPEAT_PATIENCE_MS = 6000;
/** Whoever writes to a person is told of so often at most. */
const TYPING_EVERY_MS = 2000;

/** A spoken turn being recorded; the microphone comes once the citizen has allowed it. */
interface Recording {
  microphone?: Microphone;
  uplink: Uplink;
  stopped: boolean;
  /** The turn is over, and the microphone stays open until then, in case the citizen goes on. */
  lingering?: ReturnType<typeof setTimeout>;
}

/** Longest time between the end of a turn and the server's first word on it. */
const DECISION_PATIENCE_MS = 30_000;
/** A link that is back within this time was never gone for the citizen. */
const OFFLINE_AFTER_MS = 2500;
/** A clock that is further off than this is wrong; less may be a zone that was set by hand. */
const CLOCK_TOLERANCE_MS = 24 * 3600 * 1000;

/** What the page has besides words: loaded after it is there. */
type Sounds = typeof import("../audio/kit");
type OfflineKit = typeof import("./offline/kit");

/** A recording that the citizen has left; `removed`: and taken back. */
export interface LeftRecording {
  id: string;
  removed: boolean;
}

/** The sound of a spoken turn, kept while the citizen may still leave it to the assistant. */
export interface Utterance {
  /** The turn. */
  id: string;
  /** 16 kHz. */
  parts: Float32Array[];
}

export class Session {
  conversation: ConversationState = $state.raw(emptyState("zh"));
  link: Link = $state("idle");
  config: PortalConfig | undefined = $state.raw();
  playing: Playing | undefined = $state.raw();
  microphone: "closed" | "opening" | "open" = $state("closed");
  level = $state(0);
  problem: MicrophoneProblem | "nothing" | "muted" | "unheard" | undefined = $state();
  voice = $state(true);
  slow = $state(false);
  /** Event whose sound has been asked for and has not come yet. */
  awaited: number | undefined = $state();
  /** A conversation of this phone that waited for a person when the page was closed. */
  waiting: string | undefined = $state();
  /** Words in the box that the citizen is writing. */
  draft = $state("");
  /** There is no way to the server, and has not been for a moment. */
  offline = $state(false);
  /** What is shown without a network, once it has been loaded. */
  offlineKit: OfflineKit | undefined = $state.raw();
  shelf: OfflineShelf | undefined = $state.raw();
  /** How this browser keeps things. */
  storing: Storing = $state("kept");
  /** This phone's clock is so many milliseconds behind the server's; 0 where that is little. */
  clockBehind = $state(0);
  /** The spoken turn whose sound the citizen may leave to the assistant. */
  utterance: Utterance | undefined = $state.raw();
  /** Recordings that were left under an answer, by its `seq`. */
  left: Readonly<Record<number, LeftRecording>> = $state.raw({});
  private settle: () => void = () => undefined;
  /** The page is there, as far as it can be; what it does not need for its first look may be loaded now. */
  readonly settled = new Promise<void>((resolve) => (this.settle = resolve));
  readonly canRecord = canRecord();
  readonly isSecure = window.isSecureContext;
  /** It stands in a frame of another page. */
  readonly embedded = window.parent !== window;

  private readonly client: ConversationClient;
  private readonly keeper: Keeper;
  private sounds: Sounds | undefined;
  private player: Player | undefined;
  private context: AudioContext | undefined;
  private encodes = false;
  private worker: OpusRuntime | undefined;
  private recording: Recording | undefined;
  private goneSince: ReturnType<typeof setTimeout> | undefined;
  private typing: ReturnType<typeof setTimeout> | undefined;
  private typed = "";
  /** The last word of a person's that was on this screen, as the server knows. */
  private seen = 0;

  constructor() {
    const device = shelfOr(() => window.localStorage);
    this.keeper = new Keeper(
      shelfOr(() => window.sessionStorage),
      device,
      () => Date.now(),
      (storing) => (this.storing = storing),
    );
    const settings = this.keeper.settings();
    this.voice = settings.voice ?? true;
    this.slow = settings.slow ?? false;
    this.conversation = emptyState(settings.language ?? askedLanguage() ?? browserLanguage());
    this.client = new ConversationClient({
      open: openWire,
      keeper: this.keeper,
      newId,
      random: Math.random,
      // As far as can be told at once; `loadSounds` knows better a moment later.
      audioOut: contextClass() === undefined ? "none" : "pcm16",
      language: this.language,
      voice: this.voice,
      slow: this.slow,
      onChange: (state, link) => this.changed(state, link),
      onMessage: (message) => this.hear(message),
      onSound: (bytes) => this.player?.data(bytes),
    });
  }

  async begin(): Promise<void> {
    // Who has a conversation wants to see that first.
    if (this.keeper.conversation() !== undefined) this.settle();
    void this.loadConfig(0).then(this.settle);
    window.addEventListener("online", () => {
      this.client.nudge();
      if (this.config === undefined) void this.loadConfig(0);
    });
    window.addEventListener("offline", () => this.lost());
    if (navigator.onLine === false) this.lost();
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.client.nudge();
      this.tellSeen();
    });
    await this.settled;
    await this.loadSounds();
    if (!this.client.resumeKept()) this.waiting = this.keeper.waiting();
  }

  /** Sound is no part of the first look at the page. */
  private async loadSounds(): Promise<void> {
    try {
      const sounds = await import("../audio/kit");
      const [encodes, decodes] = await Promise.all([sounds.canEncodeOpus(), sounds.canDecodeOpus()]);
      this.encodes = encodes;
      if (!(encodes && decodes) && sounds.canRunOpus()) this.worker = new sounds.OpusRuntime(() => this.client.setAudioOut("pcm16"));
      this.player = new sounds.Player(
        (playing) => (this.playing = playing),
        (audioId, ms) => this.client.heard(audioId, ms),
        () => (this.problem = "muted"),
        decodes ? undefined : this.worker,
      );
      if (this.context !== undefined) this.player.use(this.context);
      this.client.setAudioOut(sounds.bestAudioOut(decodes));
      this.sounds = sounds;
    } catch {
      // Words go on without it; the next visit may have a better link.
      this.client.setAudioOut("none");
    }
  }

  /** Must be called in a tap or key press once: browsers keep pages silent until then. */
  private unlock(): void {
    const Context = contextClass();
    if (Context === undefined) return;
    if (this.context === undefined) {
      this.context = new Context();
      this.player?.use(this.context);
    }
    if (this.context.state !== "running") void this.context.resume();
    if (this.problem === "muted") this.problem = undefined;
  }

  get language(): Language {
    return this.conversation.language;
  }

  text(key: PortalKey, values: Record<string, string | number> = {}): string {
    return fill(TEXTS[this.language][key], values);
  }

  // ------------------------------------------------------------------------------------------------ the citizen

  ask(text: string): void {
    this.settle();
    this.unlock();
    this.quiet();
    this.utterance = undefined;
    this.client.send({ type: "text", text });
  }

  choose(clarifySeq: number, choice: number): void {
    this.unlock();
    this.quiet();
    this.client.send({ type: "choose", clarify_seq: clarifySeq, choice });
  }

  /** Something was written into the box: a person who has the conversation learns that something comes, and what may answer it. */
  wrote(): void {
    if (this.conversation.holder !== "agent" || this.typing !== undefined || this.draft === this.typed) return;
    this.typed = this.draft;
    this.client.typing(this.draft);
    this.typing = setTimeout(() => {
      this.typing = undefined;
      this.wrote();
    }, TYPING_EVERY_MS);
  }

  /** What people wrote is on the screen, if that is looked at. */
  private tellSeen(): void {
    if (document.visibilityState !== "visible") return;
    const { items } = this.conversation;
    for (let i = items.length - 1; i >= 0; i -= 1) {
      const event = items[i]?.event;
      if (event?.type !== "agent_message") continue;
      if (event.seq > this.seen && this.client.seen(event.seq)) this.seen = event.seq;
      return;
    }
  }

  /** Puts what was heard into the box, to be mended and asked again. */
  correct(words: string): void {
    this.draft = words;
    const box = document.getElementById("question");
    if (box instanceof HTMLInputElement) {
      box.focus();
      // After the words have been put in.
      setTimeout(() => box.setSelectionRange(words.length, words.length));
    }
  }

  /** The citizen says by one tap what an answer was worth. */
  rate(seq: number, helpful: boolean): void {
    this.client.rate(seq, helpful);
  }

  /**
   * Whether the citizen may be asked for the sound of the question that `answer` answers: they said it last, and have confirmed
   * it by what they chose or by not going on.
   */
  maySpare(answer: Answer): boolean {
    const { items } = this.conversation;
    const after = items.map(({ event }) => event.seq).indexOf(answer.seq);
    for (let i = after - 1; i >= 0; i -= 1) {
      const item = items[i];
      if (item === undefined || item.withdrawn === true || item.event.type !== "citizen_message") continue;
      if (item.event.source === "choice") continue;
      return item.event.source === "voice" && item.event.id === this.utterance?.id;
    }
    return false;
  }

  leave(answer: number, recording: LeftRecording): void {
    this.left = { ...this.left, [answer]: recording };
  }

  /** What opens the conversation, for requests beside it. */
  get token(): string | undefined {
    return this.keeper.conversation()?.token;
  }

  wantPerson(): void {
    this.unlock();
    this.client.send({ type: "person" });
  }

  leaveQueue(): void {
    this.client.send({ type: "leave_queue" });
  }

  /** The citizen would rather be called back at `number` than wait. */
  wantCallback(number: string): void {
    this.client.send({ type: "callback", number });
  }

  /** The matter is not settled after all, or the citizen is back. */
  reopen(): void {
    this.client.reopen();
  }

  setLanguage(language: Language): void {
    this.client.setLanguage(language);
    this.keepSettings(language);
    void this.shelf?.show(language, !this.offline);
  }

  setVoice(voice: boolean): void {
    this.unlock();
    this.voice = voice;
    if (!voice) this.quiet();
    this.client.setVoice(voice, this.slow);
    this.keepSettings(this.language);
  }

  startOver(): void {
    this.stopRecording(false);
    this.player?.clear();
    this.utterance = undefined;
    this.left = {};
    this.client.startOver();
    this.waiting = undefined;
  }

  continueWaiting(yes: boolean): void {
    const token = this.waiting;
    this.waiting = undefined;
    if (token !== undefined && yes) this.client.resumeToken(token);
    else this.keeper.forget();
  }

  reconnect(): void {
    this.client.nudge();
  }

  dismissError(): void {
    this.problem = undefined;
    this.client.dismissError();
  }

  // ------------------------------------------------------------------------------------------------------ sound

  /** What is being spoken of `seq`. */
  placeIn(seq: number): Place | undefined {
    return this.playing?.seq === seq ? this.playing.place : undefined;
  }

  /** Whether `seq` can be heard: from what is kept, or by asking the server, who repeats only the last answer. */
  canPlay(seq: number): boolean {
    return this.player?.has(seq) === true || seq === this.lastSpoken() || (this.player !== undefined && this.isSpoken(seq));
  }

  /** Whether a person spoke it in this conversation: then it is kept, and can be fetched. */
  private isSpoken(seq: number): boolean {
    return this.conversation.items.some(({ event }) => event.seq === seq && event.type === "agent_message" && event.sound !== undefined);
  }

  play(seq: number, slow: boolean): void {
    this.unlock();
    if (slow !== this.slow) this.setSlow(slow);
    if (this.player?.play(seq, slow) === true) return;
    this.awaited = seq;
    if (this.isSpoken(seq)) return void this.fetchSound(seq);
    if (!this.voice) this.setVoice(true);
    setTimeout(() => {
      if (this.awaited === seq) this.awaited = undefined;
    }, REPEAT_PATIENCE_MS);
    this.client.send({ type: "repeat" });
  }

  private async fetchSound(seq: number): Promise<void> {
    const { sounds, player, token, slow } = this;
    if (sounds === undefined || player === undefined || token === undefined) return;
    try {
      player.keep(seq, await sounds.fetchSound(token, seq, slow), slow);
      if (this.awaited === seq) player.play(seq, slow);
    } catch {
      this.problem = "unheard";
    }
    if (this.awaited === seq) this.awaited = undefined;
  }

  /** Silence within the time of a fade; the server is told so that it stops sending. */
  quiet(): void {
    if (this.player?.stop() === true) this.client.stopSound();
  }

  private setSlow(slow: boolean): void {
    this.slow = slow;
    this.client.setVoice(this.voice, slow);
    this.keepSettings(this.language);
  }

  private lastSpoken(): number | undefined {
    for (let i = this.conversation.items.length - 1; i >= 0; i -= 1) {
      const item = this.conversation.items[i];
      const event = item?.withdrawn === true ? undefined : item?.event;
      if (event?.type === "answer" || event?.type === "clarify" || event?.type === "say") return event.seq;
    }
    return undefined;
  }

  private hear(message: ServerMessage): void {
    switch (message.type) {
      case "audio_start":
        this.awaited = undefined;
        // While the citizen speaks nothing else does.
        this.player?.begin(message, this.voice && !this.isListening(), this.slow);
        break;
      case "mark":
        this.player?.mark(message);
        break;
      case "audio_end":
        void this.player?.end(message);
        break;
      case "speech_ended":
        if (message.reason === "no_speech") this.problem = "nothing";
        this.listenOn(message.id, message.listening_ms ?? 0);
        break;
      case "speech_resumed":
        this.player?.stop();
        this.listenAgain();
        break;
      case "withdrawn":
        this.player?.stop();
        break;
      case "louder":
        this.player?.louder();
        break;
      case "language_changed":
        this.keepSettings(message.language);
        break;
    }
  }

  // --------------------------------------------------------------------------------------------- the microphone

  /** Opens the microphone and begins a spoken turn. */
  async speak(): Promise<void> {
    const { sounds } = this;
    if (sounds === undefined || this.isListening()) return;
    this.stopRecording(true);
    this.unlock();
    this.quiet();
    this.problem = undefined;
    this.microphone = "opening";
    const { client } = this;
    const uplink = sounds.openUplink(this.encodes, this.worker, (packet) => {
      if (!client.pushAudio(packet)) this.stopRecording(true);
    });
    const id = client.beginTurn(uplink.codec);
    const recording: Recording = { uplink, stopped: false };
    this.recording = recording;
    const utterance: Utterance = { id, parts: [] };
    this.utterance = this.config?.recordings === true ? utterance : undefined;
    try {
      const microphone = await sounds.Microphone.open(
        (samples) => {
          if (recording.stopped) return;
          if (this.utterance === utterance) utterance.parts.push(samples);
          recording.uplink.push(samples);
        },
        (level) => (this.level = level),
      );
      if (recording.stopped) {
        microphone.close();
        return;
      }
      recording.microphone = microphone;
      this.microphone = "open";
      navigator.vibrate?.(30);
    } catch (error) {
      this.stopRecording(false);
      this.problem = error instanceof sounds.MicrophoneError ? error.problem : "failed";
    }
  }

  /** Ends the turn: with `keep` it is understood, without it is dropped. */
  stopRecording(keep: boolean): void {
    const recording = this.recording;
    if (recording === undefined || recording.stopped) return;
    recording.stopped = true;
    recording.microphone?.close();
    this.recording = undefined;
    this.microphone = "closed";
    this.level = 0;
    if (recording.lingering !== undefined) {
      clearTimeout(recording.lingering);
      // At once, since another turn may begin now; nothing that matters is left in the encoder.
      this.client.endTurn();
      return;
    }
    if (!keep) {
      this.client.dropTurn();
      return;
    }
    void recording.uplink.finish().then(() => {
      this.client.endTurn();
      this.expectDecision(this.conversation.turn?.id);
    });
  }

  /** Whether the citizen is being recorded; not while the microphone is only open in case they go on. */
  private isListening(): boolean {
    return this.recording !== undefined && this.recording.lingering === undefined;
  }

  /** The server has ended the turn; the microphone stays open for as long as it takes more. */
  private listenOn(id: string, ms: number): void {
    const recording = this.recording;
    if (recording?.microphone === undefined || ms === 0) return this.stopRecording(true);
    clearTimeout(recording.lingering);
    recording.lingering = setTimeout(() => this.stopRecording(true), ms);
    this.microphone = "closed";
    this.expectDecision(id);
  }

  /** The citizen goes on after the end of the turn. */
  private listenAgain(): void {
    if (this.recording?.lingering === undefined) return;
    clearTimeout(this.recording.lingering);
    delete this.recording.lingering;
    this.microphone = "open";
  }

  /** Nobody is left before a button that waits for ever: a turn without any word from the server is given up. */
  private expectDecision(id: string | undefined): void {
    if (id === undefined) return;
    setTimeout(() => {
      if (this.conversation.turn?.id !== id || this.isListening()) return;
      if (this.link !== "open") return this.expectDecision(id);
      this.client.dropTurn();
      this.problem = "nothing";
    }, DECISION_PATIENCE_MS);
  }

  // ------------------------------------------------------------------------------------------------------ inner

  private changed(state: ConversationState, link: Link): void {
    if (state.conversation !== this.conversation.conversation) this.seen = 0;
    this.conversation = state;
    this.link = link;
    this.tellSeen();
    if (link === "waiting") this.lost();
    else if (link === "open") this.found();
    if (this.isListening() && state.turn === undefined) this.stopRecording(false);
    // What is said after a link has broken reaches nobody.
    if (this.recording?.lingering !== undefined && link !== "open") this.stopRecording(true);
  }

  private keepSettings(language: Language): void {
    this.keeper.keepSettings({ language, voice: this.voice, slow: this.slow });
  }

  /** The way to the server is gone; if it stays so, what is kept for such times is shown. */
  private lost(): void {
    if (this.goneSince !== undefined || this.offline) return;
    const wait = navigator.onLine === false ? 0 : OFFLINE_AFTER_MS;
    this.goneSince = setTimeout(() => {
      this.offline = true;
      void this.loadOffline();
    }, wait);
  }

  private found(): void {
    clearTimeout(this.goneSince);
    this.goneSince = undefined;
    this.offline = false;
  }

  private async loadOffline(): Promise<void> {
    try {
      this.offlineKit ??= await import("./offline/kit");
    } catch {
      // Never loaded before, and now there is no network: the questions are kept, and nothing else can be done.
      return;
    }
    const kit = this.offlineKit;
    if (this.shelf === undefined) {
      const subtle = window.isSecureContext ? window.crypto.subtle : undefined;
      const now = () => Date.now() + this.clockBehind;
      this.shelf = new kit.OfflineShelf(new kit.ExtractStore(shelfOr(() => window.localStorage), subtle, now));
    }
    if (this.config?.extract_key !== undefined) this.shelf.pin(this.config.extract_key);
    await this.shelf.show(this.language, !this.offline && this.config?.extract_key !== undefined);
  }

  private async loadConfig(attempt: number): Promise<void> {
    try {
      const reply = await fetch("/v1/portal/config");
      if (!reply.ok) throw new Error(String(reply.status));
      this.readClock(reply.headers.get("date"));
      this.config = (await reply.json()) as PortalConfig;
      if (this.link !== "waiting") this.found();
      if (this.keeper.settings().language === undefined && askedLanguage() === undefined && this.conversation.lastSeq === 0 && browserLanguage() !== "bo") {
        this.client.setLanguage(this.config.default_language);
      }
      whenIdle(() => void this.loadOffline());
    } catch {
      if (attempt > 0 || navigator.onLine === false) this.lost();
      // Without it the page lacks suggestions and the notice; asking works all the same.
      setTimeout(() => void this.loadConfig(attempt + 1), Math.min(30_000, 2000 * 2 ** attempt));
    }
  }

  private readClock(date: string | null): void {
    const behind = date === null ? 0 : Date.parse(date) - Date.now();
    this.clockBehind = Math.abs(behind) > CLOCK_TOLERANCE_MS ? behind : 0;
  }
}

/** After what matters more. */
function whenIdle(work: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: 5000 });
  else setTimeout(work, 1500);
}

/** The language that a page which embeds this one asks for (`/embed?language=bo`). */
function askedLanguage(): Language | undefined {
  const asked = new URLSearchParams(window.location.search).get("language");
  return asked === "bo" || asked === "zh" ? asked : undefined;
}

function browserLanguage(): Language {
  const first = navigator.languages.find((l) => /^(bo|zh)\b/i.test(l));
  return first !== undefined && /^bo\b/i.test(first) ? "bo" : "zh";
}

/** `crypto.randomUUID` exists only on secure pages and in newer browsers. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
