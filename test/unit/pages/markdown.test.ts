import { describe, expect, it } from "vitest";
import { showMarkdown } from "../../../src/pages/markdown.ts";
import { admitMarkup } from "../../../src/pages/markup.ts";
import { workedMs } from "../../helpers/worked.ts";

const repositoryUrl = "https://github.example/acme/shop";
const show = (text: string) => String(showMarkdown(text, { repositoryUrl }));

describe("the agent's Markdown", () => {
  it("keeps ordinary formatting", () => {
    expect(show("**bold** and `code`\n\n- one")).toContain("<strong>bold</strong> and <code>code</code>");
  });

  it("[50] shows HTML as text", () => {
    const shown = show('<script>alert(1)</script> <img src=x onerror="alert(1)">');
    expect(shown).not.toMatch(/<(script|img)/);
    expect(shown).toContain("&lt;script&gt;");
  });

  it("[69] loads no image, not by reference either", () => {
    const shown = show("![x](https://evil.example/p.png) ![y][r]\n\n[r]: https://evil.example/q.png");
    expect(shown).not.toContain("<img");
    expect(shown).not.toContain("href");
  });

  it("[69] links into the run's own repository only, and writes foreign addresses out", () => {
    expect(show(`[issue](${repositoryUrl}/issues/7)`)).toContain(
      `<a href="${repositoryUrl}/issues/7" rel="nofollow noopener noreferrer">issue</a>`,
    );
    expect(show("[click](https://evil.example/x)")).toContain("click (https://evil.example/x)");
    expect(show("<https://evil.example/x>")).toContain("<p>https://evil.example/x</p>");
  });

  it.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "vbscript:x",
    "data:text/html,x",
    "file:///etc/passwd",
    "//evil.example",
    "/local",
    "mailto:a@b.example",
    `${repositoryUrl}/../../evil/repo`,
    `${repositoryUrl}/%2e%2e/%2e%2e/evil`,
    `${repositoryUrl}-evil/x`,
    "https://user@github.example/acme/shop/",
    "http://github.example/acme/shop/x",
    "https://github.example.evil.example/acme/shop/x",
  ])("makes no link of %s", (address) => {
    expect(show(`[x](${address})`)).not.toContain("<a ");
    expect(show(`[x](<${address}>)`)).not.toContain("<a ");
  });

  it("carries no inline style and no class of the agent's choosing", () => {
    const shown = show("|a|b|\n|:-|-:|\n|1|2|\n\n```js onload=x\ncode\n```");
    expect(shown).toContain("<th>a</th>");
    expect(shown).not.toMatch(/style=|language-|onload/);
  });

  it("puts the agent's headings below the page's own", () => {
    expect(show("# Top")).toContain("<h4>Top</h4>");
  });

  it("cuts at 64,000 characters and says so", () => {
    const shown = show("word ".repeat(20_000));
    expect(shown).toContain("Cut here: 36,000 more characters.");
    expect(shown.length).toBeLessThan(66_000);
  });

  it.each([
    ["emphasis", "*a_".repeat(21_000)],
    ["open brackets", "[".repeat(64_000)],
    ["nested lists", Array.from({ length: 1_000 }, (_, line) => `${" ".repeat(line % 120)}- x`).join("\n")],
    ["a wide table", `${"|a".repeat(3_000)}\n${"|-".repeat(3_000)}\n${"|b\n".repeat(15_000)}`],
  ])("stays fast on hostile %s", (_name, text) => {
    const startedAtMs = workedMs();
    show(text);
    expect(workedMs() - startedAtMs).toBeLessThan(3_000);
  });
});

describe("ready-made markup", () => {
  it.each([
    "<script>x</script>",
    "<img src=x>",
    '<p onclick="x">a</p>',
    '<p style="color:red">a</p>',
    '<a href="javascript:x">a</a>',
    "<scr<b>ipt>",
    "<p",
    "<!-- x -->",
  ])("is shown as text if it holds %s", (markup) => {
    expect(String(admitMarkup(markup))).toMatch(/^<pre>[^<]*<\/pre>$/);
  });

  it("passes as it is if every tag is harmless", () => {
    expect(String(admitMarkup('<p class="a">x &lt; y</p>'))).toBe('<p class="a">x &lt; y</p>');
  });
});
