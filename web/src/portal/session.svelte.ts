/** The portal's state: the conversation, the microphone and the loudspeaker, joined for the page. */
import { bestAudioOut } from "../audio/downlink";
import { canRecord, Microphone, MicrophoneError, type MicrophoneProblem } from "../audio/microphone";
import { Player, type Playing } from "../audio/player";
import { canEncodeOpus, openUplink, type Uplink } from "../audio/uplink";
import { ConversationClient, openWire, type Link } from "../core/client";
import { Keeper, shelfOr } from "../core/keeper";
import { emptyState, type ConversationState } from "../core/state";
import { bo } from "../i18n/portal.bo";
import { zh, type PortalKey } from "../i18n/portal.zh";
import { fill } from "../i18n/translate";
import type { Language, PortalConfig, ServerMessage, UplinkCodec } from "../protocol";

const TEXTS = { bo, zh };
/** A sound that was asked for once more may take this long to begin before the button lets go of its waiting look. */
const REPEAT_PATIENCE_MS = 6000;

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

export class Session {
  conversation: ConversationState = $state.raw(emptyState("zh"));
  link: Link = $state("idle");
  config: PortalConfig | undefined = $state.raw();
  playing: Playing | undefined = $state.raw();
  microphone: "closed" | "opening" | "open" = $state("closed");
  level = $state(0);
  problem: MicrophoneProblem | "nothing" | undefined = $state();
  voice = $state(true);
  slow = $state(false);
  /** Event whose sound has been asked for and has not come yet. */
  awaited: number | undefined = $state();
  /** A conversation of this phone that waited for a person when the page was closed. */
  waiting: string | undefined = $state();
  readonly canRecord = canRecord();
  readonly isSecure = window.isSecureContext;

  private client: ConversationClient | undefined;
  private readonly keeper: Keeper;
  private readonly player: Player;
  private uplinkCodec: UplinkCodec = "pcm16";
  private recording: Recording | undefined;

  constructor() {
    this.keeper = new Keeper(
      shelfOr(() => window.sessionStorage),
      shelfOr(() => window.localStorage),
      () => Date.now(),
    );
    this.player = new Player(
      (playing) => (this.playing = playing),
      (audioId, ms) => this.client?.heard(audioId, ms),
    );
    const settings = this.keeper.settings();
    this.voice = settings.voice ?? true;
    this.slow = settings.slow ?? false;
    this.conversation = emptyState(settings.language ?? browserLanguage());
  }

  async begin(): Promise<void> {
    const [audioOut, opus] = await Promise.all([bestAudioOut(), canEncodeOpus()]);
    this.uplinkCodec = opus ? "opus" : "pcm16";
    this.client = new ConversationClient({
      open: openWire,
      keeper: this.keeper,
      newId,
      random: Math.random,
      audioOut,
      language: this.language,
      voice: this.voice,
      slow: this.slow,
      onChange: (state, link) => this.changed(state, link),
      onMessage: (message) => this.hear(message),
      onSound: (bytes) => this.player.data(bytes),
    });
    if (!this.client.resumeKept()) this.waiting = this.keeper.waiting();
    window.addEventListener("online", () => this.client?.nudge());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.client?.nudge();
    });
    void this.loadConfig(0);
  }

  get language(): Language {
    return this.conversation.language;
  }

  text(key: PortalKey, values: Record<string, string | number> = {}): string {
    return fill(TEXTS[this.language][key], values);
  }

  // ------------------------------------------------------------------------------------------------ the citizen

  ask(text: string): void {
    this.player.unlock();
    this.quiet();
    this.client?.send({ type: "text", text });
  }

  choose(clarifySeq: number, choice: number): void {
    this.player.unlock();
    this.quiet();
    this.client?.send({ type: "choose", clarify_seq: clarifySeq, choice });
  }

  wantPerson(): void {
    this.player.unlock();
    this.client?.send({ type: "person" });
  }

  leaveQueue(): void {
    this.client?.send({ type: "leave_queue" });
  }

  /** The citizen would rather be called back at `number` than wait. */
  wantCallback(number: string): void {
    this.client?.send({ type: "callback", number });
  }

  /** The matter is not settled after all, or the citizen is back. */
  reopen(): void {
    this.client?.reopen();
  }

  setLanguage(language: Language): void {
    this.client?.setLanguage(language);
    this.keepSettings(language);
  }

  setVoice(voice: boolean): void {
    this.player.unlock();
    this.voice = voice;
    if (!voice) this.quiet();
    this.client?.setVoice(voice, this.slow);
    this.keepSettings(this.language);
  }

  startOver(): void {
    this.stopRecording(false);
    this.player.clear();
    this.client?.startOver();
    this.waiting = undefined;
  }

  continueWaiting(yes: boolean): void {
    const token = this.waiting;
    this.waiting = undefined;
    if (token !== undefined && yes) this.client?.resumeToken(token);
    else this.keeper.forget();
  }

  reconnect(): void {
    this.client?.nudge();
  }

  dismissError(): void {
    this.problem = undefined;
    this.client?.dismissError();
  }

  // ------------------------------------------------------------------------------------------------------ sound

  /** Whether `seq` can be heard: from what is kept, or by asking the server, who repeats only the last answer. */
  canPlay(seq: number): boolean {
    return this.player.has(seq) || seq === this.lastSpoken();
  }

  play(seq: number, slow: boolean): void {
    this.player.unlock();
    if (slow !== this.slow) this.setSlow(slow);
    if (this.player.play(seq, slow)) return;
    if (!this.voice) this.setVoice(true);
    this.awaited = seq;
    setTimeout(() => {
      if (this.awaited === seq) this.awaited = undefined;
    }, REPEAT_PATIENCE_MS);
    this.client?.send({ type: "repeat" });
  }

  /** Silence within the time of a fade; the server is told so that it stops sending. */
  quiet(): void {
    if (this.player.stop()) this.client?.stopSound();
  }

  private setSlow(slow: boolean): void {
    this.slow = slow;
    this.client?.setVoice(this.voice, slow);
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
        this.player.begin(message, this.voice && !this.isListening(), this.slow);
        break;
      case "mark":
        this.player.mark(message);
        break;
      case "audio_end":
        void this.player.end(message);
        break;
      case "speech_ended":
        if (message.reason === "no_speech") this.problem = "nothing";
        this.listenOn(message.id, message.listening_ms ?? 0);
        break;
      case "speech_resumed":
        this.player.stop();
        this.listenAgain();
        break;
      case "withdrawn":
        this.player.stop();
        break;
      case "louder":
        this.player.louder();
        break;
      case "language_changed":
        this.keepSettings(message.language);
        break;
    }
  }

  // --------------------------------------------------------------------------------------------- the microphone

  /** Opens the microphone and begins a spoken turn. */
  async speak(): Promise<void> {
    if (this.client === undefined || this.isListening()) return;
    this.stopRecording(true);
    this.player.unlock();
    this.quiet();
    this.problem = undefined;
    this.microphone = "opening";
    const client = this.client;
    client.beginTurn(this.uplinkCodec);
    const recording: Recording = {
      uplink: openUplink(this.uplinkCodec, (packet) => {
        if (!client.pushAudio(packet)) this.stopRecording(true);
      }),
      stopped: false,
    };
    this.recording = recording;
    try {
      const microphone = await Microphone.open(
        (samples) => {
          if (!recording.stopped) recording.uplink.push(samples);
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
      this.problem = error instanceof MicrophoneError ? error.problem : "failed";
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
      this.client?.endTurn();
      return;
    }
    if (!keep) {
      this.client?.dropTurn();
      return;
    }
    void recording.uplink.finish().then(() => {
      this.client?.endTurn();
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
      this.client?.dropTurn();
      this.problem = "nothing";
    }, DECISION_PATIENCE_MS);
  }

  // ------------------------------------------------------------------------------------------------------ inner

  private changed(state: ConversationState, link: Link): void {
    this.conversation = state;
    this.link = link;
    if (this.isListening() && state.turn === undefined) this.stopRecording(false);
    // What is said after a link has broken reaches nobody.
    if (this.recording?.lingering !== undefined && link !== "open") this.stopRecording(true);
  }

  private keepSettings(language: Language): void {
    this.keeper.keepSettings({ language, voice: this.voice, slow: this.slow });
  }

  private async loadConfig(attempt: number): Promise<void> {
    try {
      const reply = await fetch("/v1/portal/config");
      if (!reply.ok) throw new Error(String(reply.status));
      this.config = (await reply.json()) as PortalConfig;
      if (this.keeper.settings().language === undefined && this.conversation.lastSeq === 0 && browserLanguage() !== "bo") {
        this.client?.setLanguage(this.config.default_language);
      }
    } catch {
      // Without it the page lacks suggestions and the notice; asking works all the same.
      setTimeout(() => void this.loadConfig(attempt + 1), Math.min(30_000, 2000 * 2 ** attempt));
    }
  }
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
