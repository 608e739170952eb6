/** The desk's state: who is logged in, the queue, the open conversation, and what is being written. */
import { shelfOr, type Shelf } from "../core/keeper";
import { bo } from "../i18n/desk.bo";
import { zh, type DeskKey } from "../i18n/desk.zh";
import { fill, momentOf } from "../i18n/translate";
import type { Candidate, DeskConversation, DeskQueue, DeskServerMessage, DeskSession, Language, LoginWays, Mine, ServerEvent, Waiting } from "../protocol";
import { DeskApi, DeskError } from "./api";
import { chime } from "./chime";
import { Handoff } from "./handoff.svelte";
import { Live, LOST_AFTER_SECONDS, openLiveWire } from "./live";
import { REFUSALS, loginProblem } from "./refusals";
import { callOf, lastQuestion, newlyOffered, newlyWaiting, secondsSince, withEvent } from "./transcript";

const TEXTS = { bo, zh };
const TYPING_SHOWN_MS = 5000;
const TYPING_SENT_EVERY_MS = 3000;
const SEARCH_AFTER_MS = 300;
const CALLED = "drilen.desk.call";

/** Events after which somebody else may have the conversation, or the number to call. */
const CHANGES_HANDS: ReadonlySet<ServerEvent["type"]> = new Set(["agent_joined", "agent_left", "closed", "reopened", "callback_requested", "callback_attempted"]);

/** A message of the agent's on its way. */
export interface Outgoing {
  id: string;
  text: string;
  state: "sending" | "failed";
}

export class Desk {
  /** `owes`: something must be done to the account first; `idle`: none of its roles has anything to do at the desk. */
  phase: "loading" | "out" | "owes" | "idle" | "in" = $state("loading");
  /** The password was right; the code of the second factor is asked for. */
  needsCode = $state(false);
  /** What the button of the identity provider says, where there is one. */
  provider: LoginWays["provider"] = $state.raw();
  session: DeskSession | undefined = $state.raw();
  language: Language = $state("zh");
  sound = $state(true);
  now = $state(Date.now());
  queue: DeskQueue = $state.raw({ waiting: [], mine: [], callbacks: [] });
  selected: string | undefined = $state();
  open: DeskConversation | undefined = $state.raw();
  unread: Record<string, number> = $state({});
  drafts: Record<string, string> = $state({});
  outbox: Record<string, Outgoing[]> = $state({});
  typingUntil = $state(0);
  search = $state("");
  candidates: Candidate[] | undefined = $state.raw();
  /** When the live socket broke, in ms. */
  brokenSince: number | undefined = $state();
  problem: string | undefined = $state();

  readonly api = new DeskApi();
  private readonly shelf: Shelf = shelfOr(() => window.localStorage);
  readonly handoff = new Handoff(this, this.shelf);
  /** Outlives the way to an identity provider and back. */
  private readonly tab: Shelf = shelfOr(() => window.sessionStorage);
  private readonly live: Live;
  private searchTimer: ReturnType<typeof setTimeout> | undefined;
  private typedAt = 0;
  private searched = "";

  constructor() {
    this.language = this.shelf.getItem("drilen.desk.language") === "bo" ? "bo" : "zh";
    this.sound = this.shelf.getItem("drilen.desk.sound") !== "off";
    this.live = new Live({
      open: openLiveWire,
      random: Math.random,
      onMessage: (message) => this.hear(message),
      onConnected: (connected) => this.connected(connected),
      onRefused: () => void this.begin(),
    });
    const called = callOf(window.location.search);
    if (called !== undefined) this.tab.setItem(CALLED, called);
    setInterval(() => (this.now = Date.now()), 1000);
    window.addEventListener("online", () => this.live.nudge());
  }

  text(key: DeskKey, values: Record<string, string | number> = {}): string {
    return fill(TEXTS[this.language][key], values);
  }

  // ---------------------------------------------------------------------------------------------------- the door

  async begin(): Promise<void> {
    try {
      this.enter(await this.api.me());
    } catch (error) {
      if (error instanceof DeskError && error.status === 401) this.showLogin();
      else {
        this.problem = this.text("unreachable");
        setTimeout(() => void this.begin(), 3000);
      }
    }
  }

  async login(name: string, password: string, code?: string): Promise<void> {
    this.problem = undefined;
    try {
      this.enter(await this.api.login(name, password, code));
    } catch (error) {
      const refusal = error instanceof DeskError ? error : undefined;
      this.needsCode = refusal?.code === "second_factor" || refusal?.code === "wrong_code";
      if (refusal?.code !== "second_factor") this.problem = this.text(loginProblem(refusal));
    }
  }

  async logout(): Promise<void> {
    let elsewhere: string | undefined;
    await this.attempt(async () => {
      elsewhere = (await this.api.logout())?.provider_logout;
    });
    this.live.close();
    this.session = undefined;
    this.select(undefined);
    this.drafts = {};
    this.showLogin();
    if (elsewhere !== undefined) window.location.assign(elsewhere);
  }

  private showLogin(): void {
    this.phase = "out";
    this.needsCode = false;
    // What the identity provider's way back says, it says once.
    const refused = /[?&]login=(\w+)/.exec(window.location.search)?.[1];
    if (refused !== undefined) {
      this.problem = this.text(refused === "no_role" ? "loginNoRole" : "loginProviderFailed");
      window.history.replaceState(null, "", window.location.pathname);
    }
    void this.api.loginWays().then(
      (ways) => (this.provider = ways.provider),
      () => undefined,
    );
  }

  enter(session: DeskSession): void {
    this.problem = undefined;
    this.needsCode = false;
    this.session = session;
    this.phase = session.account.owes !== undefined ? "owes" : session.account.permissions.includes("serve_citizens") ? "in" : "idle";
    if (this.phase !== "in") return;
    this.live.connect();
    void this.openCalled();
  }

  /** Whether the operators' console has anything for whoever is logged in. */
  get maySeeConsole(): boolean {
    return this.session?.account.permissions.some((permission) => permission !== "serve_citizens" && permission !== "reveal_numbers") ?? false;
  }

  /** Opens the conversation of the telephone call that has reached this agent, if that is why the desk was opened. */
  private async openCalled(): Promise<void> {
    const call = this.tab.getItem(CALLED);
    if (call === null) return;
    try {
      const { conversation } = await this.api.callsConversation(call);
      this.select(conversation);
    } catch (error) {
      this.fail(error);
      // After the next login it is tried again.
      if (error instanceof DeskError && error.status === 401) return;
      if (error instanceof DeskError && error.status === 404) this.problem = this.text("callNotFound", { call });
    }
    this.tab.removeItem(CALLED);
    window.history.replaceState(null, "", window.location.pathname);
  }

  setLanguage(language: Language): void {
    this.language = language;
    this.shelf.setItem("drilen.desk.language", language);
  }

  setSound(sound: boolean): void {
    this.sound = sound;
    this.shelf.setItem("drilen.desk.sound", sound ? "on" : "off");
    if (sound) chime();
  }

  // -------------------------------------------------------------------------------------------------- live news

  private connected(connected: boolean): void {
    this.brokenSince = connected ? undefined : (this.brokenSince ?? Date.now());
    if (connected && this.selected !== undefined) void this.fetchOpen(this.selected);
    if (connected) void this.handoff.learn();
    // A socket that is not let in closes like a broken one: only an HTTP answer tells that the login is over.
    if (!connected) void this.api.me().catch((error: unknown) => this.expired(error));
  }

  /** Seconds in which the connection must come back before the server gives this agent's conversations away. */
  get secondsLeft(): number {
    return this.brokenSince === undefined ? LOST_AFTER_SECONDS : Math.max(0, LOST_AFTER_SECONDS - Math.floor((this.now - this.brokenSince) / 1000));
  }

  private hear(message: DeskServerMessage): void {
    switch (message.type) {
      case "queue":
        if (newlyWaiting(this.queue, message).length + newlyOffered(this.queue, message, this.me).length > 0 && this.sound) chime();
        this.queue = { waiting: message.waiting, mine: message.mine, callbacks: message.callbacks, ...(message.waiting_in_all !== undefined && { waiting_in_all: message.waiting_in_all }) };
        void this.handoff.learnOthers();
        break;
      case "event":
        this.hearEvent(message);
        break;
      case "citizen_typing":
        if (message.conversation === this.selected) this.typingUntil = Date.now() + TYPING_SHOWN_MS;
        break;
    }
  }

  private hearEvent({ conversation, event }: Extract<DeskServerMessage, { type: "event" }>): void {
    const looking = conversation === this.selected && document.visibilityState === "visible";
    if (event.type === "citizen_message" && !looking) {
      this.unread[conversation] = (this.unread[conversation] ?? 0) + 1;
      if (this.sound) chime();
    }
    if (conversation !== this.selected || this.open === undefined) return;
    const events = withEvent(this.open.events, event);
    if (events === undefined) {
      void this.fetchOpen(conversation);
      return;
    }
    this.open = { ...this.open, events, language: event.type === "language_changed" ? event.language : this.open.language };
    if (event.type === "citizen_message") {
      this.typingUntil = 0;
      this.suggest();
    }
    if (CHANGES_HANDS.has(event.type)) void this.fetchOpen(conversation);
  }

  // --------------------------------------------------------------------------------------------- a conversation

  select(conversation: string | undefined): void {
    this.selected = conversation;
    this.open = undefined;
    this.candidates = undefined;
    this.search = "";
    this.searched = "";
    this.typingUntil = 0;
    this.live.watch(conversation);
    if (conversation === undefined) return;
    this.unread[conversation] = 0;
    void this.fetchOpen(conversation);
  }

  /** The conversation is looked at again: nothing in it is unread. */
  looked(): void {
    if (this.selected !== undefined) this.unread[this.selected] = 0;
  }

  /** Who is logged in; empty where nobody is. */
  get me(): string {
    return this.session?.agent.id ?? "";
  }

  /** The open conversation's place in the lists. */
  get item(): Mine | Waiting | undefined {
    return [...this.list, ...this.handoff.others].find((one) => one.conversation === this.selected);
  }

  get isMine(): boolean {
    return this.selected !== undefined && this.queue.mine.some((m) => m.conversation === this.selected);
  }

  /** Whether this agent may write to the citizen: has the conversation in hand, or takes part. */
  get mayWrite(): boolean {
    return (this.isMine && this.item?.status === "assigned") || this.handoff.takesPart;
  }

  get isWaiting(): boolean {
    return this.selected !== undefined && this.queue.waiting.some((w) => w.conversation === this.selected);
  }

  get isCallback(): boolean {
    return this.selected !== undefined && this.queue.callbacks.some((w) => w.conversation === this.selected);
  }

  /** All conversations in the order of the list. */
  get list(): (Waiting | Mine)[] {
    return [...this.queue.mine, ...this.queue.waiting, ...this.queue.callbacks];
  }

  move(step: 1 | -1): void {
    const list = this.list;
    const at = list.findIndex((w) => w.conversation === this.selected);
    const next = list[at < 0 ? 0 : (at + step + list.length) % list.length];
    if (next !== undefined) this.select(next.conversation);
  }

  /** A moment in words: the day too where it is not today. */
  moment(at: string): string {
    const { today, ...moment } = momentOf(at, this.now);
    return today ? moment.time : this.text("dayTime", moment);
  }

  waited(since: string): string {
    const seconds = secondsSince(since, this.now);
    return seconds < 60 ? this.text("waitedSeconds", { n: seconds }) : this.text("waitedMinutes", { n: Math.floor(seconds / 60) });
  }

  async claim(conversation: string): Promise<void> {
    if (this.selected !== conversation) this.select(conversation);
    await this.attempt(() => this.api.claim(conversation));
    await this.refresh();
  }

  /** Takes what is offered to this agent, or else who waits longest in one of their languages. */
  async claimNext(): Promise<void> {
    const offered = this.handoff.offers[0];
    if (offered !== undefined) return this.handoff.accept(offered);
    const able = this.queue.waiting.find((w) => w.offer === undefined && (this.session?.agent.languages.includes(w.language) ?? true));
    if (able !== undefined) await this.claim(able.conversation);
  }

  async finish(how: "resolve" | "return" | "requeue", note: string): Promise<void> {
    const conversation = this.selected;
    if (conversation === undefined) return;
    if (await this.attempt(() => this.api.finish(conversation, how, note))) this.drafts[conversation] = "";
    await this.refresh();
  }

  async refresh(): Promise<void> {
    await this.attempt(async () => {
      this.queue = await this.api.queue();
    });
    if (this.selected !== undefined) await this.fetchOpen(this.selected);
  }

  private async fetchOpen(conversation: string): Promise<void> {
    await this.attempt(async () => {
      const open = await this.api.conversation(conversation);
      if (this.selected !== conversation) return;
      const fresh = this.open?.conversation !== conversation;
      this.open = open;
      if (fresh) this.suggest();
    });
  }

  // ----------------------------------------------------------------------------------------------------- writing

  get draft(): string {
    return this.selected === undefined ? "" : (this.drafts[this.selected] ?? "");
  }

  set draft(text: string) {
    if (this.selected === undefined) return;
    this.drafts[this.selected] = text;
    const now = Date.now();
    if (text === "" || now - this.typedAt < TYPING_SENT_EVERY_MS) return;
    this.typedAt = now;
    this.live.typing(this.selected);
  }

  async send(): Promise<void> {
    const conversation = this.selected;
    const text = this.draft.trim();
    if (conversation === undefined || text === "" || !this.mayWrite) return;
    this.draft = "";
    const message: Outgoing = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, text, state: "sending" };
    this.outbox[conversation] = [...(this.outbox[conversation] ?? []), message];
    await this.deliver(conversation, message.id);
  }

  /** Sends again with the same id: what has arrived already is not doubled. */
  async deliver(conversation: string, id: string): Promise<void> {
    const message = this.outbox[conversation]?.find((m) => m.id === id);
    if (message === undefined) return;
    message.state = "sending";
    if (await this.attempt(() => this.api.message(conversation, id, message.text))) {
      this.outbox[conversation] = (this.outbox[conversation] ?? []).filter((m) => m.id !== id);
      await this.fetchOpen(conversation);
    } else {
      message.state = "failed";
    }
  }

  /** Looks for answers to what was typed into the search, or else to the citizen's last words. */
  suggest(): void {
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => void this.suggestNow(), SEARCH_AFTER_MS);
  }

  private async suggestNow(): Promise<void> {
    const open = this.open;
    if (open === undefined) return;
    const query = this.search.trim() || lastQuestion(open.events);
    if (query === "") {
      this.candidates = [];
      return;
    }
    const key = `${open.conversation} ${open.language} ${query}`;
    if (key === this.searched) return;
    this.searched = key;
    const candidates = await this.api.answers(query, open.language).catch(() => []);
    if (this.searched !== key) return;
    // "Yesterday, in Barkhor Street" finds nothing, and what was found for the question before it is still of use.
    if (candidates.length > 0 || this.candidates === undefined || this.search.trim() !== "") this.candidates = candidates;
  }

  insert(index: number): void {
    const candidate = this.candidates?.[index];
    if (candidate !== undefined && this.mayWrite) this.draft = candidate.text;
  }

  // ------------------------------------------------------------------------------------------------------ faults

  /** @returns false where it failed; the reason is then on the page */
  async attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  private fail(error: unknown): void {
    this.expired(error);
    this.problem = this.describe(error);
  }

  private describe(error: unknown): string {
    if (!(error instanceof DeskError)) return this.text("failed", { message: this.text("unknownError") });
    if (error.status === 0) return this.text("unreachable");
    if (error.status === 401) return this.text("loginExpired");
    if (error.winner !== undefined) return this.text("claimLost", { winner: error.winner });
    const known = REFUSALS[error.code];
    if (known !== undefined) return this.text(known);
    return this.text("failed", { message: error.message === "" ? String(error.status) : error.message });
  }

  private expired(error: unknown): void {
    if (!(error instanceof DeskError) || error.status !== 401) return;
    this.live.close();
    this.showLogin();
    this.problem = this.text("loginExpired");
  }
}
