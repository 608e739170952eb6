/** Where in the console one is, as the address says it: `#/people/019…` is the page `people` with the rest `["019…"]`. */
export interface Route {
  page: string;
  rest: string[];
}

export function routeOf(hash: string): Route {
  const [page = "", ...rest] = hash.replace(/^#\/?/, "").split("/").map(decoded);
  return { page, rest };
}

/** The address of a page, for links. */
export function linkTo(page: string, ...rest: string[]): string {
  return `#/${[page, ...rest].map(encodeURIComponent).join("/")}`;
}

/** What somebody typed into the address line need not be well-formed. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
