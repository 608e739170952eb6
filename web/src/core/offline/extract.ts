/**
 * What a phone keeps of the knowledge base for times without a network (`GET /v1/portal/extract/{language}`): fetched, checked,
 * kept, and judged before anything of it is shown.
 *
 * The key that signs it comes with `/v1/portal/config`, over TLS, and is remembered. What is kept is checked again every time:
 * nothing that was changed on its way or on the phone is shown.
 */
import type { Language, Link } from "../../protocol";
import type { Shelf } from "../keeper";

/** The form that this page understands. */
const FORMAT = 1;
/** A clock that is so far behind the making of what it has kept is wrong: the server's own may differ by hours. */
const CLOCK_TOLERANCE_MS = 24 * 3600 * 1000;

export interface KeptEntry {
  entry: string;
  topic: string;
  revision: string;
  question: string;
  variants: string[];
  text: string;
  steps: string[];
  documents: string[];
  links: Link[];
  office?: string;
  /** It differs by place or person group: the server would ask. */
  depends: boolean;
  sample: boolean;
  awaiting_review: boolean;
  outdated_days?: number;
  /** The last day on which it holds, as YYYY-MM-DD. */
  valid_until?: string;
}

export interface Extract {
  format: number;
  language: Language;
  revision: string;
  /** RFC 3339. */
  made_at: string;
  /** RFC 3339. */
  valid_until: string;
  notice: string;
  emergency: string;
  topics: { id: string; name: string }[];
  entries: KeptEntry[];
}

/** As the server sends it: the signed text to the letter, and the signature over its UTF-8. */
export interface SignedExtract {
  extract: string;
  signature: string;
}

/**
 * Why nothing is shown. `none`: nothing is kept; `forged`: it is not what the server signed; `expired`: it is older than the
 * server allows, or this phone's clock is ahead; `unable`: this page came without TLS, and can check nothing.
 */
export type Trouble = "none" | "forged" | "expired" | "unable";

/** What may be shown, with a warning where the phone's clock is behind the extract's making. */
export type Judged = { extract: Extract; clockWrong: boolean } | { trouble: Trouble; extract?: Extract };

const KEY = "drilen.extract.key";
const place = (language: Language) => `drilen.extract.${language}`;

export class ExtractStore {
  /** @param subtle WebCrypto; `undefined` where the page has none (without TLS) */
  constructor(
    private readonly shelf: Shelf,
    private readonly subtle: SubtleCrypto | undefined,
    private readonly now: () => number,
  ) {}

  /** Remembers the key that the server named just now. */
  pin(key: string): void {
    try {
      this.shelf.setItem(KEY, key);
    } catch {
      // A full phone keeps no extract either.
    }
  }

  /** Keeps what the server sent, where it is signed as it must be. @returns whether it is */
  async keep(signed: SignedExtract, language: Language): Promise<boolean> {
    const extract = await this.open(signed, language);
    if (extract === undefined) return false;
    try {
      this.shelf.setItem(place(language), JSON.stringify(signed));
    } catch {
      return false;
    }
    return true;
  }

  /** What is kept in a language, if it may be shown. */
  async read(language: Language): Promise<Judged> {
    if (this.subtle === undefined) return { trouble: "unable" };
    let signed: SignedExtract;
    try {
      const text = this.shelf.getItem(place(language));
      if (text === null) return { trouble: "none" };
      signed = JSON.parse(text) as SignedExtract;
    } catch {
      return { trouble: "forged" };
    }
    const extract = await this.open(signed, language);
    return extract === undefined ? { trouble: "forged" } : judge(extract, this.now());
  }

  private async open(signed: SignedExtract, language: Language): Promise<Extract | undefined> {
    try {
      const key = this.shelf.getItem(KEY);
      if (key === null || this.subtle === undefined || !(await isSignedBy(this.subtle, key, signed))) return undefined;
      const extract = JSON.parse(signed.extract) as Extract;
      return extract.format === FORMAT && extract.language === language ? extract : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Whether an extract that is signed well may be shown at `now` (milliseconds since 1970). */
export function judge(extract: Extract, now: number): Judged {
  const made = Date.parse(extract.made_at);
  const until = Date.parse(extract.valid_until);
  if (!(now <= until)) return { trouble: "expired", extract };
  return { extract: { ...extract, entries: extract.entries.filter((entry) => holds(entry, now)) }, clockWrong: now < made - CLOCK_TOLERANCE_MS };
}

/** Days are days in China (UTC+8), as in the knowledge base. */
function holds(entry: KeptEntry, now: number): boolean {
  if (entry.valid_until === undefined) return true;
  return new Date(now + 8 * 3600 * 1000).toISOString().slice(0, 10) <= entry.valid_until;
}

/** ECDSA over P-256 with SHA-256; `key` is an uncompressed point, the signature `r` and `s` after each other, both base64url. */
async function isSignedBy(subtle: SubtleCrypto, key: string, { extract, signature }: SignedExtract): Promise<boolean> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const imported = await subtle.importKey("raw", bytes(key), algorithm, false, ["verify"]);
  return subtle.verify(algorithm, imported, bytes(signature), new TextEncoder().encode(extract));
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  const found = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) found[i] = text.charCodeAt(i);
  return found;
}
