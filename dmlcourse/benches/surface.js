// A picture with a real button over each point that can be pressed or dragged.
//
// `scene` (from Python): source, alt, targets [{x, y, label, pressed, drag, box}], moves. Places are
// shares of the picture from its top left corner. A press goes back as a message, a move as the
// value `moved`: {target, place, count}. `scene.moves` is the count of the last move that the scene
// knows of: a point that has been moved since stays where the reader has put it.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const REACH = 22; // pixels around a point in which a press means it
const STEP = 0.02; // of the panel, for one press of an arrow key; five times as much with Shift

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function render({ model, el }) {
  const root = document.createElement("div");
  const frame = document.createElement("div");
  const group = document.createElement("div");
  root.className = "dmlcourse-surface";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Points of the picture");
  frame.append(group);
  root.append(frame);
  el.append(root);

  let image = null;
  let targets = [];
  let latest = 0; // the number of the newest scene
  let sent = model.get("moved").count ?? 0;
  let waiting = null; // a move that goes out with the next animation frame
  let drag = null; // {index, moved} while a pointer holds a point
  let justDragged = false;

  const button = (index) => group.children[index];

  async function show() {
    const scene = model.get("scene");
    const turn = ++latest;
    if (!scene.source) return;
    const next = new Image();
    next.draggable = false;
    next.alt = scene.alt;
    next.src = scene.source;
    await next.decode().catch(() => {}); // the old picture stays until the new one is ready
    if (turn !== latest) return;
    frame.style.setProperty("--natural", `${next.naturalWidth}px`);
    if (image) image.replaceWith(next);
    else frame.prepend(next);
    image = next;
    update(scene);
  }

  function update(scene) {
    const before = targets;
    const ahead = waiting !== null || scene.moves < sent; // Python has not heard of the last move
    targets = scene.targets.map((target, i) =>
      ahead && before[i]?.touched ? { ...target, x: before[i].x, y: before[i].y, touched: true } : target
    );
    while (group.children.length > targets.length) group.lastChild.remove();
    while (group.children.length < targets.length) group.append(newButton());
    targets.forEach(dress);
  }

  function newButton() {
    const made = document.createElement("button");
    made.type = "button";
    return made;
  }

  // The buttons stay the same elements, so that the one with the focus keeps it.
  function dress(target, index) {
    const own = button(index);
    own.setAttribute("aria-label", target.label);
    if (target.pressed === null) own.removeAttribute("aria-pressed");
    else own.setAttribute("aria-pressed", String(target.pressed));
    own.toggleAttribute("data-drag", target.drag);
    place(target, index);
  }

  function place(target, index) {
    button(index).style.left = `${100 * target.x}%`;
    button(index).style.top = `${100 * target.y}%`;
  }

  function press(index) {
    button(index).focus({ preventScroll: true });
    model.send({ press: index });
  }

  function move(index, x, y) {
    const target = targets[index];
    const [left, top, right, bottom] = target.box;
    Object.assign(target, { x: clamp(x, left, right), y: clamp(y, top, bottom), touched: true });
    place(target, index);
    if (waiting === null) requestAnimationFrame(send);
    else if (waiting.index !== index) send();
    waiting = { index, place: [target.x, target.y] };
  }

  function send() {
    if (waiting === null) return;
    sent += 1;
    model.set("moved", { target: waiting.index, place: waiting.place, count: sent });
    model.save_changes();
    waiting = null;
  }

  function share(event) {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  // Buttons of near points overlap on a small screen; the pointer always means the nearest point.
  function nearest(event) {
    const box = frame.getBoundingClientRect();
    const [x, y] = share(event);
    const far = targets.map((t) => Math.hypot((t.x - x) * box.width, (t.y - y) * box.height));
    const best = far.indexOf(Math.min(...far));
    return far[best] <= REACH ? best : -1;
  }

  function mark(index) {
    [...group.children].forEach((own, i) => own.toggleAttribute("data-near", i === index));
    frame.style.cursor = index < 0 ? "" : "pointer";
  }

  frame.addEventListener("click", (event) => {
    const own = [...group.children].indexOf(event.target);
    const index = event.detail === 0 ? own : nearest(event); // 0: by keyboard or a screen reader
    if (index >= 0 && !justDragged) press(index);
    justDragged = false;
  });

  frame.addEventListener("pointerdown", (event) => {
    justDragged = false;
    const index = event.button === 0 ? nearest(event) : -1;
    if (index < 0 || !targets[index].drag) return;
    event.preventDefault();
    button(index).focus({ preventScroll: true });
    frame.setPointerCapture(event.pointerId);
    drag = { index, from: [event.clientX, event.clientY], moved: false };
  });

  frame.addEventListener("pointermove", (event) => {
    if (drag === null) return mark(nearest(event));
    const [x, y] = drag.from;
    drag.moved ||= Math.hypot(event.clientX - x, event.clientY - y) > 3;
    if (drag.moved) move(drag.index, ...share(event));
  });

  frame.addEventListener("pointerleave", () => mark(-1));

  for (const end of ["pointerup", "pointercancel"]) {
    frame.addEventListener(end, () => {
      justDragged = drag?.moved ?? false;
      drag = null;
    });
  }

  frame.addEventListener("keydown", (event) => {
    const index = [...group.children].indexOf(event.target);
    const arrow = ARROWS[event.key];
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow || event.key === "Enter" || event.key === " ") event.stopPropagation(); // the notebook
    if (!arrow) return;
    event.preventDefault();
    if (targets[index].drag) nudge(index, arrow, event.shiftKey ? 5 * STEP : STEP);
    else neighbour(index, arrow)?.focus();
  });

  function nudge(index, [right, down], step) {
    const { x, y, box } = targets[index];
    move(index, x + right * step * (box[2] - box[0]), y + down * step * (box[3] - box[1]));
  }

  // The nearest button that lies more in the direction of the arrow than to its side.
  function neighbour(index, [right, down]) {
    const { width, height } = frame.getBoundingClientRect();
    const here = targets[index];
    let best = Infinity;
    let found = null;
    targets.forEach((there, i) => {
      const [dx, dy] = [(there.x - here.x) * width, (there.y - here.y) * height];
      const [along, aside] = [dx * right + dy * down, Math.abs(dx * down) + Math.abs(dy * right)];
      if (along > 0 && aside <= along && Math.hypot(along, aside) < best) {
        best = Math.hypot(along, aside);
        found = button(i);
      }
    });
    return found;
  }

  model.on("change:scene", show);
  show();
  return () => model.off("change:scene", show);
}

export default { render };
