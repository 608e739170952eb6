/** The answers that this phone keeps, in the language that is looked at. */
import type { ExtractStore, Judged, SignedExtract } from "../../core/offline/extract";
import { Matcher, type Found } from "../../core/offline/matcher";
import { bo } from "../../i18n/offline.bo";
import { zh, type OfflineKey } from "../../i18n/offline.zh";
import { fill } from "../../i18n/translate";
import type { Language } from "../../protocol";

const TEXTS = { bo, zh };
/** What was fetched within this time is not fetched again: weak links have better to do. */
const FRESH_MS = 6 * 3600 * 1000;

export class OfflineShelf {
  /** What may be shown, or why nothing may; `undefined` until it has been looked at. */
  judged: Judged | undefined = $state.raw();
  language: Language = $state("zh");
  private matcher: Matcher | undefined;

  constructor(private readonly store: ExtractStore) {}

  pin(key: string): void {
    this.store.pin(key);
  }

  /** Shows what is kept in a language; with `fetching` it is fetched anew where it has grown old. */
  async show(language: Language, fetching: boolean): Promise<void> {
    let judged = await this.store.read(language);
    const old = !("clockWrong" in judged) || Date.now() - Date.parse(judged.extract.made_at) > FRESH_MS;
    if (fetching && old && (await this.fetch(language))) judged = await this.store.read(language);
    this.language = language;
    this.matcher = "clockWrong" in judged ? new Matcher(judged.extract) : undefined;
    this.judged = judged;
  }

  find(question: string): Found {
    return this.matcher?.find(question) ?? { kind: "nothing" };
  }

  text(key: OfflineKey, values: Record<string, string | number> = {}): string {
    return fill(TEXTS[this.language][key], values);
  }

  private async fetch(language: Language): Promise<boolean> {
    try {
      const reply = await fetch(`/v1/portal/extract/${language}`);
      return reply.ok && (await this.store.keep((await reply.json()) as SignedExtract, language));
    } catch {
      return false;
    }
  }
}
