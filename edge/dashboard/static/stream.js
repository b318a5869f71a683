// The live stream of server-sent events. It says at once when it is lost, and comes back by itself. Where the browser
// reconnects it asks for what it missed; after a stream that had to be made anew the page is loaded again instead.

const RETRY = 3000; // milliseconds between two tries when the server refuses for good
const SILENT = 25000; // the server says something every ten seconds: after this the line is dead

export function listen(handlers, said) {
  let source;
  let timer;
  let heard = Date.now();

  function open(anew = true) {
    source = new EventSource("/live");
    heard = Date.now();
    source.onopen = () => {
      if (anew) location.reload();
      else said("live");
    };
    source.addEventListener("ping", () => {
      heard = Date.now();
    });
    source.onerror = () => {
      said("lost");
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(ask, RETRY);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (message) => {
        heard = Date.now();
        handle(JSON.parse(message.data));
      });
    }
  }

  // A refused stream means that somebody ended the session, or that there are enough streams.
  async function ask() {
    try {
      const answer = await fetch("/account", { method: "HEAD", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        said("out");
        return;
      }
    } catch {
      // the server is away: keep trying
    }
    open();
  }

  addEventListener("pagehide", () => {
    clearTimeout(timer);
    source.close();
  });
  addEventListener("pageshow", (shown) => {
    if (shown.persisted) open();
  });
  setInterval(() => {
    if (source.readyState !== EventSource.OPEN || Date.now() - heard < SILENT) return;
    said("lost");
    source.close();
    open();
  }, SILENT / 5);
  open(false);
}
