import { describe, expect, it } from "vitest";
import { wav } from "../../src/audio/wav";
import { byDay, OUTCOMES, type Figures } from "../../src/console/dashboard/figures";
import { linesOf, tableOf, type AuditRecord } from "../../src/console/exports";
import { draftOf, faultOf, weekOf, type Week } from "../../src/console/hours/hours";
import { changesOf, draftOf as accountOf } from "../../src/console/people/people";
import { linkTo, routeOf } from "../../src/console/route";
import { dayBefore, daysBetween, niceTop } from "../../src/console/ui/numbers";

describe("the address", () => {
  it("names the page and what stands behind it, however it is written", () => {
    expect(routeOf("#/people/019a")).toEqual({ page: "people", rest: ["019a"] });
    expect(routeOf("")).toEqual({ page: "", rest: [] });
    expect(routeOf("#/x/%E0%A4%A")).toEqual({ page: "x", rest: ["%E0%A4%A"] });
    const odd = ["a/b", "身份证", "ཐོབ་ཐང་"];
    expect(routeOf(linkTo("knowledge", ...odd))).toEqual({ page: "knowledge", rest: odd });
  });
});

describe("exports of the audit trail", () => {
  const record: AuditRecord = {
    id: 7, at: "2026-11-30T08:00:00.000Z", actor: { kind: "person", id: "019", name: '=HYPERLINK("x")' }, action: "person.added", subject: "person:019", detail: { roles: ["agent", "editor"] }, hash: "00",
  };

  it("have a record on every line", () => {
    const lines = linesOf([record, { ...record, id: 6 }]).split("\n");
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0] ?? "")).toEqual(record);
  });

  it("are tables in which no name is a formula and no quote ends a cell", () => {
    const [head, row, ...rest] = tableOf([record]).split("\r\n");
    expect([head?.split(",").length, rest]).toEqual([9, [""]]);
    expect(row).toContain(`"'=HYPERLINK(""x"")"`);
    expect(row).toContain('"{""roles"":[""agent"",""editor""]}"');
  });
});

describe("hours of service", () => {
  const hours: Week = {
    time_zone: "Asia/Shanghai",
    week: [["09:30-13:00", "15:30-24:00"], [], [], [], [], [], []],
    holidays: ["2026-10-02", "2026-10-01"],
    special: [{ date: "2026-10-10", hours: ["10:00-12:00"] }],
  };

  it("come back from the form as they went in, days in order", () => {
    expect(weekOf(draftOf(hours))).toEqual({ ...hours, holidays: ["2026-10-01", "2026-10-02"] });
    expect(faultOf(draftOf(hours))).toBeUndefined();
  });

  it("are refused with the day on which something is wrong", () => {
    const wrong = (change: (draft: ReturnType<typeof draftOf>) => void) => {
      const draft = draftOf(hours);
      change(draft);
      return faultOf(draft);
    };
    expect(wrong((draft) => draft.week[2]?.push({ from: "18:00", to: "09:00" }))).toEqual({ fault: "hoursBackwards", day: 2 });
    expect(wrong((draft) => draft.week[0]?.push({ from: "12:00", to: "14:00" }))).toEqual({ fault: "hoursOverlap", day: 0 });
    expect(wrong((draft) => draft.week[6]?.push({ from: "", to: "14:00" }))).toEqual({ fault: "hoursEmpty", day: 6 });
    expect(wrong((draft) => draft.holidays.push(""))).toEqual({ fault: "dayMissing", day: "" });
    expect(wrong((draft) => draft.holidays.push("2026-10-10"))).toEqual({ fault: "dayTwice", day: "2026-10-10" });
    expect(wrong((draft) => draft.special[0]?.hours.push({ from: "11:00", to: "13:00" }))).toEqual({ fault: "hoursOverlap", day: "2026-10-10" });
  });
});

describe("figures", () => {
  it("are summed up for every day, days without any too", () => {
    const day = { begun: 1, answered: 2, clarified: 1, not_understood: 0, handed_over: 1, gave_up: 0 };
    const figures = { from: "2026-11-29", to: "2026-12-01", days: [{ ...day, day: "2026-11-29", language: "bo" }, { ...day, day: "2026-11-29", language: "zh" }, { ...day, day: "2026-12-01", language: "zh" }] } as Figures;
    expect(byDay(figures, OUTCOMES)).toEqual([6, 0, 3]);
    expect(byDay(figures, ["answered"], "bo")).toEqual([2, 0, 0]);
  });

  it("belong to China's day, wherever the browser is", () => {
    expect(dayBefore(Date.parse("2026-11-29T16:00:00Z"), 0)).toBe("2026-11-30");
    expect(dayBefore(Date.parse("2026-11-29T15:59:59Z"), 1)).toBe("2026-11-28");
    expect(daysBetween("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
  });

  it("have an axis that ends at a round number with a whole middle", () => {
    for (const most of [0, 1, 2, 3, 7, 9, 10, 11, 99, 100, 101, 4711]) {
      const top = niceTop(most);
      expect([most, top >= most, top % 2, top <= Math.max(2, most * 2)]).toEqual([most, true, 0, true]);
    }
  });
});

it("skills are read as people write them", () => {
  expect(changesOf({ ...accountOf(), skills: " 农牧业，pension  ཞིང་ལས། " }).skills).toEqual(["农牧业", "pension", "ཞིང་ལས"]);
});

it("a recording becomes a sound file that says what it is", async () => {
  const bytes = new DataView(await wav([new Float32Array([0, 1]), new Float32Array([-1, 2])], 16_000).arrayBuffer());
  expect(bytes.byteLength).toBe(44 + 8);
  expect(String.fromCharCode(...new Uint8Array(bytes.buffer, 0, 4))).toBe("RIFF");
  expect([bytes.getUint32(24, true), bytes.getUint32(40, true)]).toEqual([16_000, 8]);
  expect([0, 1, 2, 3].map((n) => bytes.getInt16(44 + n * 2, true))).toEqual([0, 32767, -32768, 32767]);
});
