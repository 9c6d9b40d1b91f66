// Samples: those at the end, or those of one tick for all trials at once.

function setUpTicks(section) {
  const stepper = section.querySelector(".stepper");
  if (!stepper) return;
  const steps = stepper.querySelector(".steps");
  const range = stepper.querySelector("input");
  const timelines = [...section.querySelectorAll(".timeline[data-notes]")];
  const numbers = (element) => element.dataset.ticks.split(" ").map(Number);
  const ticks = numbers(stepper);
  const parts = timelines.map((timeline) => ({
    ticks: numbers(timeline),
    notes: timeline.dataset.notes.split("\n"),
    frame: timeline.querySelector(".frame"),
    note: timeline.querySelector(".tick"),
  }));
  const show = () => {
    const tick = ticks[range.value];
    range.setAttribute("aria-valuetext", `tick ${tick}`);
    stepper.querySelector("output").textContent = `${tick} of ${ticks.at(-1)}`;
    for (const part of parts) {
      const row = Math.max(0, part.ticks.findLastIndex((own) => own <= tick));
      part.frame.style.setProperty("--row", row);
      part.note.textContent = part.notes[row];
    }
  };
  const step = (by) => {
    range.value = Number(range.value) + by;
    show();
  };
  setUpSwitch(stepper.querySelector(".switch"), (kind) => {
    section.dataset.kind = kind;
    steps.hidden = section.querySelector(".timeline-note").hidden = kind !== "timeline";
    section.querySelector(".near-note").hidden = kind !== "near";
    show();
  });
  range.addEventListener("input", show);
  stepper.querySelector(".back").addEventListener("click", () => step(-1));
  stepper.querySelector(".on").addEventListener("click", () => step(1));
  stepper.hidden = false;
  show();
}

function setUpEnlarging(section) {
  const dialog = section.querySelector("dialog");
  section.addEventListener("click", (event) => {
    const picture = event.target.closest("button.last img, button.last");
    if (!picture) return;
    const image = picture.closest("button").querySelector("img");
    const large = dialog.querySelector("img");
    large.src = image.src;
    large.alt = image.alt;
    large.className = image.className;
    dialog.querySelector("p").textContent = image.alt;
    dialog.showModal();
  });
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function setUpSamples() {
  const section = document.getElementById("samples");
  if (!section) return;
  setUpTicks(section);
  setUpEnlarging(section);
}

setUpSamples();
