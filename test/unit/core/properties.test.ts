import { describe, expect, test } from "vitest";
import { definitionsOf, Properties, writtenItem } from "../../../src/core/gasw/properties.ts";

const read = (text: string, env = {}) => new Properties(text, env);

describe("Java properties", () => {
  // Each of these was read with commons-configuration 1.9.
  test.each([
    ["a list, with blanks around its items", "a = x , y,z ", ["x", "y", "z"]],
    ["a key that stands twice", "a = x,y\na=again", ["x", "y", "again"]],
    ["an escaped comma", "a=d\\,e", ["d,e"]],
    ["backslashes in a list, which count twice", "a=C:\\\\\\\\,D", ["C:\\", "D"]],
    ["a backslash that escapes a comma after all", "a=C:\\\\,D", ["C:,D"]],
    ["a backslash before a letter in a list", "a=C:\\\\dir,D", ["C:\\dir", "D"]],
    ["backslashes in what is no list", "a=C:\\\\\\\\dir", ["C:\\\\dir"]],
    ["a value that begins with a comma", "a=,x", [",x"]],
    ["a comma by its number", "a=\\u00e9\\u002cx", ["é", "x"]],
    ["a continued value, with a comment and an empty line in it", "a=one,\\\n   two,\\\n# not this\n\nthree", ["one", "two", "three"]],
    ["a value that is continued after the end", "a=x\nb=last\\\n", ["x"]],
    ["Windows line ends", "# x\r\na=1\r\nb=2\r\n", ["1"]],
    ["a colon", "a : v", ["v"]],
    ["a blank alone", "a v w", ["v w"]],
    ["quotes, which are part of the value", 'a = "b c"', ['"b c"']],
    ["escaped quotes", 'a=\\"b\\"', ['"b"']],
    ["a value that is empty", "a=", [""]],
    ["an escaped reference", "a=$${b}\nb=1", ["${b}"]],
    ["references to a key, to its first item, and to none", "a=${b}/${none}\nb=x,y", ["x/${none}"]],
    ["a comment", "#a=1\n!a=2\n  # a=3\na=4", ["4"]],
    ["a key that is not there", "b=1", []],
    ["a key without anything behind it", "a \nb=1", []],
    ["escapes in its key", "\\a=1\n\\u0061=2", ["1", "2"]],
  ])("has %s", (_, text, items) => expect(read(text).list("a")).toEqual(items));

  test("refers to the environment, and not in a circle", () => {
    const properties = read("a=${env:PLACE}${sys:user.home}\nb=${c}\nc=${b}", { PLACE: "here", HOME: "/home/me" });
    expect([properties.get("a"), properties.get("b")]).toEqual(["here/home/me", "${c}"]);
  });

  test("keep where each definition stands and how it is written", () => {
    const [, definition] = definitionsOf("b=1\n\n  plugin.executor = x\\\\y , \\\n  z\n");
    expect(definition).toEqual({
      key: "plugin.executor",
      head: "plugin.executor = ",
      lines: [2, 4],
      items: [
        { value: "x\\y", raw: "x\\\\y " },
        { value: "z", raw: " z" },
      ],
    });
  });

  test.each(["/opt/plugins/x.jar", "/a,b/c.jar", "C:\\a\\b", "/été/x.jar", "/with blank/x"])(
    "can have the value %s, alone and in a list",
    (item) => {
      const [alone, among] = [writtenItem(item, true), writtenItem(item, false)];
      expect(alone + among).toMatch(/^[ -~]+$/);
      expect(read(`a=${alone}`).list("a")).toEqual([item]);
      expect(read(`a=first,${among},last`).list("a")).toEqual(["first", item, "last"]);
    },
  );
});
