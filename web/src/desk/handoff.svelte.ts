/** What agents do about who has a conversation: offers, calls back, passing on, setting aside, notes; and the supervisors' part. */
import type { Shelf } from "../core/keeper";
import type { AttemptOutcome, Colleague, Presence, Waiting } from "../protocol";
import { DeskError, type Act } from "./api";
import type { Desk } from "./desk.svelte";
import { asideUntil, isCallSettled, isExtension, isTakingPart, offersTo } from "./transcript";

/** What can come of a matter: the codes that are sent. */
export const DISPOSITIONS = ["answered", "referred", "documents_missing", "not_our_matter", "no_reply"] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

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

  /** Colleagues who are at work and serve the open conversation's language, the least busy first. */
  get takers(): Colleague[] {
    const language = this.desk.open?.language;
    return this.colleagues
      .filter((one) => one.there && one.agent.id !== this.desk.me && language !== undefined && one.languages.includes(language))
      .sort((a, b) => a.load / a.capacity - b.load / b.capacity);
  }

  // ------------------------------------------------------------------------------------------------------- offers

  get offers(): Waiting[] {
    return offersTo(this.desk.me, this.desk.queue);
  }

  async accept(offered: Waiting): Promise<void> {
    await this.answer("accept", offered);
    this.desk.select(offered.conversation);
  }

  async decline(offered: Waiting): Promise<void> {
    await this.answer("decline", offered);
  }

  private async answer(how: "accept" | "decline", { conversation, offer }: Waiting): Promise<void> {
    if (offer !== undefined) await this.act(how, { offer: offer.id }, conversation);
  }

  // --------------------------------------------------------------------------------------------- what one has

  transfer(to: string, note: string): Promise<boolean> {
    return this.act("transfer", { to, ...noted(note) });
  }

  snooze(how: "half_hour" | "tomorrow", note: string): Promise<boolean> {
    return this.act("snooze", { until: asideUntil(how, Date.now()), ...noted(note) });
  }

  wake(): Promise<boolean> {
    return this.act("wake", {});
  }

  /** Settles the matter; the conversation ends when the notes are written. */
  resolveWithNotes(): Promise<boolean> {
    return this.act("resolve", { wrap_up: true });
  }

  wrapUp(disposition: Disposition | "", note: string): Promise<boolean> {
    return this.act("wrap-up", { ...(disposition === "" ? {} : { disposition }), ...noted(note) });
  }

  called(outcome: AttemptOutcome): Promise<boolean> {
    return this.act("called", { outcome });
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

  /** The server is calling the citizen of the open conversation. */
  get dialling(): boolean {
    const { open } = this.desk;
    return open !== undefined && this.dialled?.conversation === open.conversation && !isCallSettled(open.events, this.dialled.after);
  }

  /** Has the server call the citizen of the open conversation. What comes of it is an event. */
  async dial(): Promise<void> {
    const { open } = this.desk;
    if (open === undefined || !this.extensionFits || this.dialling) return;
    this.dialled = { conversation: open.conversation, after: open.events.at(-1)?.seq ?? 0 };
    const asked = await this.desk.attempt(async () => {
      await this.desk.api.dial(open.conversation, this.extension.trim()).catch((error: unknown) => {
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

  get takesPart(): boolean {
    return !this.desk.isMine && isTakingPart(this.desk.me, this.desk.open?.events ?? []);
  }

  async learnOthers(): Promise<void> {
    if (!this.supervises) return;
    await this.desk.attempt(async () => {
      const all = await this.desk.api.escalations();
      this.others = all.filter((one) => one.holder !== undefined && one.holder.id !== this.desk.me);
    });
  }

  join(): Promise<boolean> {
    return this.act("join", {});
  }

  depart(): Promise<boolean> {
    return this.act("depart", {});
  }

  /** Takes the conversation from whoever has it, back to the queue with its original time. */
  reassignToQueue(): Promise<boolean> {
    return this.act("reassign", {});
  }

  private async act(act: Act, body: object, conversation = this.desk.selected): Promise<boolean> {
    if (conversation === undefined) return false;
    const done = await this.desk.attempt(() => this.desk.api.perform(conversation, act, body));
    await this.desk.refresh();
    return done;
  }
}

function noted(note: string): { note?: string } {
  return note.trim() === "" ? {} : { note: note.trim() };
}
