/** Files that the console hands out. */

/** A record of the audit trail, as the server sends it. */
export interface AuditRecord {
  id: number;
  at: string;
  actor: { kind: "person" | "command" | "system"; id?: string; name?: string };
  action: string;
  subject?: string;
  detail: unknown;
  hash: string;
}

/** One record a line. */
export function linesOf(records: readonly AuditRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** As a table that spreadsheet programs read. */
export function tableOf(records: readonly AuditRecord[]): string {
  const head = ["id", "at", "actor_kind", "actor_id", "actor_name", "action", "subject", "detail", "hash"];
  const rows = records.map(({ id, at, actor, action, subject, detail, hash }) => [
    String(id), at, actor.kind, actor.id ?? "", actor.name ?? "", action, subject ?? "", JSON.stringify(detail), hash,
  ]);
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** A name that begins like a formula is not to be run by whoever opens the table. */
function cell(text: string): string {
  const tame = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame;
}

/** Has the browser save a file. */
export function save(name: string, kind: string, content: string): void {
  // The mark tells spreadsheet programs that it is UTF-8.
  const mark = kind === "text/csv" ? "\ufeff" : "";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([mark, content], { type: `${kind};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
