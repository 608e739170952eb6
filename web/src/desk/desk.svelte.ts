/** The desk's state: who is logged in, the queue, and the conversations that are open. */
import { SvelteMap } from "svelte/reactivity";
import { shelfOr, type Shelf } from "../core/keeper";
import { bo } from "../i18n/desk.bo";
import { zh, type DeskKey } from "../i18n/desk.zh";
import { fill, momentOf } from "../i18n/translate";
import type { DeskQueue, DeskServerMessage, DeskSession, Language, LoginWays, Mine, Waiting } from "../protocol";
import { DeskApi, DeskError } from "./api";
import { chime } from "./chime";
import { fitted, placed, type Places } from "./columns";
import { Handoff } from "./handoff.svelte";
import { Live, LOST_AFTER_SECONDS, openLiveWire } from "./live";
import { Notices } from "./notices.svelte";
import { Reader } from "./reader.svelte";
import { REFUSALS, loginProblem } from "./refusals";
import { Replies } from "./replies.svelte";
import { Talk } from "./talk.svelte";
import { callOf, hasArrived, newlyOffered, secondsSince } from "./transcript";

const TEXTS = { bo, zh };
/** Between two tones. */
const CHIME_EVERY_MS = 2000;
const CALLED = "drilen.desk.call";

/** What is read ahead of the agent's conversations at once. */
const READ_AT_ONCE = 3;

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
  /** The conversation that the agent is in. */
  selected: string | undefined = $state();
  /** What stands side by side, left to right. */
  shown: string[] = $state.raw([]);
  /** How many fit side by side. */
  room = $state(1);
  /** By conversation: what is shown, and what the agent has, so that it is there at once. */
  readonly talks = new SvelteMap<string, Talk>();
  /** Of what the agent has: whose citizen waits longest for a word. */
  readonly longestOwed: Talk | undefined = $derived.by(() => {
    let longest: Talk | undefined;
    for (const talk of this.talks.values()) {
      const since = talk.owedSince;
      if (since !== undefined && (longest?.owedSince === undefined || Date.parse(since) < Date.parse(longest.owedSince))) longest = talk;
    }
    return longest;
  });
  /** Whose composer is to have the keyboard as soon as it is there. */
  composerWanted: string | undefined = $state();
  /** Whose agent wants to speak, or to have done so. */
  speakWanted: string | undefined = $state();
  /** When the live socket broke, in ms. */
  brokenSince: number | undefined = $state();
  problem: string | undefined = $state();

  /** What was offered to the keepers of the knowledge base: conversation and place of the answer. */
  readonly proposed = new SvelteMap<string, "sending" | "done">();

  readonly api = new DeskApi();
  private readonly shelf: Shelf = shelfOr(() => window.localStorage);
  readonly handoff = new Handoff(this, this.shelf);
  readonly replies = new Replies(this, this.shelf);
  readonly reader = new Reader(this, this.shelf);
  readonly notices = new Notices(this, this.shelf);
  /** Everything in the lists, whoever has it. */
  readonly everything: (Waiting | Mine)[] = $derived([...this.queue.mine, ...this.queue.waiting, ...this.queue.callbacks, ...this.handoff.others]);
  /** Outlives the way to an identity provider and back. */
  private readonly tab: Shelf = shelfOr(() => window.sessionStorage);
  private readonly live: Live;
  /** By conversation: when its column was looked at last, counted. */
  private readonly lookedAt: Record<string, number> = {};
  private looks = 0;
  private chimedAt = 0;
  private readingAhead = false;

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
    this.shown = [];
    this.talks.clear();
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
    void this.replies.learn();
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
    // Whatever happened meanwhile is in the logs.
    if (connected) for (const talk of this.talks.values()) void talk.fetch();
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
      case "queue": {
        const { waiting, mine, callbacks, waiting_in_all: inAll } = message;
        const offered = newlyOffered(this.queue, message, this.me).length > 0;
        const arrived = hasArrived(this.queue, message);
        this.queue = { waiting, mine, callbacks, ...(inAll !== undefined && { waiting_in_all: inAll }) };
        if (offered || arrived) this.call(offered ? "offer" : "waiting");
        this.keepTalks();
        this.handoff.othersChanged();
        break;
      }
      case "event": {
        const { conversation, event } = message;
        const looking = this.shown.includes(conversation) && document.visibilityState === "visible" && document.hasFocus();
        const talk = this.talks.get(conversation);
        if (event.type === "citizen_message" && !(looking && this.selected === conversation)) {
          if (talk !== undefined) talk.unread += 1;
          if (!looking) this.call("message", conversation);
        }
        talk?.hear(event);
        break;
      }
      case "delivered":
      case "seen":
        this.talks.get(message.conversation)?.reached(message.seq, message.type);
        break;
      case "foreseen":
        this.talks.get(message.conversation)?.foresee(message.candidates);
        break;
      case "citizen_typing":
        this.talks.get(message.conversation)?.citizenTypes();
        break;
    }
  }

  /** Says that somebody wants something: aloud, and on the screen where the desk is out of sight. */
  private call(why: "waiting" | "offer" | "message", conversation?: string): void {
    this.notices.show(why, conversation);
    // A rush of citizens must not become a rattle.
    if (!this.sound || Date.now() - this.chimedAt < CHIME_EVERY_MS) return;
    this.chimedAt = Date.now();
    chime();
  }

  /** What the agent has is read ahead; what is neither theirs nor on the screen is forgotten. */
  private keepTalks(): void {
    for (const one of this.queue.mine) if (!this.talks.has(one.conversation)) this.talks.set(one.conversation, new Talk(this, one.conversation));
    for (const [conversation, talk] of this.talks) {
      if (!talk.isMine && talk.isIdle && !this.shown.includes(conversation)) this.talks.delete(conversation);
    }
    void this.readAhead();
  }

  private async readAhead(): Promise<void> {
    if (this.readingAhead) return;
    this.readingAhead = true;
    const reader = async (): Promise<void> => {
      for (;;) {
        const unread = [...this.talks.values()].find((talk) => talk.open === undefined && !talk.isTried);
        if (unread === undefined) return;
        await unread.fetch();
      }
    };
    await Promise.all(Array.from({ length: READ_AT_ONCE }, reader));
    this.readingAhead = false;
  }

  tellTyping(conversation: string): void {
    this.live.typing(conversation);
  }

  // --------------------------------------------------------------------------------------------------- the columns

  /** The conversation that the agent is in. */
  get talk(): Talk | undefined {
    return this.selected === undefined ? undefined : this.talks.get(this.selected);
  }

  /** Puts a conversation on the screen, and the agent into it; `undefined`: into none. */
  select(conversation: string | undefined): void {
    if (conversation === undefined) {
      this.selected = undefined;
      return;
    }
    let talk = this.talks.get(conversation);
    const fresh = talk === undefined;
    if (talk === undefined) {
      talk = new Talk(this, conversation);
      this.talks.set(conversation, talk);
    }
    this.show(placed(conversation, this.places));
    this.focus(conversation);
    // What the agent has is known by its events; what they look into was not followed until now.
    if (fresh || !talk.isMine) void talk.fetch();
    else talk.suggest();
  }

  /** The agent is in one of the columns. */
  focus(conversation: string): void {
    this.lookedAt[conversation] = this.looks += 1;
    this.selected = conversation;
    const talk = this.talks.get(conversation);
    if (talk !== undefined && talk.unread > 0) talk.unread = 0;
  }

  /** Takes a column off the screen; what the agent has stays theirs. */
  hide(conversation: string): void {
    const at = this.shown.indexOf(conversation);
    this.show(this.shown.filter((one) => one !== conversation));
    if (this.selected !== conversation) return;
    const next = this.shown[Math.min(at, this.shown.length - 1)];
    if (next === undefined) this.selected = undefined;
    else this.focus(next);
  }

  /** So many columns fit now. */
  setRoom(room: number): void {
    if (room === this.room) return;
    this.room = room;
    this.show(fitted(this.places));
  }

  private show(shown: string[]): void {
    this.shown = shown;
    this.live.watch(shown);
    this.keepTalks();
  }

  private get places(): Places {
    return {
      shown: this.shown,
      room: this.room,
      focused: this.selected,
      isMine: (conversation) => this.queue.mine.some((one) => one.conversation === conversation),
      lookedAt: (conversation) => this.lookedAt[conversation] ?? 0,
    };
  }

  /** The column beside the one that the agent is in, round and round. */
  moveColumn(step: 1 | -1): void {
    const { length } = this.shown;
    if (length === 0) return;
    const at = this.selected === undefined ? -1 : this.shown.indexOf(this.selected);
    const next = this.shown[(at + step + length) % length];
    if (next === undefined) return;
    this.focus(next);
    this.composerWanted = next;
  }

  /** The desk is looked at again: nothing in the column that the agent is in is unread. */
  looked(): void {
    if (this.selected !== undefined) this.focus(this.selected);
  }

  get unreadInAll(): number {
    let unread = 0;
    for (const talk of this.talks.values()) unread += talk.unread;
    return unread;
  }

  /** To whoever waits longest for this agent's word. */
  answerLongestOwed(): void {
    const talk = this.longestOwed;
    if (talk === undefined) return;
    this.select(talk.id);
    this.composerWanted = talk.id;
  }

  /** Who is logged in; empty where nobody is. */
  get me(): string {
    return this.session?.agent.id ?? "";
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
    if (await this.attempt(() => this.api.claim(conversation))) this.composerWanted = conversation;
    await this.refresh(conversation);
  }

  /** Takes what is offered to this agent, or else who waits longest in one of their languages. */
  async claimNext(): Promise<void> {
    const offered = this.handoff.offers[0];
    if (offered !== undefined) return this.handoff.accept(offered);
    const able = this.queue.waiting.find((w) => w.offer === undefined && (this.session?.agent.languages.includes(w.language) ?? true));
    if (able !== undefined) await this.claim(able.conversation);
  }

  async finish(conversation: string, how: "resolve" | "return" | "requeue", note: string): Promise<void> {
    if (await this.attempt(() => this.api.finish(conversation, how, note))) {
      const talk = this.talks.get(conversation);
      if (talk !== undefined) talk.draft = "";
    }
    await this.refresh(conversation);
  }

  /** Reads the lists and a conversation anew. */
  async refresh(conversation: string): Promise<void> {
    await this.attempt(async () => {
      this.queue = await this.api.queue();
    });
    this.keepTalks();
    await this.talks.get(conversation)?.fetch();
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
