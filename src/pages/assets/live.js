// Keeps a run's page up to date. Without it the page loads itself anew while the run goes on.
(() => {
  const run = document.querySelector("[data-live]");
  if (!run) return;

  // The only HTML that enters the page: what this page's own server made of it.
  const policy = globalThis.trustedTypes?.createPolicy("airlock", { createHTML: (html) => html });
  const trust = (html) => (policy ? policy.createHTML(html) : html);

  const entries = document.getElementById("entries");
  const log = entries.parentElement;
  const line = document.getElementById("line");
  const keptEntries = 1000;

  const say = (words, state) => {
    line.textContent = words;
    line.dataset.state = state;
  };

  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  const toEnd = () => {
    log.scrollTop = log.scrollHeight;
  };

  const addEntry = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = trust(html);
    const item = holder.content.firstElementChild;
    if (!item || document.getElementById(item.id)) return;
    const follow = isAtEnd();
    entries.append(item);
    log.querySelector(".none")?.remove();
    while (entries.children.length > keptEntries) entries.firstElementChild.remove();
    if (follow) toEnd();
  };

  // A part that somebody is in (a link with the focus, a marked text) changes when they leave it.
  const late = new Map();
  const isBusy = (part) => {
    const selection = document.getSelection();
    return part.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(part, true));
  };
  const setRegion = (name, html) => {
    const part = document.getElementById(`region-${name}`);
    if (!part) return;
    if (isBusy(part)) return void late.set(name, html);
    late.delete(name);
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    const scrolls = [...part.querySelectorAll("[tabindex]")].map((box) => [box.scrollLeft, box.scrollTop]);
    part.innerHTML = trust(html);
    part.querySelectorAll("details").forEach((details, index) => {
      if (open[index]) details.open = true;
    });
    part.querySelectorAll("[tabindex]").forEach((box, index) => {
      [box.scrollLeft, box.scrollTop] = scrolls[index] ?? [0, 0];
    });
    const title = part.querySelector("[data-title]")?.dataset.title;
    if (title) document.title = `${title} · Airlock`;
  };
  const setLate = () => {
    for (const [name, html] of late) setRegion(name, html);
  };

  const printSpan = (ms) => {
    const seconds = Math.max(0, Math.round(ms / 1000));
    const two = (value) => String(value).padStart(2, "0");
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
  };
  // The server's clock counts, not the visitor's.
  const shownAt = new WeakMap();
  const tick = () => {
    setLate();
    const clock = document.querySelector("[data-since]");
    if (!clock) return;
    if (!shownAt.has(clock)) shownAt.set(clock, performance.now());
    clock.textContent = printSpan(
      Number(clock.dataset.now) - Number(clock.dataset.since) + performance.now() - shownAt.get(clock),
    );
  };

  // The browser comes back by itself when a connection breaks, but gives up where it gets an error page, as during a restart.
  const address = new URL(run.dataset.live, location.href);
  const connect = () => {
    const source = new EventSource(address);
    source.addEventListener("open", () => say("Live", "live"));
    source.addEventListener("error", () => {
      say("Connecting again", "lost");
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 4000 + Math.random() * 4000);
    });
    source.addEventListener("entry", (event) => {
      address.searchParams.set("after", event.lastEventId);
      addEntry(event.data);
    });
    source.addEventListener("region", (event) => {
      const { name, html } = JSON.parse(event.data);
      setRegion(name, html);
    });
    source.addEventListener("over", () => {
      source.close();
      setLate();
      say("", "over");
    });
  };
  connect();
  setInterval(tick, 1000);
  toEnd();
})();
