// Times in the reader's own time zone and words; without this they stay in the server's.

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short" });
const both = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium", hour12: false });

export function ago(moment, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - moment) / 1000));
  if (seconds < 10) return "just now";
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return clock.format(moment);
}

export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = both.format(moment);
    const date = time.querySelector("span");
    const today = day.format(moment) === day.format(new Date());
    if (time.dataset.ago !== undefined) time.textContent = ago(moment);
    else if (date !== null) {
      time.firstChild.textContent = clock.format(moment);
      date.textContent = today ? "" : day.format(moment);
    } else time.textContent = today ? clock.format(moment) : `${day.format(moment)}, ${clock.format(moment)}`;
  }
}

localise(document);
