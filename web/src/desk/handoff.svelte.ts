/** What agents do about who has a conversation: offers, calls back, passing on, setting aside, notes; and the supervisors' part. */
import type { Shelf } from "../core/keeper";
import type { AttemptOutcome, Colleague, Language, Presence, Waiting } from "../protocol";
import { DeskError, type Act } from "./api";
import type { Desk } from "./desk.svelte";
import type { Talk } from "./talk.svelte";
import { asideUntil, isCallSettled, isExtension, offersTo } from "./transcript";

/** What can come of a matter: the codes that are sent. */
export const DISPOSITIONS = ["answered", "referred", "documents_missing", "not_our_matter", "no_reply"] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

/** A supervisor sees what others have as it was at most so long ago. */
const OTHERS_EVERY_MS = 1000;

const EXTENSION = "drilen.desk.extension";

export class Handoff {
  /** What this agent is ready for, once the server has said so. */
  presence: Presence | undefined = $state();
  colleagues: Colleague[] = $state.raw([]);
  /** For supervisors: what somebody else has. */
  others: Waiting[] = $state.raw([]);
  /** Why this server does not dial, in its own words, once it has said so. */
  dialsNot: string | undefined = $state();
  /** The last call that was asked for, and the place in its log behind which comes what came of it. */
  private dialled: { conversation: string; after: number } | undefined = $state.raw();
  private ownTelephone: string = $state("");
  private othersDue = false;
  private othersAt = 0;

  constructor(
    private readonly desk: Desk,
    private readonly shelf: Shelf,
  ) {
    this.ownTelephone = shelf.getItem(EXTENSION) ?? "";
  }

  // ------------------------------------------------------------------------------------------------------- people

  /** Asks who is at work, oneself included. */
  async learn(): Promise<void> {
    await this.desk.attempt(async () => {
      this.colleagues = await this.desk.api.colleagues();
      this.presence = this.colleagues.find((one) => one.agent.id === this.desk.me)?.presence;
    });
  }

  async setPresence(presence: Presence): Promise<void> {
    if (await this.desk.attempt(() => this.desk.api.setPresence(presence))) this.presence = presence;
  }

  /** Colleagues who are at work and serve that language, the least busy first. */
  takers(language: Language): Colleague[] {
    return this.colleagues
      .filter((one) => one.there && one.agent.id !== this.desk.me && one.languages.includes(language))
      .sort((a, b) => a.load / a.capacity - b.load / b.capacity);
  }

  // ------------------------------------------------------------------------------------------------------- offers

  get offers(): Waiting[] {
    return offersTo(this.desk.me, this.desk.queue);
  }

  async accept(offered: Waiting): Promise<void> {
    await this.answer("accept", offered);
    this.desk.select(offered.conversation);
    this.desk.composerWanted = offered.conversation;
  }

  async decline(offered: Waiting): Promise<void> {
    await this.answer("decline", offered);
  }

  private async answer(how: "accept" | "decline", { conversation, offer }: Waiting): Promise<void> {
    if (offer !== undefined) await this.act(conversation, how, { offer: offer.id });
  }

  // --------------------------------------------------------------------------------------------- what one has

  transfer(conversation: string, to: string, note: string): Promise<boolean> {
    return this.act(conversation, "transfer", { to, ...noted(note) });
  }

  snooze(conversation: string, how: "half_hour" | "tomorrow", note: string): Promise<boolean> {
    return this.act(conversation, "snooze", { until: asideUntil(how, Date.now()), ...noted(note) });
  }

  wake(conversation: string): Promise<boolean> {
    return this.act(conversation, "wake", {});
  }

  /** Settles the matter; the conversation ends when the notes are written. */
  resolveWithNotes(conversation: string): Promise<boolean> {
    return this.act(conversation, "resolve", { wrap_up: true });
  }

  wrapUp(conversation: string, disposition: Disposition | "", note: string): Promise<boolean> {
    return this.act(conversation, "wrap-up", { ...(disposition === "" ? {} : { disposition }), ...noted(note) });
  }

  called(conversation: string, outcome: AttemptOutcome): Promise<boolean> {
    return this.act(conversation, "called", { outcome });
  }

  // -------------------------------------------------------------------------------------------------- calling back

  /** The agent's own telephone, remembered on this device; empty where they have none. */
  get extension(): string {
    return this.ownTelephone;
  }

  set extension(extension: string) {
    this.ownTelephone = extension;
    this.shelf.setItem(EXTENSION, extension.trim());
  }

  get extensionFits(): boolean {
    return this.extension.trim() === "" || isExtension(this.extension.trim());
  }

  /** The server is calling the citizen of that conversation. */
  isDialling({ id, events }: Talk): boolean {
    return this.dialled?.conversation === id && !isCallSettled(events, this.dialled.after);
  }

  /** Has the server call the citizen of that conversation. What comes of it is an event. */
  async dial(talk: Talk): Promise<void> {
    if (talk.open === undefined || !this.extensionFits || this.isDialling(talk)) return;
    this.dialled = { conversation: talk.id, after: talk.events.at(-1)?.seq ?? 0 };
    const asked = await this.desk.attempt(async () => {
      await this.desk.api.dial(talk.id, this.extension.trim()).catch((error: unknown) => {
        // What was sent is in order, so that nothing but the wish itself can be wrong.
        if (!(error instanceof DeskError) || error.code !== "invalid") throw error;
        this.dialsNot = error.message;
      });
    });
    if (!asked || this.dialsNot !== undefined) this.dialled = undefined;
  }

  // -------------------------------------------------------------------------------------------------- supervisors

  get supervises(): boolean {
    return this.desk.session?.account.permissions.includes("supervise") ?? false;
  }

  /** The lists have changed: what others have is asked for, once for all changes of a while. */
  othersChanged(): void {
    if (!this.supervises || this.othersDue) return;
    this.othersDue = true;
    const wait = Math.max(0, this.othersAt + OTHERS_EVERY_MS - Date.now());
    setTimeout(() => void this.learnOthers(), wait);
  }

  private async learnOthers(): Promise<void> {
    this.othersDue = false;
    this.othersAt = Date.now();
    await this.desk.attempt(async () => {
      const held = await this.desk.api.held();
      this.others = held.filter((one) => one.holder?.id !== this.desk.me);
    });
  }

  join(conversation: string): Promise<boolean> {
    return this.act(conversation, "join", {});
  }

  depart(conversation: string): Promise<boolean> {
    return this.act(conversation, "depart", {});
  }

  /** Takes the conversation from whoever has it, back to the queue with its original time. */
  reassignToQueue(conversation: string): Promise<boolean> {
    return this.act(conversation, "reassign", {});
  }

  private async act(conversation: string, act: Act, body: object): Promise<boolean> {
    const done = await this.desk.attempt(() => this.desk.api.perform(conversation, act, body));
    await this.desk.refresh(conversation);
    return done;
  }
}

function noted(note: string): { note?: string } {
  return note.trim() === "" ? {} : { note: note.trim() };
}
