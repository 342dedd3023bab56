// Runs in the page: the lowest contrast of any text with what lies behind it (WCAG 2 formula).
(() => {
  const parse = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [red, green, blue] = color.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  let lowest = { value: 21, where: "" };
  for (const element of document.querySelectorAll("body *")) {
    const words = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    if (words.length === 0) continue;
    let behind = element;
    while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
    const ground = luminance(parse(behind ? getComputedStyle(behind).backgroundColor : "rgb(255, 255, 255)"));
    const ink = luminance(parse(getComputedStyle(element).color));
    const value = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
    if (value < lowest.value) lowest = { value, where: `${element.tagName}.${element.className} ${words[0].textContent}` };
  }
  return lowest;
})();
