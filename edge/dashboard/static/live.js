// The live page: what the stream says goes into its place as text, never as markup.

import { listen } from "./stream.js";
import { localise } from "./times.js";

const MOST_ROWS = 100;
const LINK = {
  live: "Live",
  lost: "Connection lost, trying again",
  out: "Logged out: load the page again",
};

const stream = document.getElementById("stream");
const doors = document.getElementById("doors");
const link = document.getElementById("link");
const seen = new Set([...stream.children].map((row) => row.dataset.id));

const slot = (root, name) => root.querySelector(`[data-slot="${name}"]`);
const make = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function choose(root, name) {
  for (const icon of root.querySelectorAll("svg")) icon.classList.toggle("on", icon.dataset.icon === name);
}

function fillBar(one) {
  const bar = make("bar");
  const [, fill, sill] = bar.querySelectorAll("rect");
  bar.classList.toggle("reached", one.reached);
  put(slot(bar, "label"), one.label);
  put(slot(bar, "text"), one.text);
  fill.setAttribute("width", `${one.value * 100}%`);
  if (one.needed === null) sill.remove();
  else sill.setAttribute("x", `${one.needed * 100}%`);
  return bar;
}

function fillFact([label, text]) {
  const fact = make("fact");
  put(fact.querySelector("dt"), label);
  put(fact.querySelector("dd"), text);
  return fact;
}

function fillMark(text) {
  const mark = make("mark");
  put(mark, text);
  return mark;
}

function fillRow(event) {
  const row = make("event");
  const told = event.told;
  row.dataset.id = `${event.door} ${event.id}`;
  row.dataset.kind = told.kind;
  row.classList.add("new");
  row.querySelector("time").dateTime = event.at;
  choose(row.querySelector(".mark"), told.kind);
  put(slot(row, "title"), told.title);
  put(slot(row, "door"), event.door);
  put(slot(row, "why"), told.why);
  slot(row, "marks").replaceChildren(...told.marks.map(fillMark));
  slot(row, "facts").replaceChildren(...told.facts.map(fillFact));
  slot(row, "more").hidden = told.facts.length === 0;
  slot(row, "bars").replaceChildren(...told.bars.map(fillBar));
  return row;
}

function onEvent(event) {
  const key = `${event.door} ${event.id}`;
  if (seen.has(key)) return;
  seen.add(key);
  const row = fillRow(event);
  localise(row);
  stream.prepend(row);
  while (stream.children.length > MOST_ROWS) {
    seen.delete(stream.lastElementChild.dataset.id);
    stream.lastElementChild.remove();
  }
  document.getElementById("no-events").hidden = true;
  const card = cardOf(event.door);
  if (event.verdict !== null && card !== null && !event.marks.includes("late")) setLast(card, event);
}

function setLast(card, event) {
  const last = slot(card, "last");
  last.hidden = false;
  last.dataset.verdict = event.verdict;
  slot(last, "last-at").dateTime = event.at;
  put(slot(last, "last-title"), event.told.title);
  localise(last);
}

function cardOf(door) {
  return [...doors.querySelectorAll("article")].find((card) => card.dataset.door === door) ?? null;
}

function newCard(door) {
  const card = make("door");
  card.dataset.door = door.id;
  card.setAttribute("aria-label", `Door ${door.id}`);
  put(slot(card, "name"), door.id);
  slot(card, "name").setAttribute("href", `/doors/${encodeURIComponent(door.id)}`);
  document.getElementById("no-doors").before(card);
  document.getElementById("no-doors").hidden = true;
  return card;
}

function onDoor(door) {
  const card = cardOf(door.id) ?? newCard(door);
  const told = door.told;
  card.dataset.state = told.word;
  choose(card.querySelector(".sign"), told.word);
  put(slot(card, "state"), told.text);
  const note = slot(card, "note");
  note.hidden = told.note === "";
  note.className = `note ${told.tone}`;
  put(slot(card, "note-text"), told.note);
  for (const [name, , text] of told.facts) {
    const fact = slot(card, name);
    fact.hidden = text === "";
    put(fact.querySelector("dd"), text);
  }
  const heard = slot(card, "seen");
  heard.hidden = door.last_seen === null;
  if (door.last_seen !== null) heard.querySelector("time").dateTime = door.last_seen;
  localise(heard);
}

function onConnection({ told }) {
  for (const [id, text] of [["broken", told.broker], ["unkept", told.archive]]) {
    const note = document.getElementById(id);
    note.hidden = text === "";
    put(slot(note, "text"), text);
  }
}

function onMissed({ told }) {
  const row = make("event");
  row.dataset.id = "";
  row.dataset.kind = "note";
  choose(row.querySelector(".mark"), "note");
  row.querySelector("time").replaceChildren();
  put(slot(row, "title"), told.text);
  put(slot(row, "why"), "Load the page again to see them all.");
  slot(row, "door").remove();
  slot(row, "more").remove();
  slot(row, "bars").replaceChildren();
  stream.prepend(row);
}

function onLink(state) {
  link.dataset.state = state;
  put(slot(link, "text"), LINK[state]);
  document.getElementById("away").hidden = state === "live";
}

listen({ connection: onConnection, door: onDoor, event: onEvent, missed: onMissed }, onLink);
setInterval(() => doors.querySelectorAll('[data-slot="seen"]').forEach(localise), 5000);
