// The operator's controls: each is sent twice, and the second time with the code that the first was answered with.

const by = (id) => document.getElementById(id);

async function send(name, body) {
  const answer = await fetch(`/control/${name}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${by("token").value.trim()}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const found = await answer.json();
  if (!found.ok) throw new Error(found.error);
  return found;
}

function agreed(text) {
  const dialog = by("ask");
  by("ask-text").textContent = text;
  dialog.showModal();
  by("ask-no").focus();
  return new Promise((resolve) => {
    const done = (answer) => () => {
      dialog.close();
      resolve(answer);
    };
    by("ask-yes").onclick = done(true);
    by("ask-no").onclick = done(false);
    dialog.oncancel = () => resolve(false);
  });
}

function tell(text, good) {
  by("control-result").textContent = text;
  by("control-result").className = good ? "good" : "bad";
}

async function twice(name, body) {
  const { ask, confirm } = await send(name, body);
  if (!(await agreed(ask))) return tell("Nothing was done.", true);
  await send(name, { ...body, confirm });
  tell(`Done: ${name.replace("_", " ")}.`, true);
}

function shown(readings) {
  const list = readings.groups.map((group) => reading(group, readings));
  if (list.length === 0 || !readings.can_approve) {
    const answer = document.createElement("p");
    answer.textContent = readings.answer;
    list.unshift(answer);
  }
  by("readings").replaceChildren(...list);
}

function reading(group, readings) {
  const box = document.createElement("div");
  const text = document.createElement("blockquote");
  text.className = "reading";
  text.textContent = group.reading;
  box.append(text);
  for (const line of [...(group.differences ?? []), ...(group.defaults ?? [])]) {
    const note = document.createElement("p");
    note.className = "dim";
    note.textContent = line;
    box.append(note);
  }
  if (!group.hash || !readings.can_approve) return box;
  const judged = group.reading.includes("it is judged that");
  const accept = document.createElement("input");
  accept.type = "checkbox";
  if (judged) {
    const label = document.createElement("label");
    label.append(accept, " I accept that the student alone judges this");
    box.append(label);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = group.votes == null ? "Approve…" : `Approve… (${group.votes} readings say this)`;
  button.addEventListener("click", () =>
    carryOut(() =>
      twice("approve_order", {
        reading: group.reading,
        hash: group.hash,
        words: readings.words,
        ...(judged ? { accept_judgement: accept.checked } : {}),
      }),
    ),
  );
  box.append(button);
  return box;
}

async function carryOut(work) {
  const buttons = [...document.querySelectorAll("#controls button")];
  for (const button of buttons) button.disabled = !button.id.startsWith("ask-");
  tell("…", true);
  try {
    await work();
  } catch (error) {
    tell(error.message, false);
  }
  for (const button of buttons) button.disabled = false;
}

const WORK = {
  pause: () => twice("pause", { reason: by("reason").value }),
  resume: () => twice("resume", {}),
  flatten: () => twice("flatten", {}),
  cancel_order: () => twice("cancel_order", { reason: by("reason").value }),
  read_order: async () => {
    const { readings } = await send("read_order", { words: by("words").value });
    shown(readings);
    tell("", true);
  },
};

export function controls() {
  for (const button of document.querySelectorAll("[data-control]")) {
    button.addEventListener("click", () => carryOut(WORK[button.dataset.control]));
  }
}
