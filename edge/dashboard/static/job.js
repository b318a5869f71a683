// One command's page: the door's prompts as they come, and the whole page again once it is over.

import { listen } from "./stream.js";

const job = document.getElementById("job");
const slot = (name) => job.querySelector(`[data-slot="${name}"]`);
const RING = 100;

function put(element, text) {
  if (element !== null && element.textContent !== text) element.textContent = text;
}

function onJob(update) {
  if (update.id !== job.dataset.job) return;
  if (update.state !== "running") {
    location.reload();
    return;
  }
  put(slot("say"), update.told.say);
  put(slot("count"), update.told.count);
  slot("ring")?.setAttribute("stroke-dashoffset", `${RING - update.told.share}`);
}

// What came between the page and the stream is asked for once.
async function catchUp() {
  const answer = await fetch(`/jobs/${encodeURIComponent(job.dataset.job)}`);
  if (answer.ok && (await answer.json()).state !== "running") location.reload();
}

function onLink(state) {
  if (state === "live") catchUp();
  else put(slot("say"), "Connection lost, trying again");
}

if (job.dataset.state === "running") listen({ job: onJob }, onLink);
