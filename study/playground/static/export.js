// The playground's pictures as one PNG, under what they show.

const wrapped = (ctx, words, width) => {
  const lines = [];
  let line = "";
  for (const word of words.split(" ")) {
    if (line && ctx.measureText(`${line} ${word}`).width > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
};

// sentences: the title first; drawn above the canvases of `root`, which keep their places.
export const savePicture = (root, sentences) => {
  const canvases = [...root.querySelectorAll("canvas")],
    frame = root.querySelector(".pg-stage").getBoundingClientRect();
  const boxes = canvases.map((canvas) => canvas.getBoundingClientRect());
  const bottom = Math.max(...boxes.map((box) => box.bottom)) - frame.top,
    width = frame.width,
    scale = 2;
  const style = getComputedStyle(root),
    made = document.createElement("canvas"),
    ctx = made.getContext("2d");
  ctx.font = `15px ${style.fontFamily}`;
  const lines = sentences.flatMap((words) => wrapped(ctx, words, width - 32));
  const top = 24 + 22 * lines.length;
  made.width = width * scale;
  made.height = (top + bottom + 16) * scale;
  ctx.scale(scale, scale);
  ctx.fillStyle = style.getPropertyValue("--paper");
  ctx.fillRect(0, 0, width, top + bottom + 16);
  ctx.fillStyle = style.getPropertyValue("--ink");
  ctx.font = `15px ${style.fontFamily}`;
  for (const [i, line] of lines.entries()) ctx.fillText(line, 16, 28 + 22 * i);
  for (const [i, canvas] of canvases.entries()) {
    const { left, top: above, width: across, height } = boxes[i];
    ctx.drawImage(canvas, left - frame.left, top + above - frame.top, across, height);
  }
  made.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "overshoot.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
};
