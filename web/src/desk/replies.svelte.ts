/** Replies that agents send again and again. */
import type { Shelf } from "../core/keeper";
import { fill } from "../i18n/translate";
import type { CannedReply, Language } from "../protocol";
import type { Desk } from "./desk.svelte";

const OFFICE = "drilen.desk.office";
const LONGEST_OFFICE = 100;

export class Replies {
  all: CannedReply[] = $state.raw([]);
  private place: string = $state("");

  constructor(
    private readonly desk: Desk,
    private readonly shelf: Shelf,
  ) {
    this.place = shelf.getItem(OFFICE) ?? "";
  }

  /** The office that `{office}` stands for, remembered on this device. */
  get office(): string {
    return this.place;
  }

  set office(office: string) {
    this.place = office.slice(0, LONGEST_OFFICE);
    this.shelf.setItem(OFFICE, this.place.trim());
  }

  async learn(): Promise<void> {
    await this.desk.attempt(async () => {
      this.all = await this.desk.api.replies();
    });
  }

  /** Replies that fit what was typed, those first that have the conversation's language. */
  found(typed: string, language: Language): CannedReply[] {
    const words = typed.trim().toLowerCase();
    return this.all
      .map((reply) => ({ reply, rank: rank(reply, words, language) }))
      .filter((one) => one.rank < NO_FIT)
      .sort((a, b) => a.rank - b.rank)
      .map((one) => one.reply);
  }

  /** What is sent; `undefined` where the reply has no text in that language. */
  textOf(reply: CannedReply, language: Language): string | undefined {
    const text = reply.text[language];
    if (text === undefined || text === "") return undefined;
    const values: Record<string, string> = { agent: this.desk.session?.agent.name ?? "" };
    // Without an office its place stays visible, so that nobody sends a hole.
    if (this.place.trim() !== "") values["office"] = this.place.trim();
    return fill(text, values);
  }

  nameOf(reply: CannedReply): string {
    const other = this.desk.language === "bo" ? reply.name.zh : reply.name.bo;
    return reply.name[this.desk.language] ?? other ?? "";
  }
}

const NO_FIT = 9;

/** Where a reply stands among those that fit: its shortcut before its name before its text, its language before the other. */
function rank(reply: CannedReply, words: string, language: Language): number {
  const missing = reply.text[language] === undefined ? 4 : 0;
  if (words === "") return missing;
  const within = (texts: (string | undefined)[]) => texts.some((text) => text?.toLowerCase().includes(words));
  if (reply.shortcut?.startsWith(words) === true) return missing;
  if (within([reply.name.zh, reply.name.bo])) return missing + 1;
  return within([reply.text.zh, reply.text.bo]) ? missing + 2 : NO_FIT;
}
