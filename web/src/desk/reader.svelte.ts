/** Reading aids: how words in a script that the agent does not read sound, and what the glossary has of them. */
import { SvelteMap } from "svelte/reactivity";
import type { Shelf } from "../core/keeper";
import type { Language, TextRead } from "../protocol";
import type { Desk } from "./desk.svelte";

const LETTERS = { bo: /[\u0f40-\u0fbc]/, zh: /\p{Script=Han}/u } as const;
/** The server takes so much at once. */
const LONGEST = 8000;
/** Texts that stay read; a working day has more. */
const KEPT = 1000;
const AT_ONCE = 4;

export class Reader {
  private chosen: Record<Language, boolean | undefined> = $state({ bo: undefined, zh: undefined });
  private readonly read = new SvelteMap<string, TextRead>();
  private readonly asked: Record<string, boolean> = {};
  private readonly line: { key: string; text: string; language: Language }[] = [];
  private running = 0;

  constructor(
    private readonly desk: Desk,
    private readonly shelf: Shelf,
  ) {
    for (const language of ["bo", "zh"] as const) {
      const kept = shelf.getItem(place(language));
      if (kept !== null) this.chosen[language] = kept === "on";
    }
  }

  /** Whether texts of that language come with a reading aid: as the agent chose, or else where it is none of theirs. */
  isOn(language: Language): boolean {
    return this.chosen[language] ?? this.desk.session?.agent.languages.includes(language) === false;
  }

  set(language: Language, on: boolean): void {
    this.chosen[language] = on;
    this.shelf.setItem(place(language), on ? "on" : "off");
  }

  /** The languages of a text that the agent wants help with. */
  wanted(text: string): Language[] {
    return (["bo", "zh"] as const).filter((language) => this.isOn(language) && LETTERS[language].test(text));
  }

  /** The reading, where it has come; it is asked for otherwise (call {@link ask} outside of rendering). */
  of(text: string, language: Language): TextRead | undefined {
    return this.read.get(`${language} ${text}`);
  }

  ask(text: string, language: Language): void {
    const key = `${language} ${text}`;
    if (this.asked[key] === true) return;
    this.asked[key] = true;
    this.line.push({ key, text: text.slice(0, LONGEST), language });
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.running >= AT_ONCE) return;
    this.running += 1;
    for (let next = this.line.shift(); next !== undefined; next = this.line.shift()) {
      const { key, text, language } = next;
      // An aid that does not come is no fault of the desk: it is asked for again when the text is shown again.
      const read = await this.desk.api.reading(text, language).catch(() => undefined);
      if (read === undefined) this.asked[key] = false;
      else this.keep(key, read);
    }
    this.running -= 1;
  }

  private keep(key: string, read: TextRead): void {
    this.read.set(key, read);
    if (this.read.size <= KEPT) return;
    const [oldest] = this.read.keys();
    if (oldest === undefined) return;
    this.read.delete(oldest);
    this.asked[oldest] = false;
  }
}

function place(language: Language): string {
  return `drilen.desk.aid.${language}`;
}
