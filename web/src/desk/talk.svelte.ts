/** A conversation that is open at the desk: what happened in it, what is being written, and what could be answered. */
import type { Candidate, DeskConversation, Language, Mine, ServerEvent, SoundRef, Waiting } from "../protocol";
import type { Question } from "./Asking.svelte";
import type { Desk } from "./desk.svelte";
import { isTakingPart, lastQuestion, owedSince, withEvent } from "./transcript";

const TYPING_SHOWN_MS = 5000;
const TYPING_SENT_EVERY_MS = 3000;
const SEARCH_AFTER_MS = 300;

/** Events after which somebody else may have the conversation, or the number to call. */
const CHANGES_HANDS: ReadonlySet<ServerEvent["type"]> = new Set(["agent_joined", "agent_left", "closed", "reopened", "callback_requested", "callback_attempted"]);

/** A message of the agent's on its way. */
export interface Outgoing {
  id: string;
  text: string;
  /** What was spoken. */
  sound?: SoundRef;
  state: "sending" | "failed";
}

export class Talk {
  open: DeskConversation | undefined = $state.raw();
  unread = $state(0);
  outbox: Outgoing[] = $state([]);
  typingUntil = $state(0);
  /** How far the citizen has come, as far as it was told here: gone out to them, and on their screen. */
  private delivered = $state(0);
  private seen = $state(0);
  /** A reply that was spoken and is not sent yet. */
  spoken: SoundRef | undefined = $state.raw();
  /** What is suggested is for what the citizen is writing. */
  foreseen = $state(false);
  search = $state("");
  candidates: Candidate[] | undefined = $state.raw();
  /** What is still asked before it is given away, set aside or ended. */
  asking: Question | undefined = $state();
  private words = $state("");
  private searchTimer: ReturnType<typeof setTimeout> | undefined;
  private searched = "";
  private typedAt = 0;
  private fetching: Promise<unknown> | undefined;
  /** Something happened while it was being fetched. */
  private stale = false;
  /** It was asked for at least once, be it in vain. */
  isTried = false;

  /** Since when the citizen waits for this agent's word. */
  readonly owedSince: string | undefined = $derived.by(() => (this.isMine && this.item?.status === "assigned" ? owedSince(this.events) : undefined));

  constructor(
    private readonly desk: Desk,
    readonly id: string,
  ) {}

  get language(): Language {
    return this.open?.language ?? this.item?.language ?? "zh";
  }

  get events(): readonly ServerEvent[] {
    return this.open?.events ?? [];
  }

  /** Its place in the lists. */
  get item(): Mine | Waiting | undefined {
    return this.desk.everything.find((one) => one.conversation === this.id);
  }

  get isMine(): boolean {
    return this.desk.queue.mine.some((one) => one.conversation === this.id);
  }

  get isWaiting(): boolean {
    return this.desk.queue.waiting.some((one) => one.conversation === this.id);
  }

  get isCallback(): boolean {
    return this.desk.queue.callbacks.some((one) => one.conversation === this.id);
  }

  /** Whether this agent, a supervisor, takes part in what somebody else has. */
  get takesPart(): boolean {
    return !this.isMine && isTakingPart(this.desk.me, this.events);
  }

  /** Whether this agent may write to the citizen: has the conversation in hand, or takes part. */
  get mayWrite(): boolean {
    return (this.isMine && this.item?.status === "assigned") || this.takesPart;
  }

  get isShown(): boolean {
    return this.desk.shown.includes(this.id);
  }

  /** Nothing would be lost if it were forgotten. */
  get isIdle(): boolean {
    return this.words === "" && this.spoken === undefined && this.outbox.length === 0;
  }

  // ------------------------------------------------------------------------------------------------------ reading

  /** Reads it anew. Asked for again meanwhile, it is read once more, so that nothing in between is missed. */
  async fetch(): Promise<void> {
    if (this.fetching !== undefined) {
      this.stale = true;
      await this.fetching;
      return;
    }
    this.isTried = true;
    do {
      this.stale = false;
      this.fetching = this.desk.attempt(async () => {
        const open = await this.desk.api.conversation(this.id);
        const fresh = this.open === undefined;
        this.open = open;
        if (fresh && this.isShown) this.suggest();
      });
      await this.fetching;
      this.fetching = undefined;
    } while (this.stale);
  }

  hear(event: ServerEvent): void {
    if (this.open === undefined) return;
    const events = withEvent(this.open.events, event);
    if (events === undefined) {
      void this.fetch();
      return;
    }
    this.open = { ...this.open, events, language: event.type === "language_changed" ? event.language : this.open.language };
    if (event.type === "citizen_message") {
      this.typingUntil = 0;
      if (this.isShown) this.suggest();
    }
    if (event.type === "agent_left" && event.outcome === "returned" && !this.wasHere) {
      // Given back to the assistant it is open to those only who were in it.
      this.open = { ...this.open, holder: null, status: "bot" };
    } else if (CHANGES_HANDS.has(event.type)) void this.fetch();
  }

  /** This agent has it, or had it before. */
  private get wasHere(): boolean {
    return this.events.some((event) => event.type === "agent_joined" && event.agent.id === this.desk.me);
  }

  /** What was written up to `seq` has gone out to the citizen, or has been on their screen. */
  reached(seq: number, how: "delivered" | "seen"): void {
    this[how] = Math.max(this[how], seq);
  }

  /**
   * What is known of the way of the agent's message at `seq`: kept by the server; gone out to the citizen; on their screen;
   * answered, which the citizen can only do who has it.
   */
  wayOf(seq: number): "kept" | "delivered" | "seen" | "answered" {
    if (this.events.some((event) => event.seq > seq && event.type === "citizen_message")) return "answered";
    const known = this.open?.receipts;
    if (Math.max(this.seen, known?.seen ?? 0) >= seq) return "seen";
    return Math.max(this.delivered, known?.delivered ?? 0) >= seq ? "delivered" : "kept";
  }

  /** Whether what was said with an event can be heard. */
  canHear(event: ServerEvent): boolean {
    if ((event.type === "citizen_message" || event.type === "agent_message") && event.sound !== undefined) return true;
    return event.type === "citizen_message" && this.open?.left.includes(event.seq) === true;
  }

  /** What the citizen is writing looks like what these answer; what the agent looks for themselves goes first. */
  foresee(candidates: Candidate[]): void {
    if (this.search.trim() !== "") return;
    clearTimeout(this.searchTimer);
    this.searched = "";
    this.candidates = candidates;
    this.foreseen = true;
  }

  citizenTypes(): void {
    this.typingUntil = Date.now() + TYPING_SHOWN_MS;
  }

  // ------------------------------------------------------------------------------------------------------ writing

  get draft(): string {
    return this.words;
  }

  set draft(text: string) {
    this.words = text;
    const now = Date.now();
    if (text === "" || now - this.typedAt < TYPING_SENT_EVERY_MS) return;
    this.typedAt = now;
    this.desk.tellTyping(this.id);
  }

  async send(): Promise<void> {
    const text = this.draft.trim();
    const sound = this.spoken;
    if ((text === "" && sound === undefined) || !this.mayWrite) return;
    this.draft = "";
    this.spoken = undefined;
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    const message: Outgoing = { id, text, state: "sending", ...(sound !== undefined && { sound }) };
    this.outbox = [...this.outbox, message];
    await this.deliver(message.id);
  }

  /** Sends again with the same id: what has arrived already is not doubled. */
  async deliver(id: string): Promise<void> {
    const message = this.outbox.find((one) => one.id === id);
    if (message === undefined) return;
    message.state = "sending";
    if (await this.desk.attempt(() => this.desk.api.message(this.id, id, message.text, message.sound?.id))) {
      this.outbox = this.outbox.filter((one) => one.id !== id);
      await this.fetch();
    } else {
      message.state = "failed";
    }
  }

  // ---------------------------------------------------------------------------------------------------- suggesting

  /** Looks for answers to what was typed into the search, or else to the citizen's last words. */
  suggest(): void {
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => void this.suggestNow(), SEARCH_AFTER_MS);
  }

  private async suggestNow(): Promise<void> {
    this.foreseen = false;
    const query = this.search.trim() || lastQuestion(this.events);
    if (query === "") {
      this.candidates = [];
      return;
    }
    const key = `${this.language} ${query}`;
    if (key === this.searched) return;
    this.searched = key;
    const candidates = await this.desk.api.answers(query, this.language).catch(() => []);
    if (this.searched !== key) return;
    // "Yesterday, in Barkhor Street" finds nothing, and what was found for the question before it is still of use.
    if (candidates.length > 0 || this.candidates === undefined || this.search.trim() !== "") this.candidates = candidates;
  }

  /** Puts a suggested answer into what is being written; after what is there already. */
  insert(index: number): void {
    const candidate = this.candidates?.[index];
    if (candidate !== undefined) this.write(candidate.text);
  }

  /** Adds words to what is being written. */
  write(text: string): void {
    if (this.mayWrite) this.draft = this.draft.trim() === "" ? text : `${this.draft.trimEnd()}\n${text}`;
  }

  /** Asks, where this agent has the conversation. */
  ask(question: Question): void {
    if (this.isMine && this.mayWrite) this.asking = question;
  }
}
