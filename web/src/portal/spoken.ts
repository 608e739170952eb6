/** Where a sentence stands in a text for the `nth` time (0-based), or for the last time where it does not stand there so often; -1: nowhere. */
export function occurrence(text: string, sentence: string, nth: number): number {
  let at = text.indexOf(sentence);
  for (let next = at; nth > 0 && next >= 0; nth -= 1) {
    next = text.indexOf(sentence, at + sentence.length);
    if (next >= 0) at = next;
  }
  return at;
}
