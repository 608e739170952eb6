import { describe, expect, it } from "vitest";
import { fitted, placed, roomFor, type Places } from "../../src/desk/columns";

/** `a*`: somebody else's; the order of `looks` is that in which columns were looked at. */
function places(shown: string[], room: number, focused: string | undefined, mine: string[], looks: string[] = shown): Places {
  return { shown, room, focused, isMine: (one) => mine.includes(one), lookedAt: (one) => looks.indexOf(one) };
}

describe("the columns", () => {
  it("take free room before they take another's place", () => {
    expect(placed("b", places(["a"], 2, "a", ["a", "b"]))).toEqual(["a", "b"]);
    expect(placed("a", places([], 1, undefined, []))).toEqual(["a"]);
  });

  it("stay as they are for what is there already", () => {
    expect(placed("a", places(["a", "b"], 2, "b", ["a", "b"]))).toEqual(["a", "b"]);
  });

  it("put what somebody looks into in the place of what they looked into before, wherever there is room", () => {
    expect(placed("y", places(["x"], 3, "x", []))).toEqual(["y"]);
    expect(placed("y", places(["a", "x"], 2, "a", ["a"]))).toEqual(["a", "y"]);
    expect(placed("c", places(["x", "a"], 2, "x", ["a", "c"]))).toEqual(["c", "a"]);
  });

  it("give up the one that was not looked at for longest, and never the one that the agent is in", () => {
    expect(placed("c", places(["a", "b"], 2, "b", ["a", "b", "c"], ["b", "a"]))).toEqual(["c", "b"]);
    expect(placed("d", places(["a", "b", "c"], 3, "c", ["a", "b", "c", "d"], ["b", "a", "c"]))).toEqual(["a", "d", "c"]);
    expect(placed("b", places(["a"], 1, "a", ["a", "b"]))).toEqual(["b"]);
  });

  it("that no longer fit go, the one that the agent is in last", () => {
    expect(fitted(places(["a", "b", "c"], 2, "a", ["a", "b", "c"], ["a", "b", "c"]))).toEqual(["a", "c"]);
    expect(fitted(places(["a", "b"], 1, undefined, [], ["b", "a"]))).toEqual(["a"]);
    expect(fitted(places(["a"], 0, "a", []))).toEqual(["a"]);
  });

  it("are as many as the width has room for, one at least", () => {
    expect([200, 335, 671, 672, 5000].map((width) => roomFor(width, 336, 4))).toEqual([1, 1, 1, 2, 4]);
  });
});
