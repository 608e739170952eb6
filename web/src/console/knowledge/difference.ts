/** What is different between two texts, for people: by Tibetan syllables, hanzi and words. */

export interface Piece {
  text: string;
  /** `same` in both; `gone` from the first; `new` in the second. */
  kind: "same" | "gone" | "new";
}

/** Syllables with their tsheg, runs of other letters, and single signs otherwise. */
export function unitsOf(text: string): string[] {
  return text.match(/[\u0f40-\u0fbc]+[\u0f0b\u0f0c]?|[A-Za-z0-9]+|[\s\S]/gu) ?? [];
}

/** Larger texts are shown as wholly other: comparing costs the product of their lengths. */
const MOST = 4_000_000;

/** The longest common subsequence of units tells what stayed (Wagner and Fischer, 1974). */
export function difference(before: string, after: string): Piece[] {
  const a = unitsOf(before);
  const b = unitsOf(after);
  if (before === after) return before === "" ? [] : [{ text: before, kind: "same" }];
  if (a.length * b.length > MOST || a.length === 0 || b.length === 0) {
    return [{ text: before, kind: "gone" } as Piece, { text: after, kind: "new" } as Piece].filter((piece) => piece.text !== "");
  }
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pieces: Piece[] = [];
  const push = (text: string, kind: Piece["kind"]) => {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else pieces.push({ text, kind });
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push(a[i] ?? "", "same");
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      push(a[i] ?? "", "gone");
      i += 1;
    } else {
      push(b[j] ?? "", "new");
      j += 1;
    }
  }
  return pieces;
}
