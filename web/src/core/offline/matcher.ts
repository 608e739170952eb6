/**
 * Finds the entry that a question means without the server: by the pieces that question and entry have in common, weighed by
 * how rare they are. Pieces are hanzi and their pairs, Tibetan syllables and their pairs, and words of other letters.
 *
 * It knows nothing of meaning: it answers what is asked in known words, offers what is near, and else says that it does not know.
 */
import type { Extract, KeptEntry } from "./extract";

/** From this likeness on, and so far ahead of the next entry, an entry is the answer. */
const SURE = 0.62;
const AHEAD = 0.1;
/** From this likeness on an entry is offered. */
const NEAR = 0.3;
/** So many are offered at most. */
const OFFERED = 4;

export type Found =
  | { kind: "answer"; entry: KeptEntry }
  | { kind: "choices"; entries: KeptEntry[] }
  | { kind: "nothing" };

interface Asked {
  entry: KeptEntry;
  pieces: Set<string>;
  weight: number;
}

export class Matcher {
  private readonly ways: Asked[] = [];
  private readonly rarity = new Map<string, number>();
  private readonly unknown: number;

  constructor(extract: Pick<Extract, "entries">) {
    const inEntries = new Map<string, number>();
    const ways: [KeptEntry, Set<string>][] = [];
    for (const entry of extract.entries) {
      const own = new Set<string>();
      for (const text of [entry.question, ...entry.variants]) {
        const pieces = piecesOf(text);
        ways.push([entry, pieces]);
        pieces.forEach((piece) => own.add(piece));
      }
      own.forEach((piece) => inEntries.set(piece, (inEntries.get(piece) ?? 0) + 1));
    }
    const entries = extract.entries.length;
    inEntries.forEach((count, piece) => this.rarity.set(piece, Math.log(1 + entries / count)));
    // What no entry says is as telling as the rarest piece: a question about something else must not be answered.
    this.unknown = Math.log(1 + entries);
    for (const [entry, pieces] of ways) this.ways.push({ entry, pieces, weight: this.weigh(pieces) });
  }

  find(question: string): Found {
    const ranked = this.rank(question);
    const [best, second] = ranked;
    if (best === undefined || best.likeness < NEAR) return { kind: "nothing" };
    if (best.likeness >= SURE && best.likeness - (second?.likeness ?? 0) >= AHEAD) return { kind: "answer", entry: best.entry };
    return { kind: "choices", entries: ranked.filter(({ likeness }) => likeness >= NEAR).slice(0, OFFERED).map(({ entry }) => entry) };
  }

  /** Entries with their likeness (0 to 1), the likest first. */
  rank(question: string): { entry: KeptEntry; likeness: number }[] {
    const pieces = piecesOf(question);
    const weight = this.weigh(pieces);
    const best = new Map<KeptEntry, number>();
    if (weight === 0) return [];
    for (const way of this.ways) {
      let shared = 0;
      pieces.forEach((piece) => {
        if (way.pieces.has(piece)) shared += this.weightOf(piece);
      });
      const likeness = (2 * shared) / (weight + way.weight);
      if (likeness > (best.get(way.entry) ?? 0)) best.set(way.entry, likeness);
    }
    return [...best].map(([entry, likeness]) => ({ entry, likeness })).sort((one, other) => other.likeness - one.likeness);
  }

  private weightOf(piece: string): number {
    // Pairs say more than what they are made of.
    return (this.rarity.get(piece) ?? this.unknown) * (piece.includes(PAIR) ? 1 : 0.6);
  }

  private weigh(pieces: Set<string>): number {
    let sum = 0;
    pieces.forEach((piece) => (sum += this.weightOf(piece)));
    return sum;
  }
}

/** Stands between the two of a pair. */
const PAIR = "\u0000";

/** Units of a text (hanzi, Tibetan syllables, words of other letters and digits) and the pairs of neighbours. */
export function piecesOf(text: string): Set<string> {
  // Tibetan digits are digits; letters of full width are letters.
  const plain = text.normalize("NFKC").toLowerCase().replace(/[\u0f20-\u0f29]/g, (digit) => String(digit.charCodeAt(0) - 0x0f20));
  const units = plain.match(/\p{Script=Han}|[\u0f40-\u0fbc]+|[a-z0-9]+/gu) ?? [];
  const pieces = new Set<string>(units);
  for (let i = 1; i < units.length; i += 1) pieces.add(`${units[i - 1] ?? ""}${PAIR}${units[i] ?? ""}`);
  return pieces;
}
