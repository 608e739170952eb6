/** The console's HTTP calls: the desk's session, and whatever path a page asks for. */
import { DeskApi, DeskError } from "../desk/api";

export { DeskError };

/** Values of a query; `undefined` is left out. */
export type Query = Record<string, string | number | undefined>;

export class ConsoleApi extends DeskApi {
  /** @param path under `/v1/desk`, such as `/people` */
  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.call("GET", path + search(query));
  }

  post<T>(path: string, body: object = {}, query: Query = {}): Promise<T> {
    return this.call("POST", path + search(query), body);
  }

  /** Sends a file as it is. */
  postFile<T>(path: string, file: Blob, query: Query): Promise<T> {
    return this.request("POST", `/v1/desk${path}${search(query)}`, file);
  }
}

function search(query: Query): string {
  const given = Object.entries(query).filter((pair): pair is [string, string | number] => pair[1] !== undefined && pair[1] !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}
