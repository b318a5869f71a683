// The live stream of server-sent events. It says at once when it is lost, and comes back by itself.

const SILENT = 3000; // milliseconds between two tries when the server refuses for good

export function listen(handlers, said) {
  let source;
  let timer;

  function open() {
    source = new EventSource("/live");
    source.onopen = () => said("live");
    source.onerror = () => {
      said("lost");
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(ask, SILENT);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (message) => handle(JSON.parse(message.data)));
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
  open();
}
