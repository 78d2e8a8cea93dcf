// Equal modules in a row, such as the blocks of a residual net, become one group "× N" around them, which opens and
// closes as any other.

// Two modules are equal if they are of one type and the same was computed in them on the same shapes.
function signatureOf(group) {
  const part = (b) =>
    `${b.kind} ${b.kind === "parameter" ? b.label.split(".").pop() : b.label} ${b.text || ""} ${formatShape(b.shape)} ${attributesOf(b)}`;
  return `${group.type}(${group.boxes.map(part).join("; ")})`;
}

// The row that begins at i and covers the most: {period, times}; a pattern of up to six modules, three times at least.
function longestRow(signatures, i) {
  let best = null;
  for (let period = 1; period <= 6; period++) {
    let end = i + period;
    while (end < signatures.length && signatures[end] === signatures[end - period]) end++;
    const times = Math.floor((end - i) / period);
    if (times >= 3 && (!best || times * period > best.times * best.period)) best = { period, times };
  }
  return best;
}

// Nothing else was computed in between.
function isUnbroken(members, parent) {
  const inside = new Set(members.flatMap((g) => g.boxes));
  const orders = [...inside].map((b) => b.order);
  const [first, last] = [Math.min(...orders), Math.max(...orders)];
  return parent.boxes.every((b) => inside.has(b) || b.order < first || b.order > last || !edgesInto.get(b.id).length);
}

function foldRepeats() {
  let fresh = Math.max(0, ...groups.keys()) + 1;
  for (const parent of [...groups.values()]) {
    const children = parent.children.filter((g) => g.boxes.length).sort((a, b) => a.boxes[0].order - b.boxes[0].order);
    const signatures = children.map(signatureOf);
    for (let i = 0; i < children.length; i++) {
      const row = longestRow(signatures, i);
      const members = row ? children.slice(i, i + row.period * row.times) : [];
      if (!row || !isUnbroken(members, parent)) continue;
      const types = members.slice(0, row.period).map((g) => g.type);
      const names = members.map((g) => g.name);
      const group = {
        id: fresh++,
        name: `${names[0]} … ${names[names.length - 1]}`,
        type: types.join(" + "),
        parent: parent.id,
        count: row.times,
        names,
        closed: members.some((g) => g.closed),
        children: members,
        boxes: members.flatMap((g) => g.boxes),
        row: true,
      };
      for (const g of members) g.parent = group.id;
      parent.children = [...parent.children.filter((g) => !members.includes(g)), group];
      groups.set(group.id, group);
      i += members.length - 1;
    }
  }
}

for (const g of groups.values()) g.boxes.sort((a, b) => a.order - b.order);
foldRepeats();
